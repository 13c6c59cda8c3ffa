//! What a server is made of, what happened to it, and how many there are.

use super::{Id, server::ServerSummary};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// All parts that the ramdisk saw; what needs the sensors of the BMC is `Unknown`, or an empty list.
#[derive(ToSchema)]
pub(in crate::api) struct ServerHardware {
    summary: ServerSummary,
    memorys: Vec<ServerMemory>,
    processors: Vec<ServerProcessor>,
    network_adapters: Vec<ServerAdapter>,
    #[schema(value_type = Vec<Object>)]
    fans: (),
    #[schema(value_type = Vec<Object>)]
    powers: (),
    storage_controllers: Vec<ServerController>,
    #[schema(value_type = Vec<Object>)]
    metrics: (),
}

/// A memory module.
#[derive(ToSchema)]
pub(in crate::api) struct ServerMemory {
    name: String,
    position: String,
    capacity_mib: u64,
    manufacturer: String,
    memory_device_type: String,
    operating_speed_mhz: u32,
    serial_number: String,
    part_number: String,
    health: String,
}

/// A processor.
#[derive(ToSchema)]
pub(in crate::api) struct ServerProcessor {
    name: String,
    manufacturer: String,
    model: String,
    total_cores: u32,
    total_threads: u32,
    socket: u32,
    max_speed_mhz: u32,
    health: String,
}

/// A network port, as an adapter of one.
#[derive(ToSchema)]
pub(in crate::api) struct ServerAdapter {
    name: String,
    /// On its bus.
    position: String,
    driver_name: String,
    firmware_version: String,
    health: String,
    network_ports: Vec<ServerPort>,
}

/// The port itself.
#[derive(ToSchema)]
pub(in crate::api) struct ServerPort {
    physical_port_number: String,
    #[schema(pattern = "^Link(Up|Down)$")]
    link_status: String,
    associated_network_addresses: String,
    permanent_mac_address: String,
    /// Empty where it is not known.
    #[schema(example = "25000 Mbps")]
    port_max_speed: String,
    bdf: String,
}

/// All disks of one transport.
#[derive(ToSchema)]
pub(in crate::api) struct ServerController {
    name: String,
    r#type: String,
    health: String,
    /// Their names.
    drives: Vec<String>,
    volumes: Vec<ServerVolume>,
}

/// A disk, as a volume of one.
#[derive(ToSchema)]
pub(in crate::api) struct ServerVolume {
    name: String,
    capacity_bytes: u64,
    drives: Vec<ServerDrive>,
}

/// The disk itself.
#[derive(ToSchema)]
pub(in crate::api) struct ServerDrive {
    name: String,
    model: String,
    serial_number: String,
    revision: String,
    #[schema(pattern = "^(HDD|SSD)$")]
    media_type: String,
    protocol: String,
    capacity_bytes: u64,
    health: String,
}

/// The firmware of one part.
#[derive(ToSchema)]
pub(in crate::api) struct ServerFirmware {
    component_name: String,
    model: String,
    manufacturer: String,
    version: String,
}

/// How many servers the caller sees, of each sort.
#[derive(ToSchema)]
pub(in crate::api) struct ServerCounters {
    server_status: ServerHealthCounters,
    server_power_status: ServerPowerCounters,
    /// By state; one that no server is in is absent.
    server_manage_state: BTreeMap<String, u64>,
}

/// By health.
#[derive(ToSchema)]
pub(in crate::api) struct ServerHealthCounters {
    total: ServerCounter,
    ok: ServerCounter,
    warning: ServerCounter,
    critical: ServerCounter,
    unknown: ServerCounter,
    health: ServerCounter,
    #[schema(rename = "unHealth")]
    un_health: ServerCounter,
    isolation: ServerCounter,
}

/// How many, and in which rooms.
#[derive(ToSchema)]
pub(in crate::api) struct ServerCounter {
    count: u64,
    dc_stats: BTreeMap<String, u64>,
}

/// By power.
#[derive(ToSchema)]
pub(in crate::api) struct ServerPowerCounters {
    on: u64,
    off: u64,
    unknown: u64,
}

/// A page of what happened to servers, newest first.
#[derive(ToSchema)]
pub(in crate::api) struct ServerEvents {
    events: Vec<ServerEvent>,
    /// How many the whole span has.
    count: u64,
}

/// Something that happened to a server.
#[derive(ToSchema)]
pub(in crate::api) struct ServerEvent {
    /// Its kind, which has an explanation.
    event_id: String,
    /// Counts up.
    message_id: String,
    /// For a person.
    event_message: String,
    event_level: ServerEventLevel,
    #[schema(pattern = "^occurred$")]
    status: String,
    /// The server's.
    resource_id: Id,
    /// Milliseconds since 1970, UTC.
    time: u64,
    /// Always empty: no event of a BMC is read.
    origin_event: String,
}

/// How bad it is.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::api) enum ServerEventLevel {
    Critical,
    Major,
    Minor,
    Info,
}

/// A kind of event, explained.
#[derive(ToSchema)]
pub(in crate::api) struct ServerEventKind {
    code: String,
    #[schema(pattern = "^enabled$")]
    status: String,
    name_en: String,
    effect_en: String,
    suggestion_en: String,
    /// Always empty: the message of each event tells it.
    reason_en: String,
    event_level: ServerEventLevel,
}
