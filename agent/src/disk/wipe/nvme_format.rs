//! Format NVM with an erasure (NVM Express Base 2.0 §5.14): of one namespace, with the format that it has.
//!
//! What can be read afterwards is not promised: user data erase leaves an "indeterminate" content, and so does a new
//! key.

use super::{
    device::Device,
    nvme::{Drive, FORMAT},
};
use crate::{disk::DiskError, system::nvme::AdminCommand};
use std::time::Duration;

/// Secure Erase Settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Erase {
    /// User data erase.
    UserData = 1,
    /// Cryptographic erase: a new key.
    Key = 2,
}

/// Why the drive cannot do it to this namespace alone; nothing where it can.
pub(super) fn why_not(drive: &Drive, erase: Erase) -> Option<&'static str> {
    let bit = |bit: u8| drive.fna & 1 << bit != 0;
    match () {
        () if drive.oacs & 1 << 1 == 0 => Some("it has no Format NVM"),
        () if (bit(0) || bit(1)) && !drive.is_alone => Some("its Format NVM would erase other namespaces too"),
        () if erase == Erase::Key && !bit(2) => Some("its Format NVM makes no new key"),
        () => None,
    }
}

/// Does it.
pub(super) fn run(device: &dyn Device, drive: &Drive, erase: Erase, patience: Duration) -> Result<(), DiskError> {
    device.admin(&command(drive, erase, patience), &mut [])
}

/// Everything else of the format stays as it is: which one (FLBAS bits 3:0, and 6:5 for its upper bits), where metadata
/// are (bit 4), and how they protect (DPS bits 2:0, and 3 for where).
fn command(drive: &Drive, erase: Erase, timeout: Duration) -> AdminCommand {
    let (flbas, dps) = (u32::from(drive.flbas), u32::from(drive.dps));
    let format = (flbas & 0xf) | (flbas >> 5 & 0b11) << 12;
    let metadata = (flbas >> 4 & 1) << 4;
    let protection = (dps & 0b111) << 5 | (dps >> 3 & 1) << 8;
    let cdw10 = format | metadata | protection | (erase as u32) << 9;
    AdminCommand { opcode: FORMAT, nsid: drive.namespace, cdw10, timeout }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drive(oacs: u16, fna: u8, is_alone: bool) -> Drive {
        Drive { namespace: 1, is_alone, oacs, fna, ..Drive::default() }
    }

    /// Base 2.0 §5.14: LBAFL 3:0, MSET 4, PI 7:5, PIL 8, SES 11:9, LBAFU 13:12.
    #[test]
    fn the_namespace_is_formatted_as_it_is_and_erased() {
        let time = Duration::from_secs(9);
        for (flbas, dps, erase, cdw10) in [
            (0x00, 0x00, Erase::UserData, 0x0200),
            (0x02, 0x00, Erase::Key, 0x0402),
            // Metadata at the end of each block, protection of type 1 in its first bytes.
            (0x11, 0x09, Erase::UserData, 0x0331),
            // The format of number 35.
            (0x43, 0x00, Erase::UserData, 0x2203),
        ] {
            let command = command(&Drive { flbas, dps, ..drive(2, 0, true) }, erase, time);
            assert_eq!((command.opcode, command.nsid), (0x80, 1));
            assert_eq!(command.cdw10, cdw10, "{flbas:#x} {dps:#x} {erase:?}: {:#x}", command.cdw10);
        }
    }

    #[test]
    fn what_would_erase_another_namespace_too_is_not_done() {
        for (oacs, fna, is_alone, erase, capable) in [
            (0b0010, 0b000, false, Erase::UserData, true),
            (0b1101, 0b000, true, Erase::UserData, false),
            (0b0010, 0b001, false, Erase::UserData, false),
            (0b0010, 0b010, false, Erase::UserData, false),
            (0b0010, 0b011, true, Erase::UserData, true),
            (0b0010, 0b000, true, Erase::Key, false),
            (0b0010, 0b100, false, Erase::Key, true),
            (0b0010, 0b110, false, Erase::Key, false),
        ] {
            let why = why_not(&drive(oacs, fna, is_alone), erase);
            assert_eq!(why.is_none(), capable, "{oacs:#b} {fna:#b} {is_alone} {erase:?}: {why:?}");
        }
    }
}
