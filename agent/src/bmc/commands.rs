//! The IPMI commands that are sent here and that ipmi-rs-core does not have: one file for each.

mod boot_options;
mod channel_access;
mod chassis_control;
mod chassis_status;
mod close_session;
mod device_id;
mod fru;
mod ipv6;
mod lan_configuration;
mod privilege;
mod system_guid;
mod user_access;
mod user_name;
mod user_password;

pub(super) use boot_options::{AcknowledgeBootInfo, GetBootFlags, KeepBootFlags, SetBootFlags};
pub(super) use channel_access::GetChannelAccess;
pub(super) use chassis_control::ChassisControl;
pub(super) use chassis_status::GetChassisStatus;
pub(super) use close_session::CloseSession;
pub(super) use device_id::GetDeviceId;
pub(super) use fru::{GetFruAreaInfo, ReadFru, serial_in_fru};
pub(super) use ipv6::{CountIpv6Addresses, GetIpv6Address};
pub(super) use lan_configuration::{GetLanParameter, LanParameter};
pub(super) use privilege::{SetPrivilege, privilege_code};
pub(super) use system_guid::GetSystemGuid;
pub(super) use user_access::{GetUserAccess, SetUserAccess, UserAccess};
pub(super) use user_name::{GetUserName, SetUserName};
pub(super) use user_password::UserPassword;

/// The answer to a command is not of the form that its table in the specification says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;
