//! What the machine gives: the file, and the environment. What is no text is a problem, never a guess.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use super::problem::Problem;
use crate::domain::limits;

/// The file's text; nothing where there is a problem with it as a whole.
pub(super) fn file(path: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    let shown = path.display().to_string();
    let (place, what) = match read(path) {
        Ok(bytes) if bytes.len() as u64 > limits::CONFIG_BYTES => {
            (shown, format!("it is longer than {} bytes", limits::CONFIG_BYTES))
        }
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => return Some(text),
            Err(error) => {
                let good = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
                let line = good.filter(|byte| **byte == b'\n').count() + 1;
                (format!("{shown}:{line}"), "there are bytes that are no UTF-8 text".to_owned())
            }
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let what = "there is no such file: make a data directory with `belfry init --data DIR`";
            (shown, what.to_owned())
        }
        Err(error) => (shown, format!("it can't be read: {error}")),
    };
    problems.push(Problem { place, what });
    None
}

/// At most one byte more than it may have.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    // A pipe would be waited for, for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a plain file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limits::CONFIG_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The variables that are ours. One that is no text is not passed over: the path or the key that was
/// meant would be replaced by another one, without a word.
pub(super) fn environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    problems: &mut Vec<Problem>,
) -> Vec<(String, String)> {
    let ours =
        variables.into_iter().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"BELFRY__"));
    let mut texts = Vec::new();
    for (name, value) in ours {
        let shown = name.to_string_lossy().into_owned();
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => texts.push((name, value)),
            (Err(_), _) | (_, Err(_)) => {
                let what = "its name or its value is no UTF-8 text".to_owned();
                problems.push(Problem { place: shown, what });
            }
        }
    }
    texts
}
