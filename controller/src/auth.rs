//! Who calls: static tokens from a file. Only digests of tokens are known here.
//!
//! A token has 256 random bits, so that its plain SHA-256 cannot be searched; a slow hash would only slow down calls.

mod file;

pub use file::{NewToken, TokensError, new_token};

use billet_proto::ProjectId;
use sha2::{Digest, Sha256};
use std::{
    path::Path,
    sync::{Arc, RwLock},
};
use subtle::ConstantTimeEq;

/// Longer texts are no tokens of ours, and are not digested.
const MAX_TOKEN_BYTES: usize = 256;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Acts in one project.
    Tenant,
    /// Acts in every project, and on servers and agents.
    Admin,
}

/// A caller whose token was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name, for logs and limits.
    pub name: Arc<str>,
    /// The tenant's project; none for an administrator.
    pub project: Option<ProjectId>,
    /// What it may do.
    pub role: Role,
}

impl Caller {
    /// Whether it may act in a project.
    pub fn may_act_in(&self, project: &ProjectId) -> bool {
        match self.role {
            Role::Admin => true,
            Role::Tenant => self.project.as_ref() == Some(project),
        }
    }
}

/// All tokens.
#[derive(Debug, Default)]
pub struct Tokens(Vec<Entry>);

struct Entry {
    sha256: [u8; 32],
    caller: Caller,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.caller.fmt(f)
    }
}

impl Tokens {
    /// Reads a token file: TOML, `[[token]]` tables with `name`, `sha256` (of the token, in hex), `role` (`tenant` or
    /// `admin`) and, for tenants, `project`.
    ///
    /// # Errors
    /// When others than the owner may write it or others than owner and group may read it, or it says nonsense.
    pub fn load(path: &Path) -> Result<Self, TokensError> {
        file::load(path)
    }

    /// As [`Self::load`], of the file's text.
    ///
    /// # Errors
    /// When it says nonsense; the first problem.
    pub fn parse(text: &str) -> Result<Self, TokensError> {
        file::parse(text)
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

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The tokens in force, which a reload replaces as a whole. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct CurrentTokens(Arc<RwLock<Arc<Tokens>>>);

impl CurrentTokens {
    /// Begins with these.
    pub fn new(tokens: Tokens) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(tokens))))
    }
    /// Puts others in force; calls in progress go on.
    pub fn replace(&self, tokens: Tokens) {
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(tokens);
    }
    /// Those in force.
    pub fn get(&self) -> Arc<Tokens> {
        Arc::clone(&self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_tenant_acts_in_its_project_and_an_administrator_in_all() {
        let (lab, other): (ProjectId, ProjectId) = ("lab".parse().unwrap(), "other".parse().unwrap());
        let tenant = tokens().check("abc").unwrap();
        assert!(tenant.may_act_in(&lab) && !tenant.may_act_in(&other));
        let admin = Caller { project: None, role: Role::Admin, ..tenant };
        assert!(admin.may_act_in(&lab) && admin.may_act_in(&other));
    }

    #[test]
    fn a_reload_replaces_the_tokens_for_all_who_hold_them() {
        let current = CurrentTokens::new(tokens());
        let held = current.clone();
        current.replace(Tokens::default());
        assert!(held.get().check("abc").is_none());
    }

    #[test]
    fn debug_shows_no_digest() {
        assert!(!format!("{:?}", tokens()).contains("186, 120"), "0xba, 0x78");
        assert!(!format!("{:?}", tokens()).contains("ba78"));
    }
}
