//! Physical servers.

use super::{Id, Mac, Project, Timestamp, page::PageInfo};
use utoipa::ToSchema;

/// A page of servers.
#[derive(ToSchema)]
pub(in crate::api) struct Servers {
    servers: Vec<Server>,
    page_info: PageInfo,
    /// How many the whole list has.
    count: u64,
}

/// A physical server: the family's fields, and ours beside them.
#[derive(ToSchema)]
pub(in crate::api) struct Server {
    id: Id,
    name: String,
    manage_state: ManageState,
    health_state: HealthState,
    /// What is being done with it; empty when nothing is.
    operation_state: String,
    /// Whether its agent has a session now.
    online: bool,
    /// Whether data of an earlier instance may be on its disks.
    unwiped: bool,
    /// Of its firmware; empty before it was claimed.
    uuid: String,
    /// Of its board; empty before it was claimed.
    serial: String,
    macs: Vec<Mac>,
    onboard_time: Timestamp,
    /// Whose it is; absent: of the shared pool.
    #[schema(required = false)]
    project_id: Project,
    #[schema(required = false)]
    agent: String,
    /// What is on it, where the caller may know.
    #[schema(required = false)]
    instance_id: Id,
}

/// Where a server stands; what is not known is empty.
#[derive(ToSchema)]
pub(in crate::api) struct Location {
    /// The room.
    #[schema(max_length = 64, required = false)]
    dc: String,
    #[schema(max_length = 64, required = false)]
    rack: String,
    /// The lowest rack unit.
    #[schema(max_length = 64, required = false)]
    unit: String,
}

/// The family's words.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::api) enum ManageState {
    Onboard,
    Ready,
    InUse,
    Maintain,
    Offboarding,
}

/// `Unknown` until the BMC's sensors are read.
#[derive(ToSchema)]
pub(in crate::api) enum HealthState {
    #[schema(rename = "OK")]
    Ok,
    Warning,
    Critical,
    Unknown,
}

/// Servers to be powered.
#[derive(ToSchema)]
pub(in crate::api) struct PowerServers {
    #[schema(pattern = "^(power on|power off|rebooting)$", example = "power on")]
    action: String,
    #[schema(min_items = 1, max_items = 50)]
    server_id_set: Vec<Id>,
}

/// Those that were asked for.
#[derive(ToSchema)]
pub(in crate::api) struct PoweredServers {
    physical_servers: Vec<PoweredServer>,
}

/// One of them.
#[derive(ToSchema)]
pub(in crate::api) struct PoweredServer {
    id: Id,
}

/// Tags to be put on or taken off; each key once.
#[derive(ToSchema)]
pub(in crate::api) struct ServerTags {
    #[schema(min_items = 1, max_items = 20)]
    tags: Vec<ServerTag>,
}

/// Letters, digits, spaces and `_.:=+-@`; a value may also have `/`.
#[derive(ToSchema)]
pub(in crate::api) struct ServerTag {
    #[schema(min_length = 1, max_length = 128)]
    key: String,
    #[schema(max_length = 255)]
    value: Option<String>,
}
