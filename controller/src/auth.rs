//! Who calls. There are three ways to say it, and several may be on at once: a token of ours, a token of Keystone's, and a
//! signature with an access key.
//!
//! Invariants: nothing that a caller sends beside its credential (`X-Project-Id`, `X-Roles`, …) is believed. A credential
//! that cannot be checked now is never taken for a wrong one: that is [`Denied::Unavailable`].

mod access_keys;
mod credential;
mod current;
mod keystone;
mod signature;
mod token_file;
mod tokens;

pub use access_keys::{AccessKeys, KeysError, NewAccessKey, new_access_key};
pub use credential::Credential;
pub use current::{Current, CurrentKeys, CurrentTokens, Reloads};
#[cfg(test)]
pub(crate) use keystone::peer as keystone_peer;
pub use keystone::{Keystone, KeystoneError};
pub use signature::{Claim, Payload};
pub use token_file::{NewToken, TokensError, new_token, new_token_of};
pub use tokens::Tokens;

use crate::clock::Timestamp;
use axum::http::HeaderMap;
use billet_proto::ProjectId;
use std::sync::Arc;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Acts in one project.
    Tenant,
    /// Acts in every project, and on servers and agents.
    Operator,
    /// Reads in its project, or everywhere when it has none.
    ReadOnly,
}

impl Role {
    /// Its word in files, logs and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Operator => "operator",
            Self::ReadOnly => "read-only",
        }
    }

    /// The role that a word names; `admin` is the operator's old one.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "tenant" => Some(Self::Tenant),
            "operator" | "admin" => Some(Self::Operator),
            "read-only" => Some(Self::ReadOnly),
            _ => None,
        }
    }

    /// The role of a line in a file of credentials, which goes with its project or with none.
    fn of_line(word: &str, project: Option<&ProjectId>) -> Result<Self, &'static str> {
        match (Self::from_word(word), project) {
            (Some(Self::Tenant), None) => Err("must have a project, because its role is tenant"),
            (Some(Self::Operator), Some(_)) => Err("must not have a project, because its role is operator"),
            (Some(role), _) => Ok(role),
            (None, _) => Err("must have the role tenant, operator or read-only"),
        }
    }
}

/// A caller who is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Unique among all callers, for logs, limits and the audit log: a token's name, `key/` and an access key's, or
    /// `keystone/` and a user's id.
    pub name: Arc<str>,
    /// Its project; none for an operator, and for a reader of everything.
    pub project: Option<ProjectId>,
    /// What it may do.
    pub role: Role,
}

impl Caller {
    /// Whether it may act (a reader: look) in a project.
    pub fn may_act_in(&self, project: &ProjectId) -> bool {
        self.sees_all() || self.project.as_ref() == Some(project)
    }

    /// Whether it sees every project's and the operators' things.
    pub fn sees_all(&self) -> bool {
        match self.role {
            Role::Operator => true,
            Role::Tenant => false,
            Role::ReadOnly => self.project.is_none(),
        }
    }
}

/// Why a call has no caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The credential is missing or wrong.
    #[error("{0}")]
    Unknown(&'static str),
    /// The credential is good, and allows nothing here.
    #[error("{0}")]
    NoRole(&'static str),
    /// Who could tell does not answer.
    #[error("the identity service does not answer")]
    Unavailable,
}

/// What a call says of its caller, before any of it is believed.
#[derive(Debug)]
pub enum Presented {
    /// `X-Auth-Token`.
    Token(String),
    /// `Authorization: SDK-HMAC-SHA256 …`.
    Signed(Claim),
}

impl Presented {
    /// A signature goes before a token.
    ///
    /// # Errors
    /// When there is neither, or it is misshapen.
    pub fn of(headers: &HeaderMap) -> Result<Self, Denied> {
        if let Some(claim) = Claim::of(headers)? {
            return Ok(Self::Signed(claim));
        }
        let token =
            headers.get("x-auth-token").ok_or(Denied::Unknown("there is neither X-Auth-Token nor a signature"))?;
        let token = token.to_str().map_err(|_| Denied::Unknown("X-Auth-Token names no caller"))?;
        Ok(Self::Token(token.to_owned()))
    }
}

/// The ways that are on; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Authenticator {
    /// The token file's tokens.
    pub tokens: Option<CurrentTokens>,
    /// Access keys.
    pub keys: Option<CurrentKeys>,
    /// Keystone.
    pub keystone: Option<Keystone>,
}

impl Authenticator {
    /// Whose token it is: one of ours, else one that Keystone told of a while ago. None where only Keystone can tell; see
    /// [`Self::ask`].
    pub fn known(&self, token: &str, now: Timestamp) -> Option<Result<Caller, Denied>> {
        if let Some(caller) = self.tokens.as_ref().and_then(|tokens| tokens.get().check(token)) {
            return Some(Ok(caller));
        }
        match &self.keystone {
            Some(keystone) => keystone.known(token, now),
            None => Some(Err(Denied::Unknown("X-Auth-Token names no caller"))),
        }
    }

    /// Asks Keystone whose token it is. It costs a call: whoever lets a stranger cause it counts that first.
    ///
    /// # Errors
    /// When it is nobody's, or nobody could tell.
    pub async fn ask(&self, token: &str, now: Timestamp) -> Result<Caller, Denied> {
        match &self.keystone {
            Some(keystone) => keystone.ask(token, now).await,
            None => Err(Denied::Unknown("X-Auth-Token names no caller")),
        }
    }

    /// The keys in force, where signatures are taken.
    ///
    /// # Errors
    /// When they are not.
    pub fn keys(&self) -> Result<Arc<AccessKeys>, Denied> {
        self.keys.as_ref().map(Current::get).ok_or(Denied::Unknown("signatures are not taken here"))
    }

    /// Tells when other tokens or keys come into force from now on.
    pub fn reloads(&self) -> Reloads {
        Reloads::of(self.tokens.as_ref(), self.keys.as_ref())
    }

    /// What an answer 401 says in `WWW-Authenticate`, where tokens are to be had elsewhere.
    pub fn challenge(&self) -> Option<String> {
        self.keystone.as_ref().map(Keystone::challenge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_acts_in_its_project_and_an_operator_in_all() {
        let (lab, other): (ProjectId, ProjectId) = ("lab".parse().unwrap(), "other".parse().unwrap());
        let tenant = Caller { name: "alice".into(), project: Some(lab.clone()), role: Role::Tenant };
        assert!(tenant.may_act_in(&lab) && !tenant.may_act_in(&other) && !tenant.sees_all());
        let operator = Caller { project: None, role: Role::Operator, ..tenant.clone() };
        assert!(operator.may_act_in(&lab) && operator.may_act_in(&other) && operator.sees_all());
        let reader = Caller { role: Role::ReadOnly, ..tenant };
        assert!(reader.may_act_in(&lab) && !reader.may_act_in(&other) && !reader.sees_all());
        assert!(Caller { project: None, ..reader }.may_act_in(&other));
    }

    #[test]
    fn a_reload_replaces_the_tokens_for_all_who_hold_them() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let text = format!("[[token]]\nname = \"alice\"\nsha256 = \"{abc}\"\nrole = \"operator\"\n");
        let current = CurrentTokens::new(Tokens::parse(&text).unwrap());
        let held = current.clone();
        assert!(held.get().check("abc").is_some());
        current.replace(Tokens::default());
        assert!(held.get().check("abc").is_none());
    }

    #[test]
    fn every_role_reads_back_by_its_word_and_admin_is_an_old_one() {
        for role in [Role::Tenant, Role::Operator, Role::ReadOnly] {
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
        assert_eq!(Role::from_word("admin"), Some(Role::Operator));
        assert_eq!(Role::from_word("root"), None);
    }
}
