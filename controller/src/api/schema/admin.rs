//! Operators' calls.

use super::{Id, Project, Timestamp};
use utoipa::ToSchema;

/// All agents that joined.
#[derive(ToSchema)]
pub(in crate::api) struct Agents {
    agents: Vec<Agent>,
}

/// An agent.
#[derive(ToSchema)]
pub(in crate::api) struct Agent {
    id: Id,
    name: String,
    joined_at: Timestamp,
    /// Whether it has a session now.
    online: bool,
    /// Since when its certificates count no more; null: they count.
    #[schema(required)]
    revoked_at: Option<Timestamp>,
}

/// The agent that is to join.
#[derive(ToSchema)]
pub(in crate::api) struct NewAgent {
    #[schema(pattern = "^[A-Za-z0-9-]{1,63}$", example = "rack0")]
    agent_name: String,
}

/// What became of the servers of an agent that was replaced.
#[derive(ToSchema)]
pub(in crate::api) struct Replaced {
    /// They are the other agent's.
    moved: Vec<Id>,
    /// They have work in progress, and stay as they are.
    busy: Vec<Id>,
}

/// What lets one agent join, once.
#[derive(ToSchema)]
pub(in crate::api) struct JoinToken {
    /// A secret.
    token: String,
    agent_name: String,
    expires_at: Timestamp,
}

/// What an operator says of a server. A field that is absent stays as it was.
#[derive(ToSchema)]
pub(in crate::api) struct RegisterServer {
    /// Which agent may own it.
    #[schema(pattern = "^[A-Za-z0-9-]{1,63}$", example = "rack0")]
    agent_name: String,
    /// Whose it is; null: from now on in the shared pool.
    project_id: Option<Project>,
    /// Roles of its NICs, by port. They stay as they are while an instance is on it.
    #[schema(max_items = 32)]
    roles: Option<Vec<NicRole>>,
    /// Whether another bootable disk is cleared rather than an error.
    clear_other_bootable_disks: Option<bool>,
    /// For people.
    #[schema(max_length = 63)]
    name: Option<String>,
    /// Where it stands.
    location: Option<LocationWord>,
    /// How it is wiped after an instance; `metadata` only for a server that belongs to a project.
    wipe_policy: Option<WipePolicy>,
    /// Whether the inspection that starts by itself may power off a server that is on.
    allow_reset: Option<bool>,
}

/// `full`, or partition tables and signatures alone.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::api) enum WipePolicy {
    Full,
    Metadata,
}

/// `vpc`, `provisioning`, or `parameter-plane:RAIL` with a rail from 0 to 63.
#[derive(ToSchema)]
#[schema(pattern = "^(vpc|provisioning|parameter-plane:([0-9]|[1-5][0-9]|6[0-3]))$", example = "vpc")]
pub(in crate::api) struct NicRole(String);

/// An order to inspect.
#[derive(ToSchema)]
pub(in crate::api) struct InspectServer {
    /// Whether a server that is on may be powered off for it.
    allow_reset: Option<bool>,
    /// Whether what it sees is the server's baseline from then on, with which it is compared after each wipe.
    accept_baseline: Option<bool>,
}

/// An order to take a server out.
#[derive(ToSchema)]
pub(in crate::api) struct MaintainServer {
    /// Shown as long as it is out.
    #[schema(min_length = 1, max_length = 255)]
    reason: String,
}

/// An order to retire a server.
#[derive(ToSchema)]
pub(in crate::api) struct OffboardServer {
    /// The operator's word that it is off and unplugged for good: also one in use is retired then.
    confirm_off: Option<bool>,
}

/// An order to wipe.
#[derive(ToSchema)]
pub(in crate::api) struct WipeServer {
    /// Absent: the server's own.
    policy: Option<WipePolicy>,
}

/// Where a server stands, for people; what is absent becomes empty.
#[derive(ToSchema)]
pub(in crate::api) struct LocationWord {
    #[schema(max_length = 64)]
    dc: Option<String>,
    #[schema(max_length = 64)]
    rack: Option<String>,
    #[schema(max_length = 64)]
    unit: Option<String>,
}
