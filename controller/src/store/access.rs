//! What is stored of callers: quotas, the audit log, and answers that a repeated call gets again.

use super::Result;
use crate::clock::Timestamp;
use billet_proto::ProjectId;

/// How much a project may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Instances that are not terminated.
    pub instances: u32,
    /// Addresses of VPCs that its instances have or that it holds.
    pub addresses: u32,
    /// Images of its own.
    pub images: u32,
    /// VPCs.
    pub vpcs: u32,
    /// Subnets of all its VPCs.
    pub subnets: u32,
}

/// How much a project has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Instances that are not terminated.
    pub instances: u64,
    /// Addresses that its instances have.
    pub addresses: u64,
    /// Images of its own.
    pub images: u64,
    /// VPCs.
    pub vpcs: u64,
    /// Subnets of all its VPCs.
    pub subnets: u64,
}

/// A line of the audit log; nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Counts up; the store gives it.
    pub seq: u64,
    /// When the answer was decided.
    pub at: Timestamp,
    /// The answer's `X-Request-Id`.
    pub request_id: String,
    /// The caller's name.
    pub caller: String,
    /// Its role.
    pub role: String,
    /// The path's project, where it has one.
    pub project_id: Option<ProjectId>,
    /// The address that the call came from.
    pub peer: String,
    /// What was asked, such as `POST /v1/{project_id}/instances`; of a power action and a wipe, which.
    pub action: String,
    /// The ids that path and answer name.
    pub objects: Vec<String>,
    /// The answer's status.
    pub status: u16,
    /// The answer's error code; empty without one.
    pub code: String,
}

impl Audited {
    /// Of what no call did, but somebody who may do anything on the controller's host; `caller` is a name that no token
    /// can have.
    pub fn by_host(at: Timestamp, caller: &str, action: String, objects: Vec<String>, status: u16) -> Self {
        Self {
            seq: 0,
            at,
            request_id: String::new(),
            caller: caller.to_owned(),
            role: "operator".to_owned(),
            project_id: None,
            peer: String::new(),
            action,
            objects,
            status,
            code: String::new(),
        }
    }
}

/// Which lines of the audit log are to be read.
#[derive(Debug, Clone, Default)]
pub struct AuditWanted {
    /// Below this number; none: from the newest on.
    pub before: Option<u64>,
    /// At or after; none: from the beginning.
    pub from: Option<Timestamp>,
    /// Before; none: up to now.
    pub to: Option<Timestamp>,
    /// Of this project alone.
    pub project_id: Option<ProjectId>,
    /// Of this caller alone.
    pub caller: Option<String>,
    /// Of this object alone.
    pub object: Option<String>,
    /// Of this request alone.
    pub request_id: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// An answer that is given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The path's project, or an empty text.
    pub project: String,
    /// The caller's name.
    pub caller: String,
    /// The caller's token for the call.
    pub token: String,
    /// A keyed MAC of the request.
    pub request_mac: [u8; 32],
    /// The answer's status.
    pub status: u16,
    /// The answer's body.
    pub answer: String,
    /// When.
    pub created_at: Timestamp,
}

/// Reads and writes of it, within a [`super::Transaction`].
#[expect(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "each method is its name; all fail only as StoreError says"
)]
pub trait Access {
    /// A project's own; `None` is what holds for projects without one.
    fn quota(&mut self, project: Option<&ProjectId>) -> Result<Option<Quota>>;
    fn set_quota(&mut self, project: Option<&ProjectId>, quota: &Quota) -> Result<()>;
    /// From now on it is as every project's.
    fn remove_quota(&mut self, project: &ProjectId) -> Result<()>;
    fn usage(&mut self, project: &ProjectId) -> Result<Usage>;
    /// No project has more; told without counting.
    fn usage_at_most(&mut self) -> Result<Usage>;

    /// Its `seq` is not looked at.
    fn insert_audited(&mut self, line: &Audited) -> Result<()>;
    /// The newest first.
    fn audited(&mut self, wanted: &AuditWanted) -> Result<Vec<Audited>>;
    /// Whether a line of this caller is kept.
    fn has_audited(&mut self, caller: &str) -> Result<bool>;
    /// Forgets lines from before, at most 1000 at once.
    fn purge_audited(&mut self, before: Timestamp) -> Result<u64>;

    /// [`super::StoreError::Taken`] when there is one of that project, caller and token.
    fn remember(&mut self, answer: &Remembered) -> Result<()>;
    fn remembered(&mut self, project: &str, caller: &str, token: &str) -> Result<Option<Remembered>>;
    fn forget(&mut self, answer: &Remembered) -> Result<()>;
    /// Forgets answers from before, at most 1000 at once.
    fn purge_remembered(&mut self, before: Timestamp) -> Result<u64>;
}
