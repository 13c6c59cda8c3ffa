//! The ways to say who calls that the configuration turns on, and their files, which are read again on demand.

use crate::{
    auth::{AccessKeys, Authenticator, CurrentKeys, CurrentTokens, Keystone, Tokens},
    config::Config,
    seal::Sealer,
};
use std::error::Error;

/// Reads all of it.
///
/// # Errors
/// When a file cannot be used.
pub(super) fn load(config: &Config, sealer: &Sealer) -> anyhow::Result<Authenticator> {
    let auth = &config.auth;
    let tokens = auth.tokens.then(|| Tokens::load(&config.tokens_file)).transpose()?;
    let keys = auth.signature.then(|| AccessKeys::load(&auth.access_keys_file, sealer)).transpose()?;
    let keystone = auth.keystone.then(|| Keystone::new(&config.keystone)).transpose()?;
    Ok(Authenticator { tokens: tokens.map(CurrentTokens::new), keys: keys.map(CurrentKeys::new), keystone })
}

/// Reads the files again; where one cannot be used, what was in force stays.
pub(super) fn reload(config: &Config, sealer: &Sealer, auth: &Authenticator) {
    if let Some(current) = &auth.tokens {
        match Tokens::load(&config.tokens_file) {
            Ok(new) => {
                tracing::info!(tokens = new.len(), "read the token file again");
                current.replace(new);
            }
            Err(error) => stay("the token file is not used; the old tokens stay in force", &error),
        }
    }
    if let Some(current) = &auth.keys {
        match AccessKeys::load(&config.auth.access_keys_file, sealer) {
            Ok(new) => {
                tracing::info!(keys = new.len(), "read the file of access keys again");
                current.replace(new);
            }
            Err(error) => stay("the file of access keys is not used; the old keys stay in force", &error),
        }
    }
}

fn stay(what: &'static str, error: &(dyn Error + 'static)) {
    tracing::error!(error, "{what}");
}
