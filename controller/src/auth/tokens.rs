//! Static tokens from a file. Only digests of tokens are known here.
//!
//! A token has 256 random bits, so that its plain SHA-256 cannot be searched; a slow hash would only slow down calls.

use super::{
    Caller,
    token_file::{self, TokensError},
};
use sha2::{Digest, Sha256};
use std::path::Path;
use subtle::ConstantTimeEq;

/// Longer texts are no tokens of ours, and are not digested.
const MAX_TOKEN_BYTES: usize = 256;

/// All tokens.
#[derive(Debug, Default)]
pub struct Tokens(pub(super) Vec<Entry>);

pub(super) struct Entry {
    pub(super) sha256: [u8; 32],
    pub(super) caller: Caller,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.caller.fmt(f)
    }
}

impl Tokens {
    /// Reads a token file: TOML, `[[token]]` tables with `name`, `sha256` (of the token, in hex), `role` (`tenant`,
    /// `operator` or `read-only`) and `project`: of a tenant, and of a reader unless it reads everywhere.
    ///
    /// # Errors
    /// When others than the owner may write it or others than owner and group may read it, or it says nonsense.
    pub fn load(path: &Path) -> Result<Self, TokensError> {
        token_file::load(path)
    }

    /// As [`Self::load`], of the file's text.
    ///
    /// # Errors
    /// When it says nonsense; the first problem.
    pub fn parse(text: &str) -> Result<Self, TokensError> {
        token_file::parse(text)
    }

    /// Whose token it is. Takes the same time whichever token it is, and whether any.
    pub fn check(&self, token: &str) -> Option<Caller> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let mut found = None;
        for entry in &self.0 {
            if bool::from(entry.sha256.ct_eq(&digest)) {
                found = Some(&entry.caller);
            }
        }
        found.cloned()
    }

    /// Whose there are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|entry| &*entry.caller.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Role;

    /// SHA-256 of "abc" and of "" (FIPS 180-4, examples).
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn tokens() -> Tokens {
        let text = format!("[[token]]\nname = \"alice\"\nsha256 = \"{ABC}\"\nproject = \"lab\"\nrole = \"tenant\"\n");
        Tokens::parse(&text).unwrap()
    }

    #[test]
    fn only_the_very_token_is_found() {
        let caller = tokens().check("abc").unwrap();
        assert_eq!((&*caller.name, caller.role), ("alice", Role::Tenant));
        for bad in ["", "abd", "abc ", "ABC", ABC, &"a".repeat(1 << 20)] {
            assert_eq!(tokens().check(bad), None, "{}", bad.len());
        }
    }

    #[test]
    fn debug_shows_no_digest() {
        assert!(!format!("{:?}", tokens()).contains("186, 120"), "0xba, 0x78");
        assert!(!format!("{:?}", tokens()).contains("ba78"));
    }
}
