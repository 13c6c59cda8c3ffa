//! What each route needs, in one place. What is not named here is denied.
//!
//! Routes are in two groups by their path: `/v1/{project_id}/…` (and the networks' `/v3/{project_id}/…`) is a project's, `/admin/v1/…` the operators'. In both,
//! `GET` reads and all else changes, but for the exceptions below. A route in neither group can be called by nobody.

use crate::auth::{Caller, Role};
use axum::http::Method;
use billet_proto::ProjectId;

/// A `GET` that hands out something to act with: as a change, and audited as one.
const ACTING_READS: [&str; 1] = ["/v1/{project_id}/physicalservers/{id}/remote-console-address"];
/// Creations that are done once for each `X-Client-Token`.
const ONCE: [&str; 2] = ["/v1/{project_id}/instances", "/v1/{project_id}/instances/batch-create"];
/// Where a body may be longer than is held in memory, unless it is JSON.
const STREAMED: [&str; 1] = ["/v1/{project_id}/images"];
/// How the path of a call ends that waits for events.
const WAITING: [&str; 2] = ["/events", "/events/stream"];

/// What a call needs, and how it is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    need: Need,
    /// Written down.
    pub(super) audited: bool,
    /// Done once for each `X-Client-Token`.
    pub(super) once: bool,
    /// Its body, unless JSON, is read by its handler as it comes.
    pub(super) streamed: bool,
    /// Counted apart, because it may be held for long.
    pub(super) waits: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Whoever may look into the path's project.
    Read,
    /// Its tenants and operators.
    Change,
    /// Operators, and readers of everything.
    Oversee,
    /// Operators.
    Operate,
    /// Nobody has it.
    Nothing,
}

impl Rule {
    /// The rule of a route, named by its pattern.
    pub(super) fn of(method: &Method, pattern: &str) -> Self {
        let reads = (method == Method::GET || method == Method::HEAD) && !ACTING_READS.contains(&pattern);
        let need = match (pattern.split('/').nth(1), pattern.split('/').nth(2)) {
            (Some("v1" | "v3"), Some("{project_id}")) if reads => Need::Read,
            (Some("v1" | "v3"), Some("{project_id}")) => Need::Change,
            (Some("admin"), Some("v1")) if reads => Need::Oversee,
            (Some("admin"), Some("v1")) => Need::Operate,
            _ => Need::Nothing,
        };
        Self {
            need,
            audited: !reads,
            once: method == Method::POST && ONCE.contains(&pattern),
            streamed: method == Method::POST && STREAMED.contains(&pattern),
            waits: reads && WAITING.iter().any(|end| pattern.ends_with(end)),
        }
    }

    /// Why a caller may not; nothing when it may. `project` is the path's.
    pub(super) fn refuses(self, caller: &Caller, project: Option<&ProjectId>) -> Option<&'static str> {
        let in_project = project.is_some_and(|project| caller.may_act_in(project));
        match self.need {
            Need::Nothing => Some("no role has this"),
            Need::Operate if caller.role != Role::Operator => Some("this is for operators"),
            Need::Oversee if !caller.sees_all() => Some("this is for operators"),
            Need::Read | Need::Change if !in_project => Some("the caller is of another project than the path"),
            Need::Change if caller.role == Role::ReadOnly => Some("the caller may only read"),
            Need::Operate | Need::Oversee | Need::Read | Need::Change => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "/v1/{project_id}/instances";
    const OPERATORS: &str = "/admin/v1/agents";
    const CONSOLE: &str = "/v1/{project_id}/physicalservers/{id}/remote-console-address";

    #[test]
    fn each_role_has_what_is_its_own_and_no_more() {
        let lab: ProjectId = "lab".parse().unwrap();
        let caller = |role, project: Option<&str>| Caller {
            name: "x".into(),
            project: project.map(|project| project.parse().unwrap()),
            role,
        };
        let all = [
            caller(Role::Tenant, Some("lab")),
            caller(Role::Tenant, Some("other")),
            caller(Role::ReadOnly, Some("lab")),
            caller(Role::ReadOnly, None),
            caller(Role::Operator, None),
        ];
        for (method, pattern, allowed) in [
            (Method::GET, PROJECT, [true, false, true, true, true]),
            (Method::HEAD, PROJECT, [true, false, true, true, true]),
            (Method::POST, PROJECT, [true, false, false, false, true]),
            (Method::from_bytes(b"ODD").unwrap(), PROJECT, [true, false, false, false, true]),
            (Method::GET, CONSOLE, [true, false, false, false, true]),
            (Method::GET, OPERATORS, [false, false, false, true, true]),
            (Method::PUT, OPERATORS, [false, false, false, false, true]),
            (Method::GET, "/v2/{project_id}/instances", [false; 5]),
            (Method::GET, "/v1/{other}/instances", [false; 5]),
            (Method::GET, "/admin/v2/agents", [false; 5]),
            (Method::GET, "", [false; 5]),
        ] {
            let rule = Rule::of(&method, pattern);
            let project = pattern.contains("project_id").then_some(&lab);
            let got: Vec<bool> = all.iter().map(|caller| rule.refuses(caller, project).is_none()).collect();
            assert_eq!(got, allowed, "{method} {pattern}");
        }
    }

    #[test]
    fn every_change_is_audited_and_the_console_too() {
        for (method, pattern, audited) in [
            (Method::GET, PROJECT, false),
            (Method::DELETE, PROJECT, true),
            (Method::POST, OPERATORS, true),
            (Method::GET, CONSOLE, true),
        ] {
            assert_eq!(Rule::of(&method, pattern).audited, audited, "{method} {pattern}");
        }
        assert!(Rule::of(&Method::POST, PROJECT).once && !Rule::of(&Method::GET, PROJECT).once);
    }
}
