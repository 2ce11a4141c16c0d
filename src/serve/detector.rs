//! Makes the detector of what is built in and of what the file with phrases adds: for the whole service, and
//! for single organisations.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

use super::StartError;
use crate::detect::{Addition, Additions, Model};
use crate::domain::limits::DETECT_FILE_BYTES;
use crate::domain::record::check_id;
use crate::engine::ConfiguredPhrases;

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    add: Vec<Addition>,
    #[serde(default)]
    exclude: Vec<String>,
    /// By the `org_id` of records.
    #[serde(default)]
    organisation: BTreeMap<String, Additions>,
}

/// The detector, with the phrases of that file.
///
/// # Errors
/// The file can't be read, or one of its phrases is none; the text says which and what to change.
pub fn phrases(file: Option<&Path>) -> Result<ConfiguredPhrases, StartError> {
    let File { add, exclude, organisation } = match file {
        Some(file) => read(file)?,
        None => File::default(),
    };
    let wrong = |what: String| {
        let file = file.unwrap_or(Path::new("")).display();
        StartError::Detector(format!("detect.phrases: `{file}`: {what}"))
    };
    let built_in = Model::built_in().map_err(|error| StartError::Detector(error.to_string()))?;
    let service = built_in.and(&Additions { add, exclude });
    let mut phrases =
        ConfiguredPhrases::none(service.map_err(|error| wrong(place(None, &error.to_string())))?);
    for (org_id, additions) in organisation {
        check_id("", &org_id)
            .map_err(|error| wrong(format!("organisation.{org_id:?}: the id {}", error.message)))?;
        phrases
            .give(org_id.clone(), additions)
            .map_err(|error| wrong(place(Some(&org_id), &error.to_string())))?;
    }
    Ok(phrases)
}

/// Where in the file something is wrong, and what.
fn place(org_id: Option<&str>, what: &str) -> String {
    match org_id {
        Some(org_id) => format!("organisation.{org_id:?}: {what}"),
        None => what.to_owned(),
    }
}

fn read(file: &Path) -> Result<File, StartError> {
    let mut text = String::new();
    let opened = std::fs::File::open(file);
    opened
        .and_then(|opened| opened.take(DETECT_FILE_BYTES + 1).read_to_string(&mut text))
        .map_err(|source| StartError::File {
            setting: "detect.phrases",
            file: file.display().to_string(),
            source,
        })?;
    // A part of it would leave phrases out, and nobody would notice.
    if text.len() as u64 > DETECT_FILE_BYTES {
        let file = file.display();
        let what = format!("detect.phrases: `{file}` is longer than {DETECT_FILE_BYTES} bytes");
        return Err(StartError::Detector(what));
    }
    toml::from_str(&text).map_err(|error| {
        StartError::Detector(format!("detect.phrases: `{}`: {error}", file.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("phrases.toml");
        std::fs::write(&file, text).unwrap();
        phrases(Some(&file)).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, told) in [
            ("add = 1", "line 1"),
            ("[organisation.acme]\nexlude = []", "unknown field `exlude`"),
            (
                "[organisation.acme]\nexclude = [\"a\", \"* b\"]",
                "organisation.\"acme\": /exclude/1: may not",
            ),
            ("[organisation.\"\"]\nexclude = []", "organisation.\"\": the id "),
            (
                "[[organisation.acme.add]]\nfamily = \"legl\"\nweight = 1\nphrase = \"a\"",
                "unknown variant `legl`",
            ),
            (
                "[[organisation.acme.add]]\nfamily = \"legal\"\nweight = 2.0\nphrase = \"a\"",
                "/add/0/weight: must be above 0",
            ),
            ("exclude = [\"\"]", "/exclude/0: is empty"),
        ] {
            let words = refused(text);
            assert!(words.contains(told) && words.contains("phrases.toml`"), "{text}: {words}");
        }
    }
}
