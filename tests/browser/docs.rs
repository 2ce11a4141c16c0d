//! The reference of the API: a page for everybody, signed in or not.

use crate::stage::Stage;

#[test]
fn the_reference_is_for_everybody() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.visitor().open("/docs");
    page.has("heading", "Belfry API");
    page.accessible();
    page.window(390, 844);
    page.fits();
}

/// It is served whole by the program: a page and its style, and no other host is asked.
#[test]
fn the_reference_asks_nobody_else() {
    let Some(stage) = Stage::set() else { return };
    let page = stage.visitor().open("/docs");
    let origin = stage.origin();
    assert_eq!(page.requests(), [format!("{origin}/docs"), format!("{origin}/docs/style.css")]);
    assert_eq!(page.take_troubles(), []);
}

#[test]
fn the_reference_is_read_with_the_keyboard_alone() {
    use crate::keys::Key;

    let Some(stage) = Stage::set() else { return };
    let page = stage.signed_in("viewer").open("/docs");
    page.press(Key::Tab);
    assert_eq!(page.focused().shown(), "link \"Skip to the calls\"");
    page.press(Key::Enter);
    assert_eq!(page.beside("location.hash"), "#content");
}
