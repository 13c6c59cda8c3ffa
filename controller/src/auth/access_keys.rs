//! The file of access keys, and new lines for it.
//!
//! A secret key is the key of an HMAC, so that it must be known here and not only its digest. In the file it is sealed with
//! the master key (as `access-key new` writes it), or stands in clear.

use super::{Caller, Credential, Role, token_file::is_name};
use crate::{
    clock::Edge,
    seal::{Sealed, Sealer, file},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use billet_proto::ProjectId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    fmt, io,
    path::{Path, PathBuf},
};
use zeroize::{Zeroize, Zeroizing};

/// Some thousands of keys.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Characters of an access key that is made here; no 0, O, 1 or I, which people mistake.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// 100 random bits.
const ACCESS_KEY_CHARS: usize = 20;
/// Of a secret key in clear: fewer can be searched.
const MIN_SECRET_CHARS: usize = 16;
const MAX_SECRET_CHARS: usize = 256;

/// Why there are no access keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read, or others may read it.
    #[error("read the file of access keys {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No TOML, or not as tables of keys. What stands there is not repeated: it may be a secret.
    #[error("read the file of access keys: it is no TOML of [[key]] tables")]
    Syntax,
    /// A key that cannot be.
    #[error("read the file of access keys: key '{name}' {rule}")]
    Key {
        /// Its name.
        name: String,
        /// What is wrong.
        rule: &'static str,
    },
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    #[serde(default)]
    key: Vec<Line>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    access_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed_secret_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    role: String,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.secret_key.zeroize();
    }
}

/// All access keys.
#[derive(Debug, Default)]
pub struct AccessKeys(HashMap<String, AccessKey>);

/// A key that is known; its secret has no `Debug`.
pub struct AccessKey {
    pub(super) secret: Zeroizing<String>,
    pub(super) caller: Caller,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.caller.fmt(f)
    }
}

impl AccessKey {
    /// What a call signed with it was taken by; `access_key` is what it is found by.
    pub fn credential(&self, access_key: &str) -> Credential {
        Credential::Key(access_key.into(), self.secret_sha256())
    }

    pub(super) fn secret_sha256(&self) -> [u8; 32] {
        Sha256::digest(self.secret.as_bytes()).into()
    }
}

impl AccessKeys {
    /// Reads the file: TOML, `[[key]]` tables with `name`, `access_key`, `secret_key` or `sealed_secret_key`, `role` and
    /// `project`. A file that is not there has no keys.
    ///
    /// # Errors
    /// When group or others have any right to it, or it says nonsense.
    pub fn load(path: &Path, sealer: &Sealer) -> Result<Self, KeysError> {
        let read = |source| KeysError::Read { path: path.to_owned(), source };
        let text = file::read_private(path, MAX_FILE_BYTES).map_err(read)?;
        Self::parse(text.as_ref().map_or("", |text| text), sealer)
    }

    /// As [`Self::load`], of the file's text.
    ///
    /// # Errors
    /// When it says nonsense; the first problem.
    pub fn parse(text: &str, sealer: &Sealer) -> Result<Self, KeysError> {
        // The error's own text quotes the line.
        let file: KeyFile = toml::from_str(text).map_err(|_| KeysError::Syntax)?;
        let mut keys = Self::default();
        for line in file.key {
            let wrong = |rule| KeysError::Key { name: line.name.chars().take(64).collect(), rule };
            let key = read(&line, sealer).map_err(wrong)?;
            if keys.0.values().any(|other| other.caller.name == key.caller.name) {
                return Err(wrong("stands there twice"));
            }
            if keys.0.insert(line.access_key.clone(), key).is_some() {
                return Err(wrong("has the same access_key as another"));
            }
        }
        Ok(keys)
    }

    /// The key of that name for callers. It is no secret: looking it up need not take the same time.
    pub fn find(&self, access_key: &str) -> Option<&AccessKey> {
        self.0.get(access_key)
    }

    /// Whose there are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|key| &*key.caller.name)
    }
}

fn read(line: &Line, sealer: &Sealer) -> Result<AccessKey, &'static str> {
    if !is_name(&line.name) {
        return Err("must have a name of 1 to 63 letters, digits, '-', '_' or '.'");
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !(8..=128).contains(&line.access_key.len()) || !line.access_key.chars().all(legal) {
        return Err("must have an access_key of 8 to 128 letters, digits, '-' or '_'");
    }
    let project = line.project.as_ref().map(|text| text.parse::<ProjectId>()).transpose();
    let project = project.map_err(|_| "must have a project of 1 to 64 letters, digits, '-' or '_'")?;
    let role = Role::of_line(&line.role, project.as_ref())?;
    let secret = match (&line.secret_key, &line.sealed_secret_key) {
        (Some(clear), None) => Zeroizing::new(clear.clone()),
        (None, Some(sealed)) => open(&line.access_key, sealed, sealer)?,
        (Some(_), Some(_)) | (None, None) => return Err("must have either secret_key or sealed_secret_key"),
    };
    if !(MIN_SECRET_CHARS..=MAX_SECRET_CHARS).contains(&secret.len()) || !secret.chars().all(|c| c.is_ascii_graphic()) {
        return Err("must have a secret key of 16 to 256 printable ASCII characters");
    }
    Ok(AccessKey { secret, caller: Caller { name: format!("key/{}", line.name).into(), project, role } })
}

fn open(access_key: &str, sealed: &str, sealer: &Sealer) -> Result<Zeroizing<String>, &'static str> {
    let forged = "has a sealed_secret_key that the master key does not open for this access_key";
    let bytes = STANDARD.decode(sealed).map_err(|_| forged)?;
    let plain = sealer.open(&row(access_key), &Sealed(bytes)).map_err(|_| forged)?;
    Ok(Zeroizing::new(std::str::from_utf8(&plain).map_err(|_| forged)?.to_owned()))
}

fn row(access_key: &str) -> String {
    format!("access-key/{access_key}/secret")
}

/// A key that was just made. Its secret exists here, and sealed in the entry.
pub struct NewAccessKey {
    /// For the one who will call.
    pub access_key: String,
    /// For the one who will call, shown once.
    pub secret_key: Zeroizing<String>,
    /// For the file: a `[[key]]` table.
    pub entry: String,
}

impl fmt::Debug for NewAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewAccessKey(redacted)")
    }
}

/// Makes a key of that role.
///
/// # Errors
/// When the name breaks its rule, or role and project do not go together.
pub fn new_access_key(
    edge: &Edge,
    sealer: &Sealer,
    name: &str,
    project: Option<&ProjectId>,
    role: Role,
) -> Result<NewAccessKey, KeysError> {
    let mut bytes = [0; ACCESS_KEY_CHARS];
    edge.entropy.fill(&mut bytes);
    let access_key: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    let secret_key = Zeroizing::new(edge.secret());
    let line = Line {
        name: name.to_owned(),
        access_key: access_key.clone(),
        secret_key: None,
        sealed_secret_key: Some(STANDARD.encode(sealer.seal(&row(&access_key), secret_key.as_bytes()).0)),
        project: project.map(ToString::to_string),
        role: role.word().to_owned(),
    };
    read(&line, sealer).map_err(|rule| KeysError::Key { name: name.chars().take(64).collect(), rule })?;
    let entry = toml::to_string(&KeyFile { key: vec![line] }).expect("strings are always TOML");
    Ok(NewAccessKey { access_key, secret_key, entry })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Entropy;
    use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

    fn sealer() -> Sealer {
        let folder = tempfile::tempdir().unwrap();
        let entropy: Arc<dyn Entropy> = Edge::system().entropy;
        Sealer::load_or_create(&folder.path().join("key"), &entropy).unwrap()
    }

    #[test]
    fn a_new_key_is_found_by_its_line_which_does_not_hold_its_secret() {
        let (edge, sealer, lab) = (Edge::system(), sealer(), "lab".parse().unwrap());
        let made = new_access_key(&edge, &sealer, "t", Some(&lab), Role::Tenant).unwrap();
        let keys = AccessKeys::parse(&made.entry, &sealer).unwrap();
        let key = keys.find(&made.access_key).unwrap();
        assert_eq!((&key.secret, &*key.caller.name), (&made.secret_key, "key/t"));
        assert!(!made.entry.contains(made.secret_key.as_str()));
        assert!(!format!("{keys:?} {made:?}").contains(made.secret_key.as_str()));
        assert!(AccessKeys::parse(&made.entry, &self::sealer()).is_err(), "another master key does not open it");
        assert!(new_access_key(&edge, &sealer, "t", None, Role::Tenant).is_err());
    }

    #[test]
    fn nonsense_is_refused_and_never_repeated() {
        let sealer = sealer();
        let line = |name: &str, access: &str, rest: &str| {
            format!("[[key]]\nname = \"{name}\"\naccess_key = \"{access}\"\n{rest}\n")
        };
        let good = "secret_key = \"hunter2hunter2hunter2\"\nrole = \"operator\"";
        for (text, taken) in [
            (String::new(), true),
            (line("x", "ACCESSKEY", good), true),
            (line("x", "ACCESSKEY", good) + &line("x", "ACCESSKEZ", good), false),
            (line("x", "ACCESSKEY", good) + &line("y", "ACCESSKEY", good), false),
            (line("x", "ACCESS KEY", good), false),
            (line("x", "ACCESSKEY", "role = \"operator\""), false),
            (line("x", "ACCESSKEY", "secret_key = \"hunter2\"\nrole = \"operator\""), false),
            (line("x", "ACCESSKEY", "secret_key = \"hunter2hunter2hunter2\"\nrole = \"tenant\""), false),
            (line("x", "ACCESSKEY", &format!("{good}\nsealed_secret_key = \"hunter2\"")), false),
            (line("x", "ACCESSKEY", "sealed_secret_key = \"hunter2\"\nrole = \"operator\""), false),
            (line("x", "ACCESSKEY", "secret_key = hunter2hunter2hunter2\nrole = \"operator\""), false),
        ] {
            match AccessKeys::parse(&text, &sealer) {
                Ok(_) => assert!(taken, "{text}"),
                Err(error) => assert!(!taken && !error.to_string().contains("hunter2"), "{text}: {error}"),
            }
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_not_used_and_none_is_no_keys() {
        let folder = tempfile::tempdir().unwrap();
        let (path, sealer) = (folder.path().join("access_keys.toml"), sealer());
        assert!(AccessKeys::load(&path, &sealer).unwrap().names().next().is_none());
        fs::write(&path, "").unwrap();
        for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(AccessKeys::load(&path, &sealer).is_ok(), good, "{mode:o}");
        }
    }
}
