//! Seals what must not be read from disk: AES-256-GCM under the master key, one derived key for each
//! purpose, and the place of each secret bound into its seal, so that none can stand in for another.

use std::env::VarError;
use std::fs::{Metadata, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{hkdf, hmac};
use rustix::fs::OFlags;
use uuid::Uuid;
use zeroize::{Zeroize as _, Zeroizing};

use crate::domain::secret::{Sealed, Secret};
use crate::engine::ports::{Purpose, Sealer, VaultError};

/// The name of the key's file in the data directory.
pub const KEY_FILE: &str = "master.key";
const HEADER: &str = "belfry-master-key-1";
const KEY_BYTES: usize = 32;
/// More than a key's file ever has.
const MOST_FILE_BYTES: usize = 1024;
const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const PREFIX_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_LEN;
/// Half of what NIST SP 800-38D, section 8.3, allows for random nonces under one key.
const MOST_SEALS: u64 = 1 << 31;

/// Why the master key can't be used. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is none.
    #[error(
        "the master key {0} is not there: put it back, or make a new data directory with `belfry init`"
    )]
    Missing(String),
    /// Others may read it.
    #[error(
        "the master key {file} can be read by others (mode {mode:04o}): run `chmod 600 {file}`"
    )]
    Open {
        /// The file.
        file: String,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else owns it.
    #[error(
        "the master key {0} belongs to another user: run belfry as that one, or give the file to the \
         user that runs belfry"
    )]
    ForeignOwner(String),
    /// It is a link or no file.
    #[error("the master key {0} is not a plain file: put the file itself there")]
    NotAFile(String),
    /// What is in it is no key.
    #[error("{place} holds no master key ({what}): put back a copy of it")]
    Malformed {
        /// The file, or the variable.
        place: String,
        /// What is wrong, without its text.
        what: &'static str,
    },
    /// The machine refused.
    #[error("the master key {file} can't be {done}")]
    Machine {
        /// The file.
        file: String,
        /// What was tried.
        done: &'static str,
        /// The machine's answer.
        source: std::io::Error,
    },
    /// It is a mount of its own.
    #[error(
        "the master key {0} is mounted as a single file, which can't be replaced: mount the directory \
         that it lies in"
    )]
    Mounted(String),
    /// The machine gave no randomness.
    #[error("the machine gave no randomness")]
    NoRandomness,
}

const VARIABLE: &str = "BELFRY_MASTER_KEY";

/// Where the master key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the variable `BELFRY_MASTER_KEY` itself.
    Variable,
    /// In the file that `BELFRY_MASTER_KEY_FILE` names, else in the one in the data directory.
    File(PathBuf),
}

impl KeyPlace {
    /// Where the environment says that the key of this data directory is.
    pub fn of(data: &Path) -> Self {
        if std::env::var_os(VARIABLE).is_some() {
            return Self::Variable;
        }
        let named = std::env::var_os("BELFRY_MASTER_KEY_FILE").map(PathBuf::from);
        Self::File(named.unwrap_or_else(|| data.join(KEY_FILE)))
    }

    /// Reads the key there.
    ///
    /// # Errors
    /// What is wrong with it and what to do.
    pub fn read(&self) -> Result<MasterKey, KeyError> {
        match self {
            Self::Variable => match std::env::var(VARIABLE) {
                Ok(text) => MasterKey::parse(&Zeroizing::new(text), VARIABLE),
                // To fall back to the file would be to use another key than the one that was meant.
                Err(VarError::NotUnicode(_) | VarError::NotPresent) => {
                    let place = VARIABLE.to_owned();
                    Err(KeyError::Malformed { place, what: "it is no text" })
                }
            },
            Self::File(path) => MasterKey::read(path),
        }
    }
}

/// The master key; zeroed on drop.
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(•••)")
    }
}

impl MasterKey {
    /// A new random key.
    ///
    /// # Errors
    /// The machine gave no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        SystemRandom::new().fill(key.as_mut()).map_err(|_| KeyError::NoRandomness)?;
        Ok(Self(key))
    }

    /// Writes it to a file that must not exist yet, readable by its owner alone from the first moment.
    ///
    /// # Errors
    /// The machine refused.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let text = self.text();
        made.and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .map_err(|source| machine(path, "written", source))
    }

    /// The key that the environment names, else the file in the data directory:
    /// `BELFRY_MASTER_KEY` holds a key's text, `BELFRY_MASTER_KEY_FILE` the path of its file.
    ///
    /// # Errors
    /// What is wrong with it and what to do.
    pub fn load(data: &Path) -> Result<Self, KeyError> {
        KeyPlace::of(data).read()
    }

    /// Reads it from its file.
    ///
    /// # Errors
    /// What is wrong with the file and what to do.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let shown = path.display().to_string();
        match std::fs::symlink_metadata(path) {
            Ok(about) => ours_alone(&about, &shown)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(KeyError::Missing(shown));
            }
            Err(source) => return Err(machine(path, "read", source)),
        }
        let failed = |source| machine(path, "read", source);
        // What was looked at may be another file by now: no link is followed, no pipe waited for, and
        // what was really opened is looked at again.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
        ours_alone(&file.metadata().map_err(failed)?, &shown)?;
        // With room from the start: text that grows leaves copies behind that nobody wipes.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_FILE_BYTES));
        file.take(MOST_FILE_BYTES as u64).read_to_end(&mut bytes).map_err(failed)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| KeyError::Malformed { place: shown.clone(), what: "it is no text" })?;
        Self::parse(text, &shown)
    }

    /// Header line, key in base64, a space, checksum: a mistyped or cut key is noticed.
    fn text(&self) -> Zeroizing<String> {
        let encoded = Zeroizing::new(BASE64.encode(self.0.as_ref()));
        let sum = checksum(self.0.as_ref());
        Zeroizing::new(format!("{HEADER}\n{} {sum}\n", encoded.as_str()))
    }

    fn parse(text: &str, place: &str) -> Result<Self, KeyError> {
        let bad = |what| KeyError::Malformed { place: place.to_owned(), what };
        let body = text.trim().strip_prefix(HEADER).ok_or(bad("its header line is missing"))?;
        let (encoded, sum) =
            body.trim().split_once(' ').ok_or(bad("its checksum is missing: it is cut short"))?;
        let mut bytes =
            Zeroizing::new(BASE64.decode(encoded).map_err(|_| bad("it is not base64"))?);
        let key: [u8; KEY_BYTES] =
            bytes.as_slice().try_into().map_err(|_| bad("it has the wrong length"))?;
        bytes.zeroize();
        let key = Zeroizing::new(key);
        if checksum(key.as_ref()) != sum.trim() {
            return Err(bad("its checksum does not match"));
        }
        Ok(Self(key))
    }
}

/// Refuses a key that others could have read or put there.
fn ours_alone(about: &Metadata, shown: &str) -> Result<(), KeyError> {
    let shown = shown.to_owned();
    if !about.is_file() {
        return Err(KeyError::NotAFile(shown));
    }
    let mode = about.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open { file: shown, mode });
    }
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(KeyError::ForeignOwner(shown));
    }
    Ok(())
}

fn checksum(key: &[u8]) -> String {
    let whole = digest(&SHA256, key);
    whole.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

fn machine(path: &Path, done: &'static str, source: std::io::Error) -> KeyError {
    KeyError::Machine { file: path.display().to_string(), done, source }
}

/// Seals and opens under one master key.
pub struct Vault {
    key_id: [u8; KEY_ID_BYTES],
    credentials: LessSafeKey,
    signing_secrets: LessSafeKey,
    inbound_credentials: LessSafeKey,
    drafts: LessSafeKey,
    fingerprints: hmac::Key,
    random: SystemRandom,
    seals: AtomicU64,
    most_seals: u64,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(•••)")
    }
}

impl Vault {
    /// A vault under this key.
    ///
    /// # Errors
    /// `Unreadable` can't happen with a key of the right length, which [`MasterKey`] has.
    pub fn new(key: &MasterKey) -> Result<Self, VaultError> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"belfry/1");
        let root = salt.extract(key.0.as_ref());
        let derive = |purpose: Purpose| -> Result<LessSafeKey, VaultError> {
            let info = [purpose_word(purpose)];
            let okm = root.expand(&info, &AES_256_GCM).map_err(|_| VaultError::Unreadable)?;
            Ok(LessSafeKey::new(UnboundKey::from(okm)))
        };
        let mut key_id = [0; KEY_ID_BYTES];
        // A digest of a domain-separated copy: it tells keys apart and nothing about them.
        let mut named = Zeroizing::new(b"belfry/1 key id".to_vec());
        named.extend_from_slice(key.0.as_ref());
        for (to, from) in key_id.iter_mut().zip(digest(&SHA256, &named).as_ref()) {
            *to = *from;
        }
        Ok(Self {
            key_id,
            credentials: derive(Purpose::Credential)?,
            signing_secrets: derive(Purpose::SigningSecret)?,
            inbound_credentials: derive(Purpose::InboundCredential)?,
            drafts: derive(Purpose::Draft)?,
            fingerprints: root
                .expand(&[b"creations.fingerprint"], hmac::HMAC_SHA256)
                .map_err(|_| VaultError::Unreadable)?
                .into(),
            random: SystemRandom::new(),
            seals: AtomicU64::new(0),
            most_seals: MOST_SEALS,
        })
    }

    /// The same with a lower bound on seals, for tests of that bound.
    pub fn with_most_seals(mut self, most_seals: u64) -> Self {
        self.most_seals = most_seals;
        self
    }

    /// The name of its key, in hex: it tells keys apart and nothing about them.
    pub fn key_id(&self) -> String {
        self.key_id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether it was sealed under this key. One that was and can't be opened is damaged.
    pub fn is_ours(&self, sealed: &Sealed) -> bool {
        sealed.0.get(1..=KEY_ID_BYTES).is_some_and(|id| id == self.key_id)
    }

    fn key(&self, purpose: Purpose) -> &LessSafeKey {
        match purpose {
            Purpose::Credential => &self.credentials,
            Purpose::SigningSecret => &self.signing_secrets,
            Purpose::InboundCredential => &self.inbound_credentials,
            Purpose::Draft => &self.drafts,
        }
    }

    /// What a seal is bound to: format, key, purpose and place.
    fn aad(&self, purpose: Purpose, id: Uuid) -> Aad<Vec<u8>> {
        let mut place = b"belfry/".to_vec();
        place.push(VERSION);
        place.extend_from_slice(&self.key_id);
        place.extend_from_slice(purpose_word(purpose));
        place.push(0);
        place.extend_from_slice(id.as_bytes());
        Aad::from(place)
    }
}

fn purpose_word(purpose: Purpose) -> &'static [u8] {
    match purpose {
        Purpose::Credential => b"integrations.credential",
        Purpose::SigningSecret => b"signing_secrets.sealed",
        Purpose::InboundCredential => b"automations.inbound_credential",
        Purpose::Draft => b"drafts.credential",
    }
}

impl Sealer for Vault {
    fn seal(&self, purpose: Purpose, id: Uuid, secret: &Secret) -> Result<Sealed, VaultError> {
        if self.seals.fetch_add(1, Ordering::Relaxed) >= self.most_seals {
            return Err(VaultError::Exhausted);
        }
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| VaultError::NoRandomness)?;
        let mut text = Zeroizing::new(secret.expose().as_bytes().to_vec());
        let tag = self
            .key(purpose)
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                self.aad(purpose, id),
                text.as_mut_slice(),
            )
            // Only a text of many gigabytes can't be sealed.
            .map_err(|_| VaultError::Exhausted)?;
        let mut sealed = Vec::with_capacity(PREFIX_BYTES + text.len() + tag.as_ref().len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.key_id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&text);
        sealed.extend_from_slice(tag.as_ref());
        Ok(Sealed(sealed))
    }

    fn open(&self, purpose: Purpose, id: Uuid, sealed: &Sealed) -> Result<Secret, VaultError> {
        let (prefix, text) =
            sealed.0.split_at_checked(PREFIX_BYTES).ok_or(VaultError::Unreadable)?;
        let rest = prefix.strip_prefix(&[VERSION]).ok_or(VaultError::Unreadable)?;
        let nonce = rest.strip_prefix(&self.key_id).ok_or(VaultError::Unreadable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Unreadable)?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = self
            .key(purpose)
            .open_in_place(nonce, self.aad(purpose, id), text.as_mut_slice())
            .map_err(|_| VaultError::Unreadable)?;
        let opened = std::str::from_utf8(opened).map_err(|_| VaultError::Unreadable)?;
        Ok(Secret::new(opened.to_owned()))
    }

    fn fingerprint(&self, text: &[u8]) -> [u8; 32] {
        let mut fingerprint = [0; 32];
        for (to, from) in fingerprint.iter_mut().zip(hmac::sign(&self.fingerprints, text).as_ref())
        {
            *to = *from;
        }
        fingerprint
    }
}
