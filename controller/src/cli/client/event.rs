//! An instance's timeline.

use super::{Client, ClientError};
use billet_proto::InstanceId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// As many as one answer has.
const PAGE_EVENTS: usize = 1000;

/// Something that happened to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Grows over all instances.
    pub seq: u64,
    /// RFC 3339.
    pub at: String,
    /// `accepted`, `started`, `progress`, `finished`, `failed`, `note`, `running`, `deleting`, `terminated`.
    pub kind: String,
    /// The step, such as `write`; empty for the instance as a whole.
    #[serde(default)]
    pub step: String,
    /// For a person.
    #[serde(default)]
    pub message: String,
    /// Bytes done, for progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_bytes: Option<u64>,
    /// Bytes in all, for progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// Bytes each second, for progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u64>,
}

#[derive(Deserialize)]
struct Events {
    events: Vec<Event>,
}

impl Client {
    /// At most a thousand events after the one numbered `after`, oldest first. Where there is none yet, the controller
    /// holds its answer back for up to `wait`, in whole seconds and at most 30.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn events(&self, id: InstanceId, after: u64, wait: Duration) -> Result<Vec<Event>, ClientError> {
        let mut url = self.project_url(&["instances", &id.to_string(), "events"])?;
        url.query_pairs_mut()
            .append_pair("after", &after.to_string())
            .append_pair("limit", &PAGE_EVENTS.to_string())
            .append_pair("wait", &wait.as_secs().min(30).to_string());
        self.get_held::<Events>(url, wait).await.map(|answer| answer.events)
    }
}
