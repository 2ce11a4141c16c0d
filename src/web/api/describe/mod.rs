//! What each door is for, in the words and schemas of the API description. A door can't be made without
//! it, so that nothing is served that is not described.

pub(super) mod document;
mod inputs;

use actix_web::http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::domain::delivery::State;
use crate::domain::limits::{
    CREATION_KEY_BYTES, CURSOR_BYTES, PAGE, PAGE_DEFAULT, RELAY_KEY_BYTES,
};
use crate::web::error::Code;

/// What one door is for.
pub(in crate::web::api) struct About {
    /// Names the call for programs that are generated.
    id: &'static str,
    /// What it belongs to.
    tag: &'static str,
    /// One line.
    summary: &'static str,
    /// All else that a caller must know.
    text: &'static str,
    query: Vec<Parameter>,
    headers: Vec<Parameter>,
    body: Option<Body>,
    takes_no_body: bool,
    /// Whether it counts no cookie, so that it is nobody's business from which site it is called.
    from_anywhere: bool,
    answer: Answer,
    /// What it answers with 200 where that is not its one answer.
    other_answer: Option<(&'static str, SchemaOf)>,
    /// Refusals beside those that all calls of its kind have.
    refusals: Vec<Code>,
    /// Its refusals, where it has a form of its own for them.
    own_refusals: Option<(SchemaOf, Vec<(u16, &'static str)>)>,
}

/// A parameter of the query, or a header.
struct Parameter {
    name: &'static str,
    text: String,
    required: bool,
    schema: Value,
}

struct Body {
    /// The name of its schema.
    schema: &'static str,
    media: &'static str,
    example: Value,
}

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

struct Answer {
    status: u16,
    text: &'static str,
    schema: Option<SchemaOf>,
    media: &'static str,
    headers: Vec<(&'static str, &'static str)>,
}

/// Begins to tell of a call.
pub(super) fn call(
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    text: &'static str,
) -> About {
    let answer = Answer {
        status: 204,
        text: "Done.",
        schema: None,
        media: "application/json",
        headers: Vec::new(),
    };
    About {
        id,
        tag,
        summary,
        text,
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        takes_no_body: false,
        from_anywhere: false,
        answer,
        other_answer: None,
        refusals: Vec::new(),
        own_refusals: None,
    }
}

impl About {
    /// It answers with a thing of that type.
    pub(super) fn gives<T: JsonSchema>(mut self, status: u16, text: &'static str) -> Self {
        self.answer.status = status;
        self.answer.text = text;
        self.answer.schema = Some(|generator| generator.subschema_for::<T>());
        self
    }

    /// With 200 and a thing of that type it answers otherwise: to a dry run, or where nothing was made.
    pub(super) fn or_gives<T: JsonSchema>(mut self, text: &'static str) -> Self {
        self.other_answer = Some((text, |generator| generator.subschema_for::<T>()));
        self
    }

    /// It answers with something that is no JSON.
    pub(super) fn gives_text(mut self, media: &'static str, text: &'static str) -> Self {
        self.answer.status = 200;
        self.answer.text = text;
        self.answer.media = media;
        self
    }

    /// Its answer has this header.
    pub(super) fn with_header(mut self, name: &'static str, text: &'static str) -> Self {
        self.answer.headers.push((name, text));
        self
    }

    /// It takes a JSON body of that schema.
    pub(super) fn takes(mut self, schema: &'static str, example: Value) -> Self {
        self.body = Some(Body { schema, media: "application/json", example });
        self
    }

    /// It takes a JSON merge patch (RFC 7396).
    pub(super) fn takes_patch(mut self, schema: &'static str, example: Value) -> Self {
        self.body = Some(Body { schema, media: "application/merge-patch+json", example });
        self
    }

    /// It says all by its address, and takes no body.
    pub(super) fn takes_nothing(mut self) -> Self {
        self.takes_no_body = true;
        self
    }

    /// It may also refuse so.
    pub(super) fn refuses(mut self, codes: &[Code]) -> Self {
        self.refusals.extend_from_slice(codes);
        self
    }

    fn asks(mut self, name: &'static str, text: impl Into<String>, schema: Value) -> Self {
        self.query.push(Parameter { name, text: text.into(), required: false, schema });
        self
    }

    /// A list: it has pages.
    pub(super) fn paged(self) -> Self {
        let limit =
            json!({"type": "integer", "minimum": 1, "maximum": PAGE, "default": PAGE_DEFAULT});
        self.asks("limit", "How many things a page has.", limit).asks(
            "cursor",
            "Where to go on: the `next_cursor` of the page before. What is added meanwhile moves nothing.",
            json!({"type": "string", "maxLength": CURSOR_BYTES}),
        )
    }

    /// A list that can be narrowed down to a span of time.
    pub(super) fn within(self) -> Self {
        let time = || json!({"type": "string", "format": "date-time"});
        self.asks("since", "At or after this time (RFC 3339).", time()).asks(
            "until",
            "Before this time (RFC 3339).",
            time(),
        )
    }

    /// A text that narrows a list down.
    pub(super) fn by(self, name: &'static str, text: &'static str) -> Self {
        self.asks(name, text, json!({"type": "string"}))
    }

    /// The filters of deliveries; which states are allowed, and whether one must be named.
    pub(super) fn of_deliveries(self, states: &[State], required: bool) -> Self {
        let words: Vec<_> = states.iter().map(|state| state.word()).collect();
        let id = || json!({"type": "string", "format": "uuid"});
        let mut about = self
            .asks("automation_id", "Of this automation.", id())
            .asks("integration_id", "To this integration.", id())
            .asks("state", "In this state.", json!({"type": "string", "enum": words}))
            .by("record_id", "About this record.")
            .within();
        for parameter in &mut about.query {
            parameter.required = required && parameter.name == "state";
        }
        about
    }

    /// It can be asked what it would do.
    pub(super) fn can_be_dry(self) -> Self {
        self.with_switch("dry_run", "Only say what would be done.")
    }

    /// A parameter that is true or false.
    pub(super) fn with_switch(self, name: &'static str, text: &'static str) -> Self {
        self.asks(name, text, json!({"type": "boolean", "default": false}))
    }

    fn reads(mut self, name: &'static str, text: String, required: bool, schema: Value) -> Self {
        self.headers.push(Parameter { name, text, required, schema });
        self
    }

    /// It compares the version that the caller has seen.
    pub(super) fn compares(mut self, required: bool) -> Self {
        let text = "The ETag of what the change is based on, or `*` for any: two editors never overwrite \
                    each other silently.";
        self.refusals.push(Code::Stale);
        if required {
            self.refusals.push(Code::PreconditionRequired);
        }
        let schema = json!({"type": "string", "pattern": "^(\\*|\"[0-9a-f]{1,32}\")$"});
        self.reads("If-Match", text.to_owned(), required, schema)
    }

    /// It makes something, once for each key.
    pub(super) fn once(mut self) -> Self {
        let text = "A key of the caller's own for this call. The same call again with the same key makes \
                    no second thing for 24 hours: it is answered with the first one, as it is then, and \
                    `Idempotency-Replayed: true`. Secrets that the first answer showed are not shown again.";
        self.refusals.push(Code::KeyReused);
        let schema = json!({"type": "string", "minLength": 1, "maxLength": CREATION_KEY_BYTES,
                            "pattern": "^[!-~]+$"});
        self.reads("Idempotency-Key", text.to_owned(), false, schema)
            .with_header("Location", "The address of what was made.")
    }

    /// Another system's call: it proves who it is in a way of its own, and tells its repeats by a key.
    pub(super) fn of_another_system(mut self) -> Self {
        self.from_anywhere = true;
        self.refusals.extend([Code::WrongCredential, Code::RelayOff]);
        let text = "The key by which a repeat is told. Without one, `automation_id` and `record.id` of the \
                    body tell it.";
        let schema = json!({"type": "string", "minLength": 1, "maxLength": RELAY_KEY_BYTES,
                            "pattern": "^[!-~]+$"});
        self.reads("Idempotency-Key", text.to_owned(), false, schema)
    }

    /// It refuses as another product does: in that form, and with these statuses.
    pub(super) fn refuses_as<T: JsonSchema>(mut self, statuses: &[(u16, &'static str)]) -> Self {
        let schema: SchemaOf = |generator| generator.subschema_for::<T>();
        self.own_refusals = Some((schema, statuses.to_vec()));
        self
    }

    /// It asks for a key of its own in that header.
    pub(super) fn with_key(self, name: &'static str, text: &str) -> Self {
        self.reads(name, text.to_owned(), true, json!({"type": "string", "minLength": 1}))
    }

    /// What it may refuse, with what all calls of its kind may.
    fn codes(&self, method: &Method, path: &str, open: bool) -> Vec<Code> {
        let mut codes = vec![Code::Internal, Code::StoreBusy, Code::Stopping];
        if !open {
            codes.extend([Code::Unauthorized, Code::Forbidden]);
        }
        if path.contains("{id}") {
            codes.push(Code::NotFound);
        }
        if !method.is_safe() {
            codes.push(Code::StoreFull);
        }
        if !method.is_safe() && !self.from_anywhere {
            codes.push(Code::ForeignSite);
        }
        if self.body.is_some() {
            codes.extend([Code::Malformed, Code::UnsupportedMediaType, Code::Invalid]);
        }
        if self.body.is_some() || self.takes_no_body {
            codes.extend([Code::RequestTimeout, Code::TooLarge, Code::Malformed, Code::Invalid]);
        }
        if !self.query.is_empty() {
            codes.push(Code::Invalid);
        }
        codes.extend(&self.refusals);
        codes
    }
}
