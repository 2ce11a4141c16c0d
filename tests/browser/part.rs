//! What a person does in a page, or in a part of it, and what they see there. Everything waits until it can
//! be done or seen, and fails with a picture where that never comes.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::element::{CHOICES, CLICKABLE, Element, PARTS, SWITCHES, WRITABLE};
use crate::keys::{Key, typed};
use crate::page::{Tab, text_of};

/// Where the middle of an element is, once it is in sight and nothing lies over it. What can't be seen itself,
/// such as the button of a radio that is drawn otherwise, is clicked at its label.
const PLACE: &str = "function () {
    this.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
    let over = 'nothing of it is seen';
    for (const each of [this, ...(this.labels ?? [])]) {
        const box = [...each.getClientRects()].find(box => box.width > 0 && box.height > 0);
        if (!box) continue;
        const x = box.x + box.width / 2, y = box.y + box.height / 2;
        const top = document.elementFromPoint(x, y);
        if (top && (each.contains(top) || top.contains(each) && top.matches('label, button, a, summary'))) return {x, y};
        if (top) over = 'this lies over it: ' + top.outerHTML.slice(0, 200);
    }
    return {over};
}";

/// The innermost row, item or article that shows a text. Two of them are one too many.
const ROW: &str = "function (text) {
    const all = [...this.querySelectorAll('tr, li, article, [role=row], [role=listitem]')]
        .filter(each => each.innerText.includes(text));
    const inner = all.filter(each => !all.some(other => other !== each && each.contains(other)));
    if (inner.length > 1) throw new Error(inner.length + ' rows show ' + text);
    return inner[0] ?? null;
}";

const CHOOSE: &str = "function (name) {
    const words = text => text.trim().replace(/\\s+/g, ' ');
    const option = [...this.options].find(each => words(each.label) === name);
    if (!option) return 'there is only: ' + [...this.options].map(each => words(each.label)).join(', ');
    this.focus();
    this.value = option.value;
    this.dispatchEvent(new Event('input', {bubbles: true}));
    this.dispatchEvent(new Event('change', {bubbles: true}));
    return '';
}";

#[derive(Debug, Clone)]
enum Step {
    /// A part by its name.
    Named(String),
    /// The row that shows a text.
    Row(String),
}

#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) tab: Arc<Tab>,
    /// From the document inwards. It is gone anew each time: pages change while they are looked at.
    way: Vec<Step>,
}

impl Part {
    pub(crate) fn whole(tab: Arc<Tab>) -> Self {
        Self { tab, way: Vec::new() }
    }

    /// The section, group, dialog, table … of that name.
    pub(crate) fn part(&self, name: &str) -> Self {
        self.then(Step::Named(name.to_owned()))
    }

    /// The row of a table, the item of a list or the article that shows this text.
    pub(crate) fn row(&self, text: &str) -> Self {
        self.then(Step::Row(text.to_owned()))
    }

    fn then(&self, step: Step) -> Self {
        let mut part = self.clone();
        part.way.push(step);
        part
    }

    /// Chromium's handle for it.
    fn here(&self) -> Result<String, String> {
        let mut here = self.tab.document()?;
        for step in &self.way {
            here = match step {
                Step::Named(name) => self.tab.object(&self.tab.element(&here, &PARTS, name)?)?,
                Step::Row(text) => {
                    let row = self.tab.found_by(&here, ROW, text);
                    row.map_err(|why| format!("a row that shows {text:?}: {why}"))?
                }
            };
        }
        Ok(here)
    }

    fn find(&self, roles: &[&str], name: &str) -> Result<Element, String> {
        self.tab.element(&self.here()?, roles, name)
    }

    fn found(&self, what: &str, roles: &[&str], name: &str) -> Element {
        self.tab.until(&format!("{what} {name:?}"), || self.find(roles, name))
    }

    // ---- Doing.

    /// Clicks the button, link, tab, box … of that name.
    pub(crate) fn click(&self, name: &str) {
        self.click_one(&CLICKABLE, name);
    }

    /// The same where several of that name have different roles.
    pub(crate) fn click_role(&self, role: &str, name: &str) {
        self.click_one(&[role], name);
    }

    fn click_one(&self, roles: &[&str], name: &str) {
        let place = self.tab.until(&format!("to click {name:?}"), || {
            let element = self.find(roles, name)?;
            if element.disabled {
                return Err("it can't be used now".to_owned());
            }
            let place = self.tab.call(&self.tab.object(&element)?, PLACE, &[])?;
            match place["over"].as_str() {
                Some(over) => Err(over.to_owned()),
                None => Ok(place),
            }
        });
        let mouse = |kind: &str, button: &str| {
            let event = json!({"type": kind, "x": place["x"], "y": place["y"], "button": button,
                               "clickCount": 1});
            ("Input.dispatchMouseEvent", event)
        };
        self.tab.act([
            mouse("mouseMoved", "none"),
            mouse("mousePressed", "left"),
            mouse("mouseReleased", "left"),
        ]);
    }

    /// Writes into the field of that label, in place of what stood there.
    pub(crate) fn fill(&self, label: &str, text: &str) {
        self.tab.until(&format!("to fill {label:?}"), || {
            let element = self.find(&WRITABLE, label)?;
            if element.disabled {
                return Err("it can't be used now".to_owned());
            }
            let function = "function () { this.focus(); this.select?.(); }";
            self.tab.call(&self.tab.object(&element)?, function, &[])
        });
        if text.is_empty() {
            self.press(Key::Delete);
        } else {
            self.tab.act([("Input.insertText", json!({"text": text}))]);
        }
    }

    /// Chooses one of several: the radio of that name in the group of that label, or an entry of a select.
    pub(crate) fn choose(&self, label: &str, option: &str) {
        let select = self.tab.until(&format!("to choose {option:?} of {label:?}"), || {
            match self.find(&["radiogroup", "group"], label) {
                Ok(_) => Ok(None),
                Err(no_group) => match self.find(&CHOICES, label) {
                    Ok(select) if select.disabled => Err("it can't be used now".to_owned()),
                    Ok(select) => self.tab.object(&select).map(Some),
                    Err(no_select) => Err(format!("{no_group}; {no_select}")),
                },
            }
        });
        let Some(select) = select else {
            return self.part(label).click_role("radio", option);
        };
        match self.tab.call(&select, CHOOSE, &[option.into()]) {
            Ok(wrong) if wrong == "" => self.tab.settle(),
            Ok(wrong) => self.tab.fail(&format!("{option:?} of {label:?}: {wrong}")),
            Err(why) => self.tab.fail(&why),
        }
    }

    /// Puts the box or switch of that name on or off.
    pub(crate) fn tick(&self, name: &str, on: bool) {
        if self.is_ticked(name) != on {
            self.click_one(&SWITCHES, name);
        }
    }

    /// Gives files to the field of that label.
    pub(crate) fn upload(&self, label: &str, files: &[&std::path::Path]) {
        self.tab.until(&format!("to upload into {label:?}"), || {
            let field = "function (label) {
                return [...this.querySelectorAll('input[type=file]')].find(each =>
                    [...each.labels].some(of => of.innerText.trim() === label) || each.ariaLabel === label) ?? null;
            }";
            let object = self.tab.found_by(&self.here()?, field, label)?;
            self.tab.ask("DOM.setFileInputFiles", json!({"files": files, "objectId": object}))
        });
        self.tab.settle();
    }

    /// A key, wherever the keyboard is.
    pub(crate) fn press(&self, key: Key) {
        self.tab.is_painted();
        self.tab.act(key.strokes().map(|stroke| ("Input.dispatchKeyEvent", stroke)));
    }

    /// Types a text key by key, wherever the keyboard is.
    pub(crate) fn write(&self, text: &str) {
        let strokes = text.chars().flat_map(typed);
        self.tab.act(strokes.map(|stroke| ("Input.dispatchKeyEvent", stroke)));
    }

    // ---- Seeing.

    /// What there is to be read.
    pub(crate) fn text(&self) -> String {
        self.tab.until("its text", || self.read())
    }

    fn read(&self) -> Result<String, String> {
        let function = "function () { return (this.body ?? this).innerText ?? ''; }";
        Ok(text_of(&self.tab.call(&self.here()?, function, &[])?))
    }

    /// Waits until this is to be read. Blanks and lines don't count; capitals do, as they are shown.
    pub(crate) fn sees(&self, text: &str) {
        self.reads(text, true);
    }

    /// Waits until this is no longer to be read.
    pub(crate) fn misses(&self, text: &str) {
        self.reads(text, false);
    }

    fn reads(&self, text: &str, expected: bool) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let what = if expected { "to see" } else { "to see no more" };
        self.tab.until(&format!("{what} {text:?}"), || {
            let read = self.read()?;
            if words(&read).contains(&words(text)) == expected {
                Ok(())
            } else {
                Err("in vain".to_owned())
            }
        });
    }

    /// Waits for the element of that role and name: `("heading", "Alerts")`.
    pub(crate) fn has(&self, role: &str, name: &str) -> Element {
        self.found(role, &[role], name)
    }

    /// Waits until there is none of that role and name.
    pub(crate) fn lacks(&self, role: &str, name: &str) {
        self.tab.until(&format!("no {role} {name:?}"), || {
            let found = self.tab.elements(&self.here()?, &[role], Some(name))?;
            if found.is_empty() { Ok(()) } else { Err("it is there".to_owned()) }
        });
    }

    /// The names of all that have that role, in order.
    pub(crate) fn names(&self, role: &str) -> Vec<String> {
        self.tab.until(&format!("all of role {role}"), || {
            let found = self.tab.elements(&self.here()?, &[role], None)?;
            Ok(found.into_iter().map(|each| each.name).collect())
        })
    }

    /// The field of that label, with its value, its description, and whether it is in order.
    pub(crate) fn field(&self, label: &str) -> Element {
        let roles: Vec<&str> =
            [&WRITABLE[..], &CHOICES, &SWITCHES, &["radiogroup", "group"]].concat();
        self.found("the field", &roles, label)
    }

    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        self.found("the switch", &SWITCHES, name).checked.as_deref() == Some("true")
    }

    /// Waits until the field of that label is said to be wrong, in these words.
    pub(crate) fn sees_error(&self, label: &str, words: &str) {
        self.tab.until(&format!("at {label:?} the error {words:?}"), || {
            let field = self.field(label);
            let right = field.invalid && field.description.contains(words);
            if right { Ok(()) } else { Err(format!("{field:?}")) }
        });
    }

    /// Waits until that has the keyboard: what was exchanged gives it on a moment later.
    pub(crate) fn has_keyboard(&self, name: &str) {
        self.tab.until(&format!("the keyboard at {name:?}"), || {
            let focused = self.tab.focused()?;
            if focused.name == name { Ok(()) } else { Err(format!("it is at {focused:?}")) }
        });
    }

    /// What has the keyboard.
    pub(crate) fn focused(&self) -> Element {
        self.tab.until("what has the keyboard", || self.tab.focused())
    }

    /// Goes on by Tab until that has the keyboard; fails where it never gets it.
    pub(crate) fn tab_to(&self, name: &str) {
        const MOST: usize = 200;
        let mut passed = Vec::new();
        while passed.len() < MOST {
            self.press(Key::Tab);
            let now = self.focused();
            if now.name == name {
                return;
            }
            passed.push(now.shown());
        }
        self.tab.fail(&format!("the keyboard never comes to {name:?}: {}", passed.join(", ")));
    }

    /// What a function makes of this part as `this`.
    pub(crate) fn with(&self, function: &str) -> Value {
        self.tab.until("a function of it", || self.tab.call(&self.here()?, function, &[]))
    }
}
