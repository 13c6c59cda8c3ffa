//! Physical servers.

use super::{Id, Mac, Project, Timestamp, instance::Tag, page::PageInfo};
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
    /// Where it has none, its id.
    name: String,
    /// Always empty: there are projects, and no domains.
    domain_id: String,
    manage_state: ManageState,
    health_state: HealthState,
    /// What is being done with it; empty when nothing is.
    operation_state: String,
    location: ServerLocation,
    hardware_attributes: ServerSummary,
    tags: Vec<Tag>,
    /// Whether its agent has a session now.
    online: bool,
    /// Whether data of an earlier instance may be on its disks.
    unwiped: bool,
    /// Of its firmware; empty before it was claimed.
    uuid: String,
    /// Of its board; empty before it was claimed.
    serial: String,
    macs: Vec<Mac>,
    wipe_policy: WipePolicy,
    onboard_time: Timestamp,
    /// Whose it is; absent: of the shared pool.
    #[schema(required = false)]
    project_id: Project,
    #[schema(required = false)]
    agent: String,
    /// What is on it, where the caller may know.
    #[schema(required = false)]
    instance_id: Id,
    /// What its BMC said last; absent where it was not asked yet.
    #[schema(required = false)]
    power_state: PowerState,
    /// When an inspection saw it; absent where it is to be inspected before it is ready.
    #[schema(required = false)]
    inspected_at: Timestamp,
    #[schema(required = false)]
    last_wipe: ServerWipe,
    #[schema(required = false)]
    error: ServerError,
    /// Work on the server itself; absent where none is in progress.
    #[schema(required = false)]
    task: ServerTask,
    /// What the task waits for, for a person; without a task, the claim of its agent, where no agent owns it yet.
    #[schema(required = false)]
    waiting_for: String,
    /// When what is waited for changed last; absent where that is not known.
    #[schema(required = false)]
    waiting_since: Timestamp,
    /// Which try of the step it is, or of sending the order, from 1; absent where that is not told.
    #[schema(required = false)]
    attempt: u32,
    /// When the next try comes; absent where one is going on.
    #[schema(required = false)]
    next_try_at: Timestamp,
    /// When the task's step becomes an error.
    #[schema(required = false)]
    deadline: Timestamp,
}

/// Where a server stands, as an answer; what is not known is empty.
#[derive(ToSchema)]
pub(in crate::api) struct ServerLocation {
    dc: String,
    rack: String,
    unit: String,
}

/// What the ramdisk saw, in short; what is not known is empty.
#[derive(ToSchema)]
pub(in crate::api) struct ServerSummary {
    sn: String,
    manufacturer: String,
    model: String,
    main_board_manufacturer: String,
    main_board_serial_number: String,
}

/// Whether a server is on.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::api) enum PowerState {
    On,
    Off,
}

/// How thoroughly its disks are erased after a release.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::api) enum WipePolicy {
    Full,
    Metadata,
}

/// The last wipe that ended well.
#[derive(ToSchema)]
pub(in crate::api) struct ServerWipe {
    at: Timestamp,
    policy: WipePolicy,
    /// How many were erased and read back.
    disks: u64,
}

/// What went wrong last, or why the operator took it out.
#[derive(ToSchema)]
pub(in crate::api) struct ServerError {
    /// The cause's name.
    error_code: String,
    /// For a person.
    error_msg: String,
    error_type: ManageState,
}

/// Work in progress on a server itself.
#[derive(ToSchema)]
pub(in crate::api) struct ServerTask {
    #[schema(pattern = "^(inspect|wipe|power-on|power-off|reboot)$")]
    kind: String,
    /// Empty before the first.
    step: String,
    began_at: Timestamp,
    /// Of a wipe.
    #[schema(required = false)]
    policy: WipePolicy,
    #[schema(required = false)]
    done_bytes: u64,
    #[schema(required = false)]
    total_bytes: u64,
    #[schema(required = false)]
    bytes_per_second: u64,
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
