//! The token file, and new lines for it.

use super::{
    Caller, Role,
    tokens::{Entry, Tokens},
};
use crate::clock::Edge;
use billet_proto::ProjectId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    fmt,
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Some thousands of tokens.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// So that a leaked token is recognised by those who scan for such.
const PREFIX: &str = "billet_";

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The file cannot be read.
    #[error("read the token file {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others have rights that they must not have.
    #[error("trust the token file {}: its mode is {mode:04o}; it must be 0600, 0640 or less", path.display())]
    Mode {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// No TOML, or not as tables of tokens.
    #[error("read the token file")]
    Syntax(#[source] Box<toml::de::Error>),
    /// A token that cannot be.
    #[error("read the token file: token '{name}' {rule}")]
    Token {
        /// Its name.
        name: String,
        /// What is wrong.
        rule: &'static str,
    },
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TokenFile {
    #[serde(default)]
    token: Vec<Line>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    role: String,
}

pub(super) fn load(path: &Path) -> Result<Tokens, TokensError> {
    let read = |source| TokensError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read)?;
    let mode = file.metadata().map_err(read)?.mode() & 0o7777;
    // Digests of random tokens are no secrets, but who may write here may do everything.
    if mode & 0o027 != 0 {
        return Err(TokensError::Mode { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(read)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        return Err(read(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB")));
    }
    parse(&text)
}

pub(super) fn parse(text: &str) -> Result<Tokens, TokensError> {
    let file: TokenFile = toml::from_str(text).map_err(|error| TokensError::Syntax(Box::new(error)))?;
    let (mut names, mut digests) = (HashSet::new(), HashSet::new());
    let mut entries = vec![];
    for line in file.token {
        let name = line.name.clone();
        let wrong = |rule| TokensError::Token { name: name.chars().take(64).collect(), rule };
        let entry = entry(line).map_err(wrong)?;
        if !names.insert(name.clone()) {
            return Err(wrong("stands there twice"));
        }
        if !digests.insert(entry.sha256) {
            return Err(wrong("has the same sha256 as another"));
        }
        entries.push(entry);
    }
    Ok(Tokens(entries))
}

fn entry(line: Line) -> Result<Entry, &'static str> {
    if !is_name(&line.name) {
        return Err("must have a name of 1 to 63 letters, digits, '-', '_' or '.'");
    }
    let sha256 = hex::decode(&line.sha256).ok().and_then(|bytes| bytes.try_into().ok());
    let sha256 = sha256.ok_or("must have a sha256 of 64 hexadecimal digits")?;
    let project = line.project.map(|text| text.parse::<ProjectId>()).transpose();
    let project = project.map_err(|_| "must have a project of 1 to 64 letters, digits, '-' or '_'")?;
    let role = Role::of_line(&line.role, project.as_ref())?;
    Ok(Entry { sha256, caller: Caller { name: line.name.into(), project, role } })
}

pub(super) fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=63).contains(&name.len()) && name.chars().all(legal)
}

/// A token that was just made. Its text exists here and nowhere else.
pub struct NewToken {
    /// For the one who will call, shown once.
    pub text: Zeroizing<String>,
    /// For the token file: a `[[token]]` table.
    pub entry: String,
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewToken(redacted)")
    }
}

/// Makes a token: a tenant's of `project`, or without one an operator's.
///
/// # Errors
/// When the name breaks its rule.
pub fn new_token(edge: &Edge, name: &str, project: Option<&ProjectId>) -> Result<NewToken, TokensError> {
    new_token_of(edge, name, project, if project.is_some() { Role::Tenant } else { Role::Operator })
}

/// Makes a token of that role.
///
/// # Errors
/// When the name breaks its rule, or role and project do not go together.
pub fn new_token_of(edge: &Edge, name: &str, project: Option<&ProjectId>, role: Role) -> Result<NewToken, TokensError> {
    let wrong = |rule| TokensError::Token { name: name.chars().take(64).collect(), rule };
    Role::of_line(role.word(), project).map_err(wrong)?;
    if !is_name(name) {
        return Err(wrong("must have a name of 1 to 63 letters, digits, '-', '_' or '.'"));
    }
    let text = Zeroizing::new(format!("{PREFIX}{}", Zeroizing::new(edge.secret()).as_str()));
    let line = Line {
        name: name.to_owned(),
        sha256: hex::encode(Sha256::digest(text.as_bytes())),
        project: project.map(ToString::to_string),
        role: role.word().to_owned(),
    };
    let entry = toml::to_string(&TokenFile { token: vec![line] }).expect("four strings are always TOML");
    Ok(NewToken { text, entry })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn a_new_token_is_found_by_its_line() {
        let edge = Edge::system();
        let lab = "lab".parse().unwrap();
        let (tenant, operator) = (new_token(&edge, "t", Some(&lab)).unwrap(), new_token(&edge, "a", None).unwrap());
        let tokens = parse(&format!("{}\n{}", tenant.entry, operator.entry)).unwrap();
        assert_eq!(tokens.check(&tenant.text).unwrap().project, Some(lab));
        assert_eq!(tokens.check(&operator.text).unwrap().role, Role::Operator);
        assert!(!tenant.entry.contains(tenant.text.as_str()) && tenant.text.len() == 7 + 43);
        assert!(new_token(&edge, "a b", None).is_err());
    }

    #[test]
    fn nonsense_is_refused_with_the_tokens_name() {
        let line = |name: &str, digest: &str, rest: &str| {
            format!("[[token]]\nname = \"{name}\"\nsha256 = \"{digest}\"\n{rest}\n")
        };
        let (a, b) = ("aa".repeat(32), "bb".repeat(32));
        let admin = "role = \"admin\"";
        for (text, good) in [
            (String::new(), true),
            (line("x", &a, admin) + &line("y", &b, "role = \"tenant\"\nproject = \"lab\""), true),
            (line("x", &a, admin) + &line("x", &b, admin), false),
            (line("x", &a, admin) + &line("y", &a, admin), false),
            (line("", &a, admin), false),
            (line("x", "aa", admin), false),
            (line("x", &a, "role = \"operator\""), true),
            (line("x", &a, "role = \"read-only\""), true),
            (line("x", &a, "role = \"read-only\"\nproject = \"lab\""), true),
            (line("x", &a, "role = \"root\""), false),
            (line("x", &a, "role = \"operator\"\nproject = \"lab\""), false),
            (line("x", &a, "role = \"tenant\""), false),
            (line("x", &a, "role = \"tenant\"\nproject = \"a/b\""), false),
            (line("x", &a, "role = \"admin\"\nproject = \"lab\""), false),
            (line("x", &a, "role = \"admin\"\ntoken = \"plain\""), false),
            ("[[token]".to_owned(), false),
        ] {
            assert_eq!(parse(&text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_or_change_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.toml");
        fs::write(&path, "").unwrap();
        for (mode, good) in
            [(0o600, true), (0o640, true), (0o400, true), (0o644, false), (0o660, false), (0o602, false)]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(load(&path).is_ok(), good, "{mode:o}");
        }
        assert!(matches!(load(&folder.path().join("none")), Err(TokensError::Read { .. })));
    }
}
