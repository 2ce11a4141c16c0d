//! Whether everybody can use a page, as far as a program can tell: axe-core's rules, in light and dark.

use serde_json::Value;

use crate::page::Page;

/// Run in our own script world, so that the page's policy stays as it is.
const AXE: &str = include_str!("vendor/axe-core/axe.min.js");

const RUN: &str = "axe.run(document, {resultTypes: ['violations'], preload: false}).then(found =>
    found.violations
        .filter(each => ['serious', 'critical'].includes(each.impact))
        .flatMap(each => each.nodes.map(node =>
            `${each.impact} ${each.id}: ${node.html}\\n    at ${node.target}\\n    ${node.failureSummary}`)))";

impl Page {
    /// Fails on each finding that is serious or critical, in light or in dark, with the rule, the element and what
    /// mends it. The page is light afterwards.
    pub(crate) fn accessible(&self) {
        let mut found = Vec::new();
        for (looks, set) in [("dark", Self::dark as fn(&Self)), ("light", Self::light)] {
            set(self);
            found.extend(self.findings().into_iter().map(|each| format!("in {looks}: {each}")));
        }
        if !found.is_empty() {
            self.tab.fail(&format!("not everybody can use this page:\n{}", found.join("\n")));
        }
    }

    /// What axe-core finds in the page as it looks now.
    pub(crate) fn findings(&self) -> Vec<String> {
        self.is_at_rest();
        if self.beside("typeof axe") == "undefined" {
            self.beside(&format!("{AXE}; true"));
        }
        let found: Value = self.beside(RUN);
        let found = found.as_array().expect("a list").iter();
        found.map(|each| each.as_str().expect("a text").to_owned()).collect()
    }
}
