//! Secrets that the configuration holds, or names a file for.

use std::io::Read as _;
use std::path::Path;

use super::StartError;
use crate::config::smtp::Password;
use crate::domain::limits::CREDENTIAL_BYTES;
use crate::domain::secret::Secret;

/// The secret in the clear; `setting` is the key that names its file.
///
/// # Errors
/// The file can't be read.
pub(super) fn opened(setting: &'static str, password: &Password) -> Result<Secret, StartError> {
    match password {
        Password::Given(secret) => Ok(Secret::new(secret.expose().to_owned())),
        Password::File(path) => read(path).map_err(|source| StartError::File {
            setting,
            file: path.display().to_string(),
            source,
        }),
    }
}

fn read(path: &Path) -> std::io::Result<Secret> {
    // A pipe would be waited for, for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is not a plain file"));
    }
    let mut text = String::new();
    let most = CREDENTIAL_BYTES as u64 + 2;
    std::fs::File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    let secret = Secret::new(text);
    let kept = secret.expose().trim_end_matches(['\r', '\n']);
    if kept.is_empty() || kept.len() > CREDENTIAL_BYTES || kept.contains(char::is_control) {
        let what = "it must hold the secret in one line and nothing else";
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
    }
    Ok(Secret::new(kept.to_owned()))
}
