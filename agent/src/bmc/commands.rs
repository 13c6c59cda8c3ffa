//! The IPMI commands that are sent here and that ipmi-rs-core does not have: one file for each.

mod boot_options;
mod chassis_control;
mod chassis_status;
mod close_session;
mod fru;
mod privilege;
mod system_guid;

pub(super) use boot_options::{AcknowledgeBootInfo, GetBootFlags, KeepBootFlags, SetBootFlags};
pub(super) use chassis_control::ChassisControl;
pub(super) use chassis_status::GetChassisStatus;
pub(super) use close_session::CloseSession;
pub(super) use fru::{GetFruAreaInfo, ReadFru, serial_in_fru};
pub(super) use privilege::{SetPrivilege, privilege_code};
pub(super) use system_guid::GetSystemGuid;

/// The answer to a command is not of the form that its table in the specification says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;
