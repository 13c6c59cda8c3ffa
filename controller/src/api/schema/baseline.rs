//! What a server is compared with after each wipe.

use super::Timestamp;
use utoipa::ToSchema;

/// What an operating system's root could change in a server beside its disks, as it was when the server was enrolled.
#[derive(ToSchema)]
pub(in crate::api) struct Baseline {
    recorded_at: Timestamp,
    secure_boot: bool,
    /// Of the parts that tell one.
    versions: Vec<PartVersion>,
    /// Of each disk; several of one that has several units. None where an older version recorded it.
    capacities: Vec<DiskCapacity>,
    /// Absent where the server boots by BIOS.
    #[schema(required = false)]
    boot_variables: BaselineBootVariables,
    /// Absent where its BMC told nothing.
    #[schema(required = false)]
    bmc: BaselineBmc,
}

/// A version of firmware.
#[derive(ToSchema)]
pub(in crate::api) struct PartVersion {
    #[schema(example = "BIOS")]
    part: String,
    version: String,
}

/// How large a disk is.
#[derive(ToSchema)]
pub(in crate::api) struct DiskCapacity {
    /// Its serial number, or else its WWN.
    disk: String,
    size_bytes: u64,
}

/// UEFI's variables that say what firmware starts.
#[derive(ToSchema)]
pub(in crate::api) struct BaselineBootVariables {
    options: Vec<BaselineLoadOption>,
    orders: Vec<BaselineLoadOrder>,
}

/// A boot entry, a driver, or a program that is started before.
#[derive(ToSchema)]
pub(in crate::api) struct BaselineLoadOption {
    #[schema(example = "Boot0001")]
    name: String,
    description: String,
    device_path_sha256: String,
}

/// In which order they are tried.
#[derive(ToSchema)]
pub(in crate::api) struct BaselineLoadOrder {
    #[schema(example = "BootOrder")]
    name: String,
    options: Vec<String>,
}

/// What the BMC said of itself.
#[derive(ToSchema)]
pub(in crate::api) struct BaselineBmc {
    /// Empty where it did not tell.
    firmware_version: String,
    users: Vec<BaselineUser>,
    lan: Vec<BaselineSetting>,
    /// What it does not know, or does not let the agent's account read: nothing of it is compared.
    not_told: Vec<String>,
}

/// An account of the BMC.
#[derive(ToSchema)]
pub(in crate::api) struct BaselineUser {
    #[schema(minimum = 1, maximum = 63)]
    slot: u32,
    /// Empty where it has none, or the BMC does not tell it.
    name: String,
    state: BaselineUserState,
    /// 1 callback, 2 user, 3 operator, 4 administrator, 5 OEM, 15 none.
    #[schema(minimum = 0, maximum = 15)]
    privilege: u32,
    /// Whether sessions may be opened with it.
    ipmi_messaging: bool,
    link_authentication: bool,
    callback_only: bool,
}

/// Whether an account is in use; many BMCs do not tell.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(in crate::api) enum BaselineUserState {
    NotTold,
    Enabled,
    Disabled,
}

/// A setting of the BMC's network.
#[derive(ToSchema)]
pub(in crate::api) struct BaselineSetting {
    #[schema(example = "address")]
    name: String,
    value: String,
}
