//! The ways to say who calls that the configuration turns on, and their files, which are read again on demand. What is read
//! comes into force, so that each reading is a line of the audit log.

use crate::{
    auth::{AccessKeys, Authenticator, CurrentKeys, CurrentTokens, Keystone, Tokens},
    clock::Timestamp,
    config::Config,
    seal::Sealer,
    store::access::Audited,
};
use std::{collections::BTreeSet, error::Error};

/// The audit log's name for whoever may write the files; no token can have it.
pub(super) const CALLER: &str = "host/files";
/// The audit log's words for the files.
const TOKENS: &str = "tokens";
const ACCESS_KEYS: &str = "access keys";
/// Whose credentials a line tells at most.
const NAMES: usize = 100;

/// A file of credentials that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    file: &'static str,
    /// Whose credentials are in force now; none: the file is not used, and what was in force stays.
    callers: Option<BTreeSet<String>>,
}

impl Taken {
    fn new<'a>(file: &'static str, names: impl Iterator<Item = &'a str>) -> Self {
        Self { file, callers: Some(names.map(str::to_owned).collect()) }
    }

    /// The audit log's line of it: whoever may write the file and signal the daemon did this.
    pub(super) fn line(self, at: Timestamp) -> Audited {
        let used = self.callers.is_some();
        let callers = self.callers.unwrap_or_default();
        let more = callers.len().saturating_sub(NAMES);
        let mut objects: Vec<String> = callers.into_iter().take(NAMES).collect();
        if more > 0 {
            objects.push(format!("and {more} more"));
        }
        let action = format!("Credentials/Read: {}", self.file);
        Audited::by_host(at, CALLER, action, objects, if used { 200 } else { 500 })
    }
}

/// Reads all of it.
///
/// # Errors
/// When a file cannot be used.
pub(super) fn load(config: &Config, sealer: &Sealer) -> anyhow::Result<(Authenticator, Vec<Taken>)> {
    let auth = &config.auth;
    let tokens = auth.tokens.then(|| Tokens::load(&config.tokens_file)).transpose()?;
    let keys = auth.signature.then(|| AccessKeys::load(&auth.access_keys_file, sealer)).transpose()?;
    let keystone = auth.keystone.then(|| Keystone::new(&config.keystone)).transpose()?;
    let taken = [
        tokens.as_ref().map(|tokens| Taken::new(TOKENS, tokens.names())),
        keys.as_ref().map(|keys| Taken::new(ACCESS_KEYS, keys.names())),
    ];
    let callers = Authenticator { tokens: tokens.map(CurrentTokens::new), keys: keys.map(CurrentKeys::new), keystone };
    Ok((callers, taken.into_iter().flatten().collect()))
}

/// Reads the files again; where one cannot be used, what was in force stays.
pub(super) fn reload(config: &Config, sealer: &Sealer, auth: &Authenticator) -> Vec<Taken> {
    let mut taken = Vec::new();
    if let Some(current) = &auth.tokens {
        let new = Tokens::load(&config.tokens_file);
        taken.push(read_again(TOKENS, new.as_ref().map(Tokens::names)));
        if let Ok(new) = new {
            current.replace(new);
        }
    }
    if let Some(current) = &auth.keys {
        let new = AccessKeys::load(&config.auth.access_keys_file, sealer);
        taken.push(read_again(ACCESS_KEYS, new.as_ref().map(AccessKeys::names)));
        if let Ok(new) = new {
            current.replace(new);
        }
    }
    taken
}

fn read_again<'a>(file: &'static str, names: Result<impl Iterator<Item = &'a str>, &(impl Error + 'static)>) -> Taken {
    match names {
        Ok(names) => {
            let taken = Taken::new(file, names);
            tracing::info!(file, callers = taken.callers.as_ref().map(BTreeSet::len), "read the credentials again");
            taken
        }
        Err(error) => {
            tracing::error!(error = error as &dyn Error, file, "the file is not used; what was in force stays");
            Taken { file, callers: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_whose_credentials_are_in_force_and_that_a_file_is_not_used() {
        let names: Vec<String> = (0..=NAMES).map(|n| format!("caller{n:03}")).collect();
        let line = Taken::new(TOKENS, names.iter().map(String::as_str)).line(Timestamp(7));
        assert_eq!((line.action.as_str(), line.status, line.at), ("Credentials/Read: tokens", 200, Timestamp(7)));
        assert_eq!((line.objects.len(), line.objects[0].as_str()), (NAMES + 1, "caller000"));
        assert_eq!(line.objects.last().map(String::as_str), Some("and 1 more"));
        let unused = read_again(ACCESS_KEYS, Err::<std::iter::Empty<&str>, _>(&std::fmt::Error));
        let line = unused.line(Timestamp(8));
        assert_eq!((line.action.as_str(), line.status), ("Credentials/Read: access keys", 500));
        assert!(line.objects.is_empty());
    }
}
