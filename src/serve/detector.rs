//! Makes the detector of what is built in and of what the organisation adds.

use std::io::Read as _;
use std::path::Path;

use super::StartError;
use crate::detect::{Additions, Model};
use crate::domain::limits::DETECT_FILE_BYTES;

/// The detector, with the phrases of that file.
///
/// # Errors
/// The file can't be read, or one of its phrases is none; the text says which and what to change.
pub fn model(phrases: Option<&Path>) -> Result<Model, StartError> {
    let additions = match phrases {
        Some(file) => read(file)?,
        None => Additions::default(),
    };
    Model::with(&additions).map_err(|error| StartError::Detector(words(&error)))
}

fn read(file: &Path) -> Result<Additions, StartError> {
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

/// An error with all its causes.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        words.push_str(": ");
        words.push_str(&next.to_string());
        cause = next.source();
    }
    words
}
