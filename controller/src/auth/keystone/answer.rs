//! What Keystone says of a token, and whom that makes of its bearer.

use crate::{
    auth::{Caller, Denied, Role},
    clock::Timestamp,
    config::Keystone as Config,
};
use billet_proto::ProjectId;
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What Keystone answered.
pub(super) enum Answered {
    /// The token is nobody's, or expired, or was revoked.
    Nobody,
    /// It is good.
    Token(Token),
}

/// A token's content, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) expires_at: Timestamp,
    user_id: String,
    /// Of a token that is scoped to a project.
    project_id: Option<String>,
    roles: Vec<String>,
}

#[derive(Deserialize)]
struct Body {
    token: Content,
}
#[derive(Deserialize)]
struct Content {
    expires_at: String,
    user: Named,
    project: Option<Named>,
    #[serde(default)]
    roles: Vec<RoleName>,
}
#[derive(Deserialize)]
struct Named {
    id: String,
}
#[derive(Deserialize)]
struct RoleName {
    name: String,
}

/// Reads the body of an answer 200.
pub(super) fn parse(body: &[u8], now: Timestamp) -> Result<Token, &'static str> {
    let Body { token } = serde_json::from_slice(body).map_err(|_| "it is no token as v3 writes it")?;
    let expires_at = OffsetDateTime::parse(&token.expires_at, &Rfc3339).map_err(|_| "its expires_at is no time")?;
    // What has expired before 1970 has expired.
    let expires_at = u64::try_from(expires_at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0).min(far(now));
    Ok(Token {
        expires_at: Timestamp(expires_at),
        user_id: token.user.id,
        project_id: token.project.map(|project| project.id),
        roles: token.roles.into_iter().map(|role| role.name).collect(),
    })
}

/// No token is good for a year.
fn far(now: Timestamp) -> u64 {
    now.0.saturating_add(366 * 24 * 60 * 60 * 1000)
}

impl Token {
    /// The strongest role that the configuration makes of its roles.
    pub(super) fn caller(&self, config: &Config) -> Result<Caller, Denied> {
        let no_project = Denied::Unknown("X-Auth-Token must be scoped to a project");
        let project = self.project_id.as_ref().ok_or(no_project)?;
        let project: ProjectId =
            project.parse().map_err(|_| Denied::Unknown("X-Auth-Token's project has no id that can be one here"))?;
        let has = |ours: &[String]| self.roles.iter().any(|role| ours.contains(role));
        let (role, project) = if has(&config.operator_roles) {
            (Role::Operator, None)
        } else if has(&config.tenant_roles) {
            (Role::Tenant, Some(project))
        } else if has(&config.read_only_roles) {
            (Role::ReadOnly, Some(project))
        } else {
            return Err(Denied::NoRole("the token has no role that is one here"));
        };
        Ok(Caller { name: format!("keystone/{}", self.user_id).into(), project, role })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn body(project: Value, roles: &[&str]) -> Vec<u8> {
        let roles: Vec<Value> = roles.iter().map(|name| json!({ "id": "r", "name": name })).collect();
        // The shape of the Identity API reference, "Validate and show information for token".
        json!({ "token": {
            "methods": ["password"],
            "user": { "domain": { "id": "default", "name": "Default" }, "id": "u1", "name": "alice",
                      "password_expires_at": null },
            "audit_ids": ["mAjXQhiYRyKwkB4qygdLVg"],
            "expires_at": "2027-01-15T09:00:00.000000Z",
            "issued_at": "2027-01-15T08:00:00.000000Z",
            "project": project,
            "is_domain": false,
            "roles": roles,
        }})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn a_token_makes_the_strongest_caller_that_its_roles_allow() {
        let config = Config { operator_roles: vec!["cloud-operator".into()], ..Config::default() };
        let lab = || json!({ "domain": { "id": "default", "name": "Default" }, "id": "8538a3f1", "name": "lab" });
        for (roles, expected) in [
            (&["reader", "member", "cloud-operator"][..], Some((Role::Operator, None))),
            (&["reader", "member"][..], Some((Role::Tenant, Some("8538a3f1")))),
            (&["reader"][..], Some((Role::ReadOnly, Some("8538a3f1")))),
            (&["admin", "Member"][..], None),
            (&[][..], None),
        ] {
            let token = parse(&body(lab(), roles), NOW).unwrap();
            assert_eq!(token.expires_at, Timestamp(1_800_003_600_000));
            match (token.caller(&config), expected) {
                (Ok(caller), Some((role, project))) => {
                    assert_eq!((caller.role, caller.project.as_ref().map(ProjectId::as_str)), (role, project));
                    assert_eq!(&*caller.name, "keystone/u1");
                }
                (Err(Denied::NoRole(_)), None) => {}
                other => panic!("{roles:?}: {other:?}"),
            }
        }
        let unscoped = parse(&body(Value::Null, &["member"]), NOW).unwrap();
        assert!(matches!(unscoped.caller(&config), Err(Denied::Unknown(_))));
    }

    #[test]
    fn what_is_no_token_is_no_answer() {
        for bad in ["", "{}", "[]", r#"{"token":{}}"#, r#"{"token":{"expires_at":"soon","user":{"id":"u"}}}"#] {
            assert!(parse(bad.as_bytes(), NOW).is_err(), "{bad}");
        }
    }
}
