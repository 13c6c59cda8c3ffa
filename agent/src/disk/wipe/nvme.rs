//! What an NVMe drive tells of itself (NVM Express Base Specification 2.0, "Base").

use super::device::Device;
use crate::{
    disk::{DiskError, serial},
    system::nvme::AdminCommand,
};
use std::time::Duration;

/// Identify data has so many bytes (Base §5.17).
const IDENTIFY_BYTES: usize = 4096;
/// A drive that takes longer for what it only looks up is none.
const LOOK_UP: Duration = Duration::from_secs(60);

/// Opcodes (Base §5).
pub(super) const GET_LOG_PAGE: u8 = 0x02;
const IDENTIFY: u8 = 0x06;
pub(super) const FORMAT: u8 = 0x80;
pub(super) const SANITIZE: u8 = 0x84;

/// Controller or Namespace Structure (Base §5.17).
const NAMESPACE: u32 = 0x00;
const CONTROLLER: u32 = 0x01;
const ACTIVE_NAMESPACES: u32 = 0x02;
const ALLOCATED_NAMESPACES: u32 = 0x10;

/// A command's name, for people.
pub(super) const fn name(command: &AdminCommand) -> &'static str {
    match command.opcode {
        GET_LOG_PAGE => "NVMe Get Log Page",
        IDENTIFY => "NVMe Identify",
        FORMAT => "NVMe Format NVM",
        SANITIZE => "NVMe Sanitize",
        _ => "an NVMe command",
    }
}

/// Whether a status says that there is no such command, or none with these fields: generic, Invalid Command Opcode or
/// Invalid Field in Command (Base §3.3.3.2.1). The bits above are of how to go on.
pub(super) const fn is_unknown(status: u16) -> bool {
    const CODE: u16 = 0x7ff;
    matches!(status & CODE, 0x001 | 0x002)
}

/// A command that only looks something up.
pub(super) const fn look_up(opcode: u8, nsid: u32, cdw10: u32) -> AdminCommand {
    AdminCommand { opcode, nsid, cdw10, timeout: LOOK_UP }
}

/// What matters of a drive and of the namespace that the disk is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Drive {
    /// Serial number.
    pub(super) serial: String,
    /// NQN of its NVM subsystem; old drives have none.
    pub(super) subsystem: String,
    /// The namespace's number.
    pub(super) namespace: u32,
    /// All of the drive that it tells.
    pub(super) namespaces: Vec<u32>,
    /// Whether it is the only one of its NVM subsystem. Not known is no.
    pub(super) is_alone: bool,
    /// Optional Admin Command Support: bit 1 Format NVM, bit 3 Namespace Management.
    pub(super) oacs: u16,
    /// Format NVM Attributes: bit 0 a format, and bit 1 an erasure with it, is of all namespaces; bit 2 a new key.
    pub(super) fna: u8,
    /// Sanitize Capabilities: bit 0 a new key, bit 1 block erase.
    pub(super) sanicap: u32,
    /// Formatted LBA Size: which format, and whether metadata is in the same blocks.
    pub(super) flbas: u8,
    /// End-to-end Data Protection Type Settings.
    pub(super) dps: u8,
}

impl Drive {
    /// Asks it.
    pub(super) fn read(device: &dyn Device) -> Result<Self, DiskError> {
        let namespace = device.namespace()?;
        let controller = identify(device, CONTROLLER, 0)?;
        let of_namespace = identify(device, NAMESPACE, namespace)?;
        // Identify Controller.
        let (cmic, oacs) = (controller[76], u16::from_le_bytes([controller[256], controller[257]]));
        let sanicap = u32::from_le_bytes([controller[328], controller[329], controller[330], controller[331]]);
        let (namespaces, is_alone) = namespaces(device, namespace, (cmic, oacs))?;
        Ok(Self {
            serial: serial::text(&controller[4..24]),
            subsystem: text(&controller[768..1024]),
            namespace,
            namespaces,
            is_alone,
            oacs,
            fna: controller[524],
            sanicap,
            // Identify Namespace.
            flbas: of_namespace[26],
            dps: of_namespace[29],
        })
    }
}

/// Which namespaces there are, and whether `namespace` is the only one. Those that other controllers alone have, or
/// none, are told by the list of allocated ones, which a drive has that manages namespaces. Of another one, with
/// several controllers (CMIC bit 1), nobody can know.
///
/// # Errors
/// Where a list that the drive knows is not told.
fn namespaces(device: &dyn Device, namespace: u32, (cmic, oacs): (u8, u16)) -> Result<(Vec<u32>, bool), DiskError> {
    let manages = oacs & 1 << 3 != 0;
    let told = |list| match identify(device, list, 0) {
        Ok(ids) => Ok(Some(numbers(&ids))),
        // A drive of the time before there was such a list.
        Err(DiskError::Unknown { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    let active = told(ACTIVE_NAMESPACES)?;
    let allocated = if manages { told(ALLOCATED_NAMESPACES)? } else { None };
    let only = |ids: &Option<Vec<u32>>| ids.as_ref().is_some_and(|ids| *ids == [namespace]);
    let is_alone = only(&active) && if manages { only(&allocated) } else { cmic & 1 << 1 == 0 };
    let mut all: Vec<u32> = active.into_iter().chain(allocated).flatten().collect();
    all.sort_unstable();
    all.dedup();
    Ok((all, is_alone))
}

fn identify(device: &dyn Device, structure: u32, namespace: u32) -> Result<Vec<u8>, DiskError> {
    let mut data = vec![0; IDENTIFY_BYTES];
    device.admin(&look_up(IDENTIFY, namespace, structure), &mut data)?;
    Ok(data)
}

/// A list of namespaces ends with 0.
fn numbers(list: &[u8]) -> Vec<u32> {
    let all = list.chunks_exact(4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    all.take_while(|number| *number != 0).collect()
}

/// UTF-8, filled up with zeros.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_a_drive_has_not_is_told_from_one_that_failed() {
        // Invalid opcode, invalid field, both with "do not retry"; internal error, namespace not ready, aborted.
        for (status, unknown) in [
            (0x001, true),
            (0x002, true),
            (0x4001, true),
            (0x4002, true),
            (0x006, false),
            (0x082, false),
            (0x007, false),
        ] {
            assert_eq!(is_unknown(status), unknown, "{status:#x}");
        }
    }
}
