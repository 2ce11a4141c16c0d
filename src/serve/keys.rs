//! The master key in use, and how its file is replaced. While it is, there are two files; what is
//! stored tells which of them counts, so that a kill at any moment loses nothing.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::StartError;
use crate::store::{Seal, Sqlite};
use crate::vault::{KeyError, KeyPlace, MasterKey, Vault};

/// The vault under the key in use. A replacement of the key that was begun and not finished is finished
/// or taken back first.
///
/// # Errors
/// What is wrong with the key. A key that what is stored was not sealed with is refused: going on
/// would lose every alert's credential.
pub async fn in_use(store: &Sqlite, data: &Path) -> Result<Vault, StartError> {
    let stored = store.reader().seals().await?;
    let place = KeyPlace::of(data);
    match &place {
        KeyPlace::Variable => {}
        KeyPlace::File(file) => settle(file, &stored)?,
    }
    let vault = Vault::new(&place.read()?)?;
    match stored.iter().filter(|each| !vault.is_ours(&each.sealed)).count() {
        0 => Ok(vault),
        count => Err(StartError::OtherKey { count }),
    }
}

/// Decides between the key and the one that was to be the next, where there is one.
fn settle(file: &Path, stored: &[Seal]) -> Result<(), StartError> {
    let all_under = |key: &MasterKey| -> Result<bool, StartError> {
        let vault = Vault::new(key)?;
        Ok(stored.iter().all(|each| vault.is_ours(&each.sealed)))
    };
    let next = next_to(file);
    let shown = file.display().to_string();
    let unreadable = match MasterKey::read(&next) {
        Err(KeyError::Missing(_)) => return Ok(()),
        Ok(key) if !stored.is_empty() && all_under(&key)? => {
            finish(file)?;
            tracing::info!(file = shown, "the replacement of the master key is finished");
            return Ok(());
        }
        Ok(_) => None,
        Err(error) => Some(error),
    };
    if all_under(&MasterKey::read(file)?)? {
        std::fs::remove_file(&next).map_err(|source| failed(&next, "removed", source))?;
        sync_directory(&next)?;
        tracing::info!(file = shown, "a replacement of the master key was begun and is taken back");
    } else {
        // Either may be needed still: whoever starts is told what can't be read.
        let why = unreadable.map(|error| error.to_string());
        tracing::warn!(file = %next.display(), why, "a next master key is there and is not used");
    }
    Ok(())
}

/// A new key and its vault. Their name differs from the old one's, by which what is stored is told apart.
///
/// # Errors
/// The machine gave no randomness.
pub fn fresh(old: &Vault) -> Result<(MasterKey, Vault), StartError> {
    loop {
        let key = MasterKey::generate()?;
        let vault = Vault::new(&key)?;
        if vault.key_id() != old.key_id() {
            return Ok((key, vault));
        }
    }
}

/// Writes the next key beside the one in use; it is on disk then.
///
/// # Errors
/// The machine refused, or would refuse to put it in the other one's place.
pub fn prepare(file: &Path, key: &MasterKey) -> Result<(), KeyError> {
    refuse_mount(file)?;
    let next = next_to(file);
    key.write(&next)?;
    sync_directory(&next)
}

/// Puts the next key in the place of the one in use.
///
/// # Errors
/// The machine refused.
pub fn finish(file: &Path) -> Result<(), KeyError> {
    std::fs::rename(next_to(file), file).map_err(|source| failed(file, "replaced", source))?;
    sync_directory(file)
}

/// Where the next key waits.
pub fn next_to(file: &Path) -> PathBuf {
    let mut next = file.as_os_str().to_owned();
    next.push(".next");
    PathBuf::from(next)
}

/// A file's entry in its directory is durable once the directory is synced.
fn sync_directory(file: &Path) -> Result<(), KeyError> {
    directory_of(file)
        .and_then(File::open)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| failed(file, "synced", source))
}

fn directory_of(file: &Path) -> std::io::Result<PathBuf> {
    let whole = std::path::absolute(file)?;
    Ok(whole.parent().map_or_else(|| whole.clone(), Path::to_owned))
}

/// A file that is mounted by itself, as into a container, can't be replaced, and what is written beside
/// it may be gone with the container. Where the system can't say so, the last step will.
#[cfg(target_os = "linux")]
fn refuse_mount(file: &Path) -> Result<(), KeyError> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    let mount = |path: &Path| {
        let found = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::MNT_ID).ok()?;
        (found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id)
    };
    let directory = directory_of(file).map_err(|source| failed(file, "found", source))?;
    match (mount(file), mount(&directory)) {
        (Some(one), Some(other)) if one != other => {
            Err(KeyError::Mounted(file.display().to_string()))
        }
        (Some(_), Some(_)) | (None, _) | (_, None) => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn refuse_mount(_file: &Path) -> Result<(), KeyError> {
    Ok(())
}

fn failed(file: &Path, done: &'static str, source: std::io::Error) -> KeyError {
    KeyError::Machine { file: file.display().to_string(), done, source }
}
