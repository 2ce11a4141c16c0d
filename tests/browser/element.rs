//! How an element is found: as a screen reader would tell it, by role and name, from Chromium's own
//! accessibility tree.

use serde_json::{Value, json};

use crate::page::{Tab, outcome, text_of};
use crate::wire::Answer;

/// What is clicked.
pub(crate) const CLICKABLE: [&str; 11] = [
    "button",
    "link",
    "checkbox",
    "radio",
    "switch",
    "tab",
    "menuitem",
    "option",
    "DisclosureTriangle",
    "DisclosureTriangleGrouped",
    "columnheader",
];
/// What text is written into.
pub(crate) const WRITABLE: [&str; 8] =
    ["textbox", "searchbox", "combobox", "spinbutton", "Date", "DateTime", "InputTime", "slider"];
/// What one of several is chosen in.
pub(crate) const CHOICES: [&str; 2] = ["combobox", "listbox"];
/// What is on or off.
pub(crate) const SWITCHES: [&str; 3] = ["checkbox", "switch", "radio"];
/// What holds a part of a page together.
pub(crate) const PARTS: [&str; 20] = [
    "region",
    "group",
    "radiogroup",
    "form",
    "navigation",
    "main",
    "complementary",
    "article",
    "dialog",
    "alertdialog",
    "alert",
    "status",
    "list",
    "listitem",
    "table",
    "row",
    "tabpanel",
    "toolbar",
    "figure",
    "search",
];

/// An element as the accessibility tree has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) role: String,
    pub(crate) name: String,
    /// What it is described by: a hint, or what is wrong with it.
    pub(crate) description: String,
    pub(crate) value: String,
    /// `true`, `false` or `mixed` for what can be checked.
    pub(crate) checked: Option<String>,
    pub(crate) invalid: bool,
    pub(crate) disabled: bool,
    pub(crate) required: bool,
    node: i64,
}

impl Element {
    fn read(node: &Value) -> Option<Self> {
        let property = |name: &str| {
            let all = node["properties"].as_array()?;
            let found = all.iter().find(|each| each["name"] == name)?;
            let value = &found["value"]["value"];
            Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        let is = |name: &str| property(name).is_some_and(|word| word != "false");
        if node["ignored"] == true {
            return None;
        }
        Some(Self {
            role: text_of(&node["role"]["value"]),
            // Some versions keep the space between a control and its label.
            name: text_of(&node["name"]["value"]).trim().to_owned(),
            description: text_of(&node["description"]["value"]),
            value: node["value"]["value"].as_str().map_or_else(
                || {
                    node["value"]["value"]
                        .as_f64()
                        .map_or_else(String::new, |each| each.to_string())
                },
                str::to_owned,
            ),
            checked: property("checked"),
            invalid: is("invalid"),
            disabled: is("disabled"),
            required: is("required"),
            node: node["backendDOMNodeId"].as_i64()?,
        })
    }

    /// As it is said: `button "Save changes"`.
    pub(crate) fn shown(&self) -> String {
        format!("{} {:?}", self.role, self.name)
    }
}

impl Tab {
    /// The document that is shown now.
    pub(crate) fn document(&self) -> Result<String, String> {
        let call = json!({"expression": "document", "contextId": self.world()?});
        Ok(text_of(&self.ask("Runtime.evaluate", call)?["result"]["objectId"]))
    }

    /// All that have one of these roles, and this name where one is said.
    pub(crate) fn elements(
        &self,
        under: &str,
        roles: &[&str],
        name: Option<&str>,
    ) -> Result<Vec<Element>, String> {
        let mut query = json!({"objectId": under});
        if let Some(name) = name {
            query["accessibleName"] = name.into();
        }
        let answer = self.ask("Accessibility.queryAXTree", query)?;
        let nodes = answer["nodes"].as_array().cloned().unwrap_or_default();
        let all = nodes.iter().filter_map(Element::read);
        Ok(all.filter(|each| roles.contains(&each.role.as_str())).collect())
    }

    /// The one of these roles with this name.
    pub(crate) fn element(
        &self,
        under: &str,
        roles: &[&str],
        name: &str,
    ) -> Result<Element, String> {
        let mut found = self.elements(under, roles, Some(name))?;
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => {
                let there = self.elements(under, roles, None)?;
                let there: Vec<String> = there.iter().map(Element::shown).collect();
                Err(format!("there is no {name:?} among: {}", there.join(", ")))
            }
            _ => {
                let found: Vec<String> = found.iter().map(Element::shown).collect();
                Err(format!(
                    "{name:?} is said of several, so say of which part: {}",
                    found.join(", ")
                ))
            }
        }
    }

    /// The element that has the keyboard.
    pub(crate) fn focused(&self) -> Result<Element, String> {
        let call = json!({"expression": "document.activeElement", "contextId": self.world()?});
        let object = text_of(&self.ask("Runtime.evaluate", call)?["result"]["objectId"]);
        let about = json!({"objectId": object, "fetchRelatives": false});
        let answer = self.ask("Accessibility.getPartialAXTree", about)?;
        Element::read(&answer["nodes"][0]).ok_or_else(|| "nothing has the keyboard".to_owned())
    }

    /// Chromium's handle for an element, in our own world.
    pub(crate) fn object(&self, element: &Element) -> Result<String, String> {
        let about = json!({"backendNodeId": element.node, "executionContextId": self.world()?});
        Ok(text_of(&self.ask("DOM.resolveNode", about)?["object"]["objectId"]))
    }

    /// Calls a function with the element as `this`; what it returns.
    pub(crate) fn call(&self, object: &str, function: &str, arguments: &[Value]) -> Answer {
        let arguments: Vec<Value> = arguments.iter().map(|each| json!({"value": each})).collect();
        let call = json!({"objectId": object, "functionDeclaration": function, "arguments": arguments,
                          "returnByValue": true, "awaitPromise": true});
        outcome(&self.ask("Runtime.callFunctionOn", call)?)
    }

    /// The same for a function that returns an element; its handle.
    pub(crate) fn found_by(
        &self,
        object: &str,
        function: &str,
        argument: &str,
    ) -> Result<String, String> {
        let call = json!({"objectId": object, "functionDeclaration": function,
                          "arguments": [{"value": argument}]});
        let answer = self.ask("Runtime.callFunctionOn", call)?;
        outcome(&answer)?;
        let found = answer["result"]["objectId"].as_str();
        found.map(str::to_owned).ok_or_else(|| "it is not there".to_owned())
    }
}
