//! Texts that try to be more than text, and what must not come of them (matrix F12 is told with these).

use serde_json::json;

use crate::page::Page;

/// Each would set `window.hostile`, bring in an element, ask another host, or turn the text around it.
pub(crate) const HOSTILE: [&str; 16] = [
    "<script>window.hostile = 1</script>",
    "\"><img src=\"//hostile.test/i.png\" onerror=\"window.hostile = 2\">",
    "'><svg onload='window.hostile = 3'><hostile-element>",
    "</textarea></title></style></script><hostile-element>",
    "javascript:window.hostile=4",
    "JaVaScRiPt:window.hostile=5//https://example.com",
    "data:text/html,<script>opener.hostile = 6</script>",
    "x\" onfocus=\"window.hostile = 7\" autofocus tabindex=\"0\" x=\"",
    "x' onmouseover='window.hostile = 8' style='position:fixed;inset:0",
    "\" hx-get=\"/hostile\" hx-trigger=\"load\" data-hx-get=\"/hostile",
    "<a href=\"//hostile.test/\"><hostile-element></a><style>@import '//hostile.test/x.css';</style>",
    "<iframe srcdoc=\"<script>parent.hostile = 9</script>\"></iframe><base href=\"//hostile.test/\">",
    "&lt;hostile-element&gt; &amp;amp; {{ 7 * 7 }} ${7 * 7} <%= 7 * 7 %>",
    "\u{202e}txt.exe\u{202c} \u{2067}turned\u{2069} \u{200f}around",
    "\u{202e}\u{2066}never closed",
    "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301} \u{feff}\u{200b}\u{ad} \u{1f469}\u{200d}\u{1f680} --> ]]> <!--",
];

/// Every way in which one of them would show that it was taken for more than text.
const HARM: &str = "(hostile => {
    const harm = [];
    const shown = each => each.outerHTML.slice(0, 200);
    for (const each of document.querySelectorAll('hostile-element, script:not([src]), iframe, base, object, embed'))
        harm.push('an element: ' + shown(each));
    for (const each of document.querySelectorAll('*')) {
        for (const {name, value} of each.attributes) {
            if (/^on/i.test(name)) harm.push('a handler: ' + shown(each));
            if (/^(href|src|action|formaction|xlink:href|poster|data)$/i.test(name)) {
                if (/^[\\s\\u0000-\\u001f]*(javascript|data|vbscript):/i.test(value)) harm.push('a script: ' + shown(each));
                if (/hostile\\.test/i.test(value) && !/^https:/i.test(value)) harm.push('an address: ' + shown(each));
            }
            if (/^(data-)?hx-/i.test(name) && value.includes('hostile') && !value.startsWith('/deliveries?')) harm.push('an order: ' + shown(each));
        }
    }
    // What turns the writing must not turn what stands beside it. It has an element of its own, which isolates it:
    // a <bdi>, a cell, a paragraph; or it stands in a text that is shown as it is.
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode, around = text.parentElement;
        if (!/[\\u202a-\\u202e\\u2066-\\u2069\\u200f]/.test(text.data)) continue;
        if (around.closest('bdi, pre, textarea, option, style, script')) continue;
        const alone = hostile.includes(text.data.trim()) && around.textContent.trim() === text.data.trim();
        const isolates = /isolate|plaintext/.test(getComputedStyle(around).unicodeBidi);
        if (!alone || !isolates) harm.push('turned writing: ' + shown(around));
    }
    return harm;
})";

impl Page {
    /// What hostile texts have done to the page; nothing, where all is well.
    pub(crate) fn harm(&self) -> Vec<String> {
        let mut harm: Vec<String> =
            serde_json::from_value(self.beside(&format!("{HARM}({})", json!(HOSTILE))))
                .expect("a list of texts");
        // Scripts of the page have a world of their own, where this would be set.
        let set = self.run("typeof window.hostile");
        if set != "undefined" {
            harm.push("a script ran: window.hostile is set".to_owned());
        }
        let asked = self.requests();
        harm.extend(
            asked
                .into_iter()
                // A test may ask for a page by such a text: in the query, or below an address that is none.
                .filter(|url| url.split('?').next().is_some_and(|path| path.contains("hostile")))
                .filter(|url| !url.contains("/nothing/"))
                .map(|url| format!("asked: {url}")),
        );
        harm
    }

    /// Fails where a hostile text was taken for more than text.
    pub(crate) fn is_unharmed(&self) {
        let harm = self.harm();
        if !harm.is_empty() {
            self.tab.fail(&format!("a text was taken for more than text:\n{}", harm.join("\n")));
        }
    }

    /// Whether a text stands in the page as it was given: to be read, or in a field.
    pub(crate) fn shows_as_text(&self, text: &str) -> bool {
        let script = format!(
            "(text => document.body.textContent.includes(text) ||
                [...document.querySelectorAll('input, textarea')].some(each => each.value.includes(text)))({})",
            json!(text)
        );
        self.beside(&script) == true
    }
}
