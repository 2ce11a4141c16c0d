//! Pages with faults, each of which must be found.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Pages, Server};
use crate::hostile::HOSTILE;
use crate::journal::Trouble;
use crate::page::Page;

const WRONG: Pages = &[
    (
        "/faint",
        "text/html",
        "<!doctype html><html lang=en><title>x</title><link rel=stylesheet href=/faint.css>
         <main><h1>Words</h1><p>so faint</p><input></main>",
    ),
    (
        "/faint.css",
        "text/css",
        "@media (prefers-color-scheme: dark) { body { background: #000 } p { color: #222 } h1 { color: #fff } }",
    ),
    (
        "/policy",
        "text/html",
        "<!doctype html><title>x</title><p style='color: red'>x</p><script>window.ran = 1</script>
         <img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>",
    ),
    ("/console", "text/html", "<!doctype html><title>x</title><script src=/console.js></script>"),
    (
        "/console.js",
        "text/javascript",
        "console.log('fine'); console.error('bad', 1); nobody.catches;",
    ),
    ("/missing", "text/html", "<!doctype html><title>x</title><script src=/not-there.js></script>"),
    ("/outside", "text/html", "<!doctype html><title>x</title><script src=/outside.js></script>"),
    ("/outside.js", "text/javascript", "location = 'http://elsewhere.test/x';"),
    ("/plain", "text/html", "<!doctype html><title>x</title><p>nothing"),
];

/// A page of these with what went wrong in it, up to what is expected.
fn troubles(path: &str, expected: impl Fn(&Trouble) -> bool) -> Option<Vec<Trouble>> {
    let server = Server::start(WRONG);
    let page = server.visitor()?.open(path);
    Some(page.wait_for_trouble(expected))
}

/// How a test ends that does this.
fn failure(test: impl FnOnce()) -> String {
    let failed = catch_unwind(AssertUnwindSafe(test)).expect_err("it fails");
    failed.downcast_ref::<String>().expect("words").clone()
}

#[test]
fn what_keeps_people_out_is_found_in_light_and_in_dark() {
    let server = Server::start(WRONG);
    let Some(visitor) = server.visitor() else { return };
    let page = visitor.open("/faint");
    let light = page.findings();
    assert_eq!(light.len(), 1, "{light:#?}");
    assert!(light[0].starts_with("critical label: <input>"), "{light:#?}");
    page.dark();
    assert_eq!(page.findings().len(), 2);
    let told = failure(|| page.accessible());
    for word in [
        "in dark: serious color-contrast: <p>so faint</p>",
        "in light: critical label",
        "Fix any of",
    ] {
        assert!(told.contains(word), "{told}");
    }
    let picture = told.lines().find_map(|line| line.strip_prefix("picture: ")).expect("a picture");
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"), "{picture}");
}

#[test]
fn each_breach_of_the_policy_is_found() {
    let image =
        |each: &Trouble| matches!(each, Trouble::Policy(what) if what.starts_with("img-src"));
    let Some(found) = troubles("/policy", image) else { return };
    for directive in ["style-src-attr", "script-src-elem", "img-src"] {
        let is =
            |each: &&Trouble| matches!(each, Trouble::Policy(what) if what.starts_with(directive));
        assert_eq!(found.iter().filter(is).count(), 1, "{directive}: {found:#?}");
    }
}

#[test]
fn each_error_of_the_console_is_found() {
    let thrown = |each: &Trouble| matches!(each, Trouble::Console(what) if what.contains("nobody"));
    let Some(found) = troubles("/console", thrown) else { return };
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(matches!(&found[0], Trouble::Console(what) if what.contains("bad")), "{found:#?}");
}

#[test]
fn what_is_missing_is_found() {
    let Some(found) = troubles("/missing", |each| matches!(each, Trouble::Missing(_))) else {
        return;
    };
    assert!(
        matches!(&found[..], [Trouble::Missing(what)] if what.ends_with("/not-there.js")),
        "{found:#?}"
    );
}

#[test]
fn a_request_to_another_host_is_found() {
    let Some(found) = troubles("/outside", |each| matches!(each, Trouble::Outside(_))) else {
        return;
    };
    assert_eq!(found[0], Trouble::Outside("http://elsewhere.test/x".to_owned()));
}

/// No test has to ask: a page that ends fails by what went wrong in it.
#[test]
fn trouble_fails_a_test_by_itself() {
    let server = Server::start(WRONG);
    let Some(visitor) = server.visitor() else { return };
    let told = failure(|| drop(visitor.open("/policy")));
    assert!(told.contains("script-src-elem"), "{told}");
    drop(visitor.open("/plain"));
}

/// Each of the texts does harm where a page takes it as it comes, and none where it is a text.
#[test]
fn hostile_texts_do_harm_where_they_are_let() {
    let server = Server::start(WRONG);
    let Some(visitor) = server.visitor() else { return };
    let page = visitor.open("/plain");
    let puts = |page: &Page, script: &str, text: &str| {
        page.run(&format!(
            "document.body.replaceChildren(); (text => {{ {script} }})({}); 0",
            serde_json::json!(text)
        ));
    };
    for text in HOSTILE {
        puts(
            &page,
            "const own = document.createElement('bdi'); own.textContent = text; document.body.append('x ', own)",
            text,
        );
        page.is_unharmed();
        assert!(page.shows_as_text(text), "{text:?}");
    }
    assert_eq!(page.take_troubles(), []);
    // As an attribute that is not closed in, as markup, as a link, and beside other writing.
    let careless = "document.body.innerHTML = '<p title=\"' + text + '\"></p><p title=\\'' + text + '\\'></p><p>by ' + text + '</p>';
        const link = document.createElement('a'); link.setAttribute('href', text); document.body.append(link)";
    for text in HOSTILE {
        let page = visitor.open("/plain");
        page.expects_trouble();
        puts(&page, careless, text);
        let found = page.harm();
        // What only looks like markup harms nobody, but must be shown as it was written.
        let harmless = text.starts_with("&lt;") || text.starts_with("a\u{301}");
        assert_eq!(found.is_empty(), harmless, "{text:?}: {found:#?}");
    }
    page.run("window.hostile = 1; 0");
    assert_eq!(page.harm(), ["a script ran: window.hostile is set"]);
}

/// The vendored file is the one that the note beside it speaks of.
#[test]
fn axe_is_the_one_that_is_said() {
    use sha2::{Digest as _, Sha256};

    let digest = Sha256::digest(include_bytes!("../vendor/axe-core/axe.min.js"));
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let note = include_str!("../vendor/README.md");
    assert!(note.contains(&digest), "{digest}");
    assert!(
        include_str!("../vendor/axe-core/axe.min.js").starts_with("/*! axe v4.14.1\n")
            && note.contains("4.14.1")
    );
}
