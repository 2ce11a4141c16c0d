//! `/docs`: the API's description as one page for people, made of `/openapi.json` itself. It needs no
//! script and no other host.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::header::{self, ContentType};
use askama::Template;
use serde_json::Value;

use super::api::openapi;
use super::error::Problem;

const STYLE: &str = include_str!("../../assets/docs.css");
/// The page loads its own style and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

static PAGE: OnceLock<Option<String>> = OnceLock::new();

pub(super) async fn page() -> Result<HttpResponse, Problem> {
    let page = PAGE.get_or_init(|| match Docs::of(openapi()).render() {
        Ok(page) => Some(page),
        Err(error) => {
            tracing::error!(%error, "the page at /docs can't be made");
            None
        }
    });
    let page = page.as_deref().ok_or_else(Problem::internal)?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(page))
}

pub(super) async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(STYLE)
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Docs<'a> {
    title: &'a str,
    version: &'a str,
    introduction: Vec<Part<'a>>,
    tags: Vec<Tag<'a>>,
    schemas: Vec<Named<'a>>,
}

/// A part of a text.
enum Part<'a> {
    Text(&'a str),
    List(Vec<&'a str>),
}

struct Tag<'a> {
    name: &'a str,
    text: &'a str,
    calls: Vec<Call<'a>>,
}

struct Call<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    summary: &'a str,
    text: &'a str,
    parameters: Vec<Field<'a>>,
    body: Option<Body<'a>>,
    answers: Vec<Answer<'a>>,
}

struct Field<'a> {
    name: &'a str,
    place: &'a str,
    required: bool,
    kind: Vec<Word<'a>>,
    text: &'a str,
}

/// A piece of a type's name, with a link to a schema where it is one.
struct Word<'a> {
    text: String,
    link: Option<&'a str>,
}

struct Body<'a> {
    media: &'a str,
    schema: &'a str,
    example: String,
}

struct Answer<'a> {
    status: &'a str,
    text: &'a str,
    kind: Vec<Word<'a>>,
}

struct Named<'a> {
    name: &'a str,
    text: &'a str,
    fields: Vec<Field<'a>>,
}

/// A piece of a text: plain, or what stood between backticks.
struct Piece<'a> {
    code: bool,
    text: &'a str,
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let pieces = text.split('`').enumerate();
    pieces.map(|(index, text)| Piece { code: index % 2 == 1, text }).collect()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten().map(|(name, each)| (name.as_str(), each))
}

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

impl<'a> Docs<'a> {
    fn of(document: &'a Value) -> Self {
        let info = document.get("info").unwrap_or(&Value::Null);
        let mut tags: Vec<Tag<'a>> = items(document.get("tags"))
            .map(|tag| Tag {
                name: text(tag, "name"),
                text: text(tag, "description"),
                calls: Vec::new(),
            })
            .collect();
        for (path, item) in members(document.get("paths")) {
            for (method, call) in members(Some(item)).filter(|(name, _)| *name != "parameters") {
                let tag = items(call.get("tags")).next().and_then(Value::as_str);
                let shown = Call::of(method, path, item, call);
                if let Some(tag) = tags.iter_mut().find(|each| Some(each.name) == tag) {
                    tag.calls.push(shown);
                }
            }
        }
        let schemas = members(document.pointer("/components/schemas"));
        Self {
            title: text(info, "title"),
            version: text(info, "version"),
            introduction: text(info, "description").split("\n\n").map(part).collect(),
            tags,
            schemas: schemas.map(|(name, schema)| named(name, schema)).collect(),
        }
    }
}

fn part(text: &str) -> Part<'_> {
    if text.starts_with("* ") {
        Part::List(text.lines().map(|line| line.trim_start_matches("* ")).collect())
    } else {
        Part::Text(text)
    }
}

impl<'a> Call<'a> {
    fn of(method: &str, path: &'a str, item: &'a Value, call: &'a Value) -> Self {
        let both = items(item.get("parameters")).chain(items(call.get("parameters")));
        let body = members(call.pointer("/requestBody/content")).next();
        Self {
            id: text(call, "operationId"),
            method: method.to_ascii_uppercase(),
            path,
            summary: text(call, "summary"),
            text: text(call, "description"),
            parameters: both.map(parameter).collect(),
            body: body.map(|(media, content)| Body {
                media,
                schema: content.pointer("/schema/$ref").and_then(schema_name).unwrap_or_default(),
                example: content.get("example").map(|each| format!("{each:#}")).unwrap_or_default(),
            }),
            answers: members(call.get("responses"))
                .map(|(status, answer)| Answer {
                    status,
                    text: text(answer, "description"),
                    kind: members(answer.get("content"))
                        .next()
                        .and_then(|(_, content)| content.get("schema"))
                        .map(kind)
                        .unwrap_or_default(),
                })
                .collect(),
        }
    }
}

fn parameter(each: &Value) -> Field<'_> {
    Field {
        name: text(each, "name"),
        place: text(each, "in"),
        required: each.get("required").and_then(Value::as_bool).unwrap_or(false),
        kind: each.get("schema").map(kind).unwrap_or_default(),
        text: text(each, "description"),
    }
}

fn named<'a>(name: &'a str, schema: &'a Value) -> Named<'a> {
    let required: Vec<&str> = items(schema.get("required")).filter_map(Value::as_str).collect();
    let fields = members(schema.get("properties")).map(|(name, each)| Field {
        name,
        place: "",
        required: required.contains(&name),
        kind: kind(each),
        text: text(each, "description"),
    });
    Named { name, text: text(schema, "description"), fields: fields.collect() }
}

fn schema_name(reference: &Value) -> Option<&str> {
    reference.as_str()?.strip_prefix("#/components/schemas/")
}

/// A type in words.
fn kind(schema: &Value) -> Vec<Word<'_>> {
    let word = |text: String| vec![Word { text, link: None }];
    if let Some(name) = schema.get("$ref").and_then(schema_name) {
        return vec![Word { text: name.to_owned(), link: Some(name) }];
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
        return word(words.join(", "));
    }
    let choices: Vec<&Value> = items(schema.get("anyOf")).collect();
    if !choices.is_empty() {
        let mut all = Vec::new();
        for (index, choice) in choices.into_iter().enumerate() {
            if index > 0 {
                all.extend(word(" or ".to_owned()));
            }
            all.extend(kind(choice));
        }
        return all;
    }
    let name = match schema.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
            names.join(" or ")
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            return word("any".to_owned());
        }
    };
    if let Some(item) = schema.get("items").filter(|_| name.starts_with("array")) {
        let mut all = word("list of ".to_owned());
        all.extend(kind(item));
        return all;
    }
    let bounds = bounds(schema);
    word(if bounds.is_empty() { name } else { format!("{name} ({bounds})") })
}

fn bounds(schema: &Value) -> String {
    let number = |name: &str| schema.get(name).map(|each| each.to_string());
    let span = |least: Option<String>, most: Option<String>, unit: &str| match (least, most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
        (None, Some(most)) => Some(format!("at most {most}{unit}")),
        (Some(least), None) => Some(format!("at least {least}{unit}")),
        (None, None) => None,
    };
    let parts = [
        schema.get("format").and_then(Value::as_str).map(str::to_owned),
        span(number("minimum"), number("maximum"), ""),
        span(number("minLength"), number("maxLength"), " characters"),
        number("default").map(|each| format!("default {each}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
