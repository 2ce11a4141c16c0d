//! How a page is compared with what is told of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use belfry::web::token::Right;
use regex::Regex;

use crate::golden::{Names, difference};
use crate::service::{Options, Service};

/// What the page does not decide, with a name that stands for it.
const FOREIGN: [(&str, &str); 7] = [
    // Where styles and scripts are changes with each of them.
    ("/assets/[0-9a-f]{12}/", "/assets/{{version}}/"),
    // Drawn for each form and each token.
    (r#"name="once" value="[0-9A-Za-z]{22}""#, r#"name="once" value="{{once}}""#),
    (r"/tokens/[0-9A-Za-z]{8}/", "/tokens/{{token_id}}/"),
    (r#"<tr id="[0-9A-Za-z]{8}">"#, r#"<tr id="{{token_id}}">"#),
    ("bfy_…_[0-9A-Za-z]{8}_…", "bfy_…_{{token_id}}_…"),
    // What the machine is.
    (r"[0-9.]+ [kM]?B, and [0-9.]+ (bytes|[kM]?B) of its log", "{{database}}"),
    (r"[0-9.]+ [MGTP]B of [0-9.]+ [MGTP]B", "{{disk}}"),
];

/// The most bytes of a page: it must be there at once, over a slow line, too.
const HEAVIEST: usize = 100_000;

/// A service, and somebody who looks at its pages.
pub(crate) struct Looker {
    pub(crate) service: Service,
    cookie: String,
    names: Names,
}

impl Looker {
    /// Somebody with that role, who is signed in.
    pub(crate) fn with(role: Right) -> Self {
        let service = Service::start_with(Options::default());
        let cookie = service.session_of(role.word(), role);
        Self { service, cookie, names: Names::default() }
    }

    /// Somebody else looks from now on.
    pub(crate) fn becomes(&mut self, role: Right) {
        self.cookie = self.service.session_of(role.word(), role);
    }

    /// Nobody who is known looks from now on.
    pub(crate) fn signs_out(&mut self) {
        self.cookie = "belfry=none".to_owned();
    }

    /// Looks at a path. What is shown must be what `fixtures/pages` has under that name.
    pub(crate) fn sees(&mut self, name: &str, path: &str) {
        let page = self.page(200, "GET", path, "");
        told(name, &page);
    }

    /// The same where the page comes with another status.
    pub(crate) fn sees_with(&mut self, name: &str, status: u16, path: &str) {
        let page = self.page(status, "GET", path, "");
        told(name, &page);
    }

    /// The same for the page that answers a form: `name=ada&role=viewer`.
    pub(crate) fn sees_after(&mut self, name: &str, status: u16, path: &str, form: &str) {
        let page = self.page(status, "POST", path, form);
        told(name, &page);
    }

    /// What another site has a browser send with this person's cookie is refused.
    pub(crate) fn refuses_other_sites(&self, path: &str) {
        let headers = [
            ("cookie", &*self.cookie),
            ("sec-fetch-site", "cross-site"),
            ("accept", "text/html"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let answer = self.service.call("", "POST", path, &headers, b"do=save&active=false");
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
        assert!(answer.body.contains("another site"), "{path}: {}", answer.body);
    }

    /// A page, with names for what is random.
    fn page(&mut self, status: u16, method: &str, path: &str, form: &str) -> String {
        let kind = "application/x-www-form-urlencoded";
        let headers = [
            ("cookie", &*self.cookie),
            ("sec-fetch-site", "same-origin"),
            ("accept", "text/html"),
            ("content-type", kind),
        ];
        let headers = if form.is_empty() { &headers[..3] } else { &headers };
        let answer = self.service.call("", method, path, headers, form.as_bytes());
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("text/html"), "{method} {path} is {kind}");
        assert!(answer.body.starts_with("<!doctype html>\n"), "{method} {path} is no whole page");
        self.names.hide(&FOREIGN.iter().fold(answer.body, |page, (pattern, name)| {
            Regex::new(pattern).unwrap().replace_all(&page, *name).into_owned()
        }))
    }
}

fn told(name: &str, page: &str) {
    let bytes = page.len();
    assert!(bytes <= HEAVIEST, "{name} has {bytes} bytes, more than {HEAVIEST}");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let file = folder().join(format!("{name}.html"));
    compare(&file, page, update).unwrap_or_else(|why| panic!("{why}"));
}

/// Holds a page against what is told of it, or has it told anew.
fn compare(file: &Path, went: &str, update: bool) -> Result<(), String> {
    if update {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, went).unwrap();
        return Ok(());
    }
    let told = std::fs::read_to_string(file).unwrap_or_default();
    if told == went {
        return Ok(());
    }
    let words = "it is not as told (UPDATE_EXPECT=1 writes it anew)";
    Err(format!("{}: {words}\n{}", file.display(), difference(&told, went)))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pages")
}

/// No page is told of that nobody looks at any more.
#[test]
fn every_told_page_is_looked_at() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let files = |dir: PathBuf| {
        let all = std::fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
        all.filter(|path| path.is_file())
    };
    let sources: String = files(tests).map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let told: BTreeSet<PathBuf> = files(folder()).collect();
    for file in told {
        assert_eq!(file.extension().unwrap(), "html", "{}", file.display());
        let name = file.file_stem().unwrap().to_str().unwrap();
        assert!(sources.contains(&format!("\"{name}\"")), "{}: nobody looks at it", file.display());
    }
}

/// The harness itself: a page is asked for, and what is random in it has a name.
#[test]
fn a_page_is_held_against_what_is_told_of_it() {
    let mut looker = Looker::with(Right::Viewer);
    let reference = looker.page(200, "GET", "/docs", "");
    assert!(reference.trim_end().ends_with("</html>"), "{reference}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pages/one.html");
    let row = |names: &mut Names, words: &str| {
        let id = uuid::Uuid::new_v4();
        names.hide(&format!("<p>{words}\n<a href=\"/automations/{id}\">{id}</a>\n"))
    };
    let page = |words: &str| row(&mut Names::default(), words);
    let untold = compare(&file, &page("one"), false).unwrap_err();
    assert!(untold.contains("UPDATE_EXPECT=1"), "{untold}");
    compare(&file, &page("one"), true).unwrap();
    assert_eq!(compare(&file, &page("one"), false), Ok(()), "another id is the same page");
    let other = compare(&file, &page("two"), false).unwrap_err();
    assert!(other.contains("1: told Some(\"<p>one\")") && !other.contains("2: told"), "{other}");
}
