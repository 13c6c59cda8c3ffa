//! Why the life cycle or the placement does not do what a tenant asks. Nothing was changed then.

use crate::{
    request::{Invalid, Problems},
    store::StoreError,
};
use billet_proto::{InstanceId, ServerId};
use std::fmt;

/// A refusal that a tenant is told of; [`crate::api::error`] has the codes.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A field names nothing, or something that does not fit.
    #[error("accept the request: {0}")]
    Invalid(Problems),
    /// No such servers for this project.
    #[error("find the physical servers: [{}]", listed(.0))]
    ServersNotFound(Vec<ServerId>),
    /// Servers that cannot be used now.
    #[error("use the physical servers: [{}]: {why}", listed(.ids))]
    ServersNotReady {
        /// Those named in the request; empty when any would have done.
        ids: Vec<ServerId>,
        /// For a person, such as `2 are in maintain`.
        why: String,
    },
    /// No such instances in this project.
    #[error("find the instances: [{}]", listed(.0))]
    InstancesNotFound(Vec<InstanceId>),
    /// Their states do not allow it.
    #[error("act on instances: [{}], and must be {wanted}", standing(.instances))]
    InstanceState {
        /// Which, and their states: the API's words, or the power action in progress.
        instances: Vec<(InstanceId, &'static str)>,
        /// The states that allow it.
        wanted: &'static str,
    },
    /// The project would have more than its quota.
    #[error("exceed the quota: {what}: {used} in use, {wanted} more wanted, {limit} allowed")]
    Quota {
        /// Such as `instances`.
        what: &'static str,
        /// In use.
        used: u64,
        /// More that are wanted.
        wanted: u32,
        /// Allowed.
        limit: u32,
    },
    /// The store failed.
    #[error("read or write what is stored")]
    Store(#[source] StoreError),
}

impl Refusal {
    /// A field whose value does not fit; the value is repeated in the answer.
    pub fn invalid(field: impl Into<String>, rule: impl Into<String>, given: impl fmt::Display) -> Self {
        Self::Invalid(Invalid::new(field, rule, given).into())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid.into())
    }
}
impl From<Problems> for Refusal {
    fn from(problems: Problems) -> Self {
        Self::Invalid(problems)
    }
}

fn standing(instances: &[(InstanceId, &'static str)]) -> String {
    listed(&instances.iter().map(|(id, state)| format!("{id} is {state}")).collect::<Vec<_>>())
}

/// Ids as they stand in the family's messages: joined by commas.
pub(crate) fn listed(ids: &[impl fmt::Display]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
