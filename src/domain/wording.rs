//! The words of one message: the owner's templates where there are some, the defaults else. A
//! template that fails is replaced by the default, and the message says so: no alert is lost to its
//! wording.

use super::limits::TITLE_CHARS;
use super::notice::Notice;
use super::plain;
use super::template::{Dress, Template};

/// The templates of one integration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Templates {
    /// Of Slack's header, and of an email's subject.
    pub title: Option<Template>,
    /// Of what stands in the place of the feedback's excerpt.
    pub text: Option<Template>,
}

/// Title and text of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// One line, never empty.
    pub title: String,
    /// What the template made; without one, the excerpt is shown as it is.
    pub text: Option<String>,
    /// What went wrong with a template, for the message and for the attempt's history.
    pub note: Option<String>,
}

impl Wording {
    /// The words for a notice. `dress` is for the text; a title is always plain.
    pub fn of(notice: &Notice, templates: &Templates, dress: Dress) -> Self {
        let mut notes = Vec::new();
        let mut made = |part: &str, template: Option<&Template>, dress| {
            let rendered = template?.render(notice, dress).map_err(|error| {
                notes.push(format!(
                    "The {part} template failed, so the default is shown ({error})."
                ));
            });
            // What is empty for this notice says nothing: the default says more.
            rendered.ok().filter(|text| !text.trim().is_empty())
        };
        let title = made("title", templates.title.as_ref(), Dress::Plain)
            .map(|title| plain::line(&title, TITLE_CHARS))
            .filter(|title| !title.is_empty())
            .unwrap_or_else(|| notice.title());
        let text = made("text", templates.text.as_ref(), dress);
        let note = if notes.is_empty() { None } else { Some(notes.join(" ")) };
        Self { title, text, note }
    }

    /// The words without any template.
    pub fn default_of(notice: &Notice) -> Self {
        Self::of(notice, &Templates::default(), Dress::Plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_fails_or_says_nothing_gives_way_to_the_default() {
        let title = Template::parse("{{ 5 // (record_id | length) }}").unwrap_err();
        assert!(title.to_string().contains("line 1"), "{title}");
        // It renders the sample and the empty notice, and fails for a longer id only.
        let title = "{% if record_id | length > 9 %}{{ excerpt.x }}{% endif %}";
        let templates = Templates {
            title: Some(Template::parse(title).unwrap()),
            text: Some(Template::parse("{{ source_url }}").unwrap()),
        };
        let notice = Notice { record_id: Some("T-123456789".to_owned()), ..Notice::default() };
        let wording = Wording::of(&notice, &templates, Dress::Plain);
        assert_eq!(wording.title, "Escalation: T-123456789");
        assert_eq!(wording.text, None);
        let note = wording.note.unwrap();
        assert!(note.starts_with("The title template failed"), "{note}");
        let short = Notice { record_id: Some("T-1".to_owned()), ..Notice::default() };
        assert_eq!(Wording::of(&short, &templates, Dress::Plain).note, None);
    }
}
