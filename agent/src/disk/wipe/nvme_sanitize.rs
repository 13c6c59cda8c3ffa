//! Sanitize (NVM Express Base 2.0 §5.24, §8.21): the whole NVM subsystem, with its caches and what is set aside.
//!
//! It cannot be stopped, and goes on after a power-off: while it does, and after one that failed, the drive reads and
//! writes nothing. So each begins with seeing the one before to its end, and leaves may be taken from one that fails
//! (AUSE). What can be read afterwards is not promised.

use super::{
    device::Device,
    nvme::{Drive, GET_LOG_PAGE, SANITIZE, look_up},
};
use crate::disk::DiskError;
use std::time::Duration;

/// Between two looks at how far it is.
const BEAT: Duration = Duration::from_secs(2);
/// Sanitize Status (log page 81h, Base §5.16.1), and how much of it is read.
const STATUS_PAGE: u32 = 0x81;
const STATUS_BYTES: usize = 512;
const STATUS_DWORDS: u32 = 128;
/// To leave the state of one that failed, and to be allowed to.
const EXIT_FAILURE: u32 = 1;
const ALLOW_EXIT: u32 = 1 << 3;

/// Sanitize Action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Block erase.
    Blocks = 2,
    /// Cryptographic erase: a new key.
    Key = 4,
}

/// Why the drive cannot do it; nothing where it can.
pub(super) fn why_not(drive: &Drive, action: Action) -> Option<&'static str> {
    let capable = match action {
        Action::Key => drive.sanicap & 1 << 0 != 0,
        Action::Blocks => drive.sanicap & 1 << 1 != 0,
    };
    match (capable, drive.is_alone) {
        (false, _) => Some("it has no such Sanitize"),
        (true, false) => Some("Sanitize would erase other namespaces too"),
        (true, true) => None,
    }
}

/// Does it, and waits for its end; `progress` is told the parts of 65,536 that are done.
pub(super) fn run(
    device: &dyn Device,
    action: Action,
    patience: Duration,
    progress: &mut dyn FnMut(u16),
) -> Result<(), DiskError> {
    recover(device, patience)?;
    device.admin(&look_up(SANITIZE, 0, action as u32 | ALLOW_EXIT), &mut [])?;
    let refused = |why: String| DiskError::refused(&device.name(), "NVMe Sanitize", why);
    let status = end(device, patience, progress)?;
    match status.state {
        State::Done if status.action == action as u32 => Ok(()),
        State::Done => Err(refused(format!("it did the action {}, and was told {}", status.action, action as u32))),
        State::Failed => {
            device.admin(&look_up(SANITIZE, 0, EXIT_FAILURE), &mut [])?;
            Err(refused("it failed".into()))
        }
        State::Never | State::Other(_) | State::Going => Err(refused(format!("it is told as {:?}", status.state))),
    }
}

/// Sees one that another boot began to its end, and takes the drive out of the state of one that failed. Nothing is
/// begun.
pub(super) fn recover(device: &dyn Device, patience: Duration) -> Result<(), DiskError> {
    match end(device, patience, &mut |_| {})?.state {
        State::Failed => device.admin(&look_up(SANITIZE, 0, EXIT_FAILURE), &mut []),
        State::Never | State::Done | State::Going | State::Other(_) => Ok(()),
    }
}

fn end(device: &dyn Device, patience: Duration, progress: &mut dyn FnMut(u16)) -> Result<Status, DiskError> {
    let mut waited = Duration::ZERO;
    loop {
        let status = Status::read(device)?;
        if status.state != State::Going {
            return Ok(status);
        }
        progress(status.progress);
        if waited >= patience {
            let why = format!("it did not end in {} s", patience.as_secs());
            return Err(DiskError::refused(&device.name(), "NVMe Sanitize", why));
        }
        device.wait(BEAT);
        waited += BEAT;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Never,
    Done,
    Going,
    Failed,
    Other(u16),
}

/// The Sanitize Status log page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Status {
    /// Of 65,536.
    progress: u16,
    state: State,
    /// Of the last command.
    action: u32,
}

impl Status {
    fn read(device: &dyn Device) -> Result<Self, DiskError> {
        let mut page = [0; STATUS_BYTES];
        device.admin(&status_page(), &mut page)?;
        Ok(Self::parse(&page))
    }

    /// SPROG, SSTAT and SCDW10.
    fn parse(page: &[u8; STATUS_BYTES]) -> Self {
        let word = |at: usize| u16::from_le_bytes([page[at], page[at + 1]]);
        let state = match word(2) & 0b111 {
            0 => State::Never,
            // The second deallocated blocks although it was not to.
            1 | 4 => State::Done,
            2 => State::Going,
            3 => State::Failed,
            other => State::Other(other),
        };
        let action = u32::from_le_bytes([page[4], page[5], page[6], page[7]]) & 0b111;
        Self { progress: word(0), state, action }
    }
}

/// Number of dwords, less one, in the upper half (Base §5.16); of the whole subsystem.
const fn status_page() -> crate::system::nvme::AdminCommand {
    look_up(GET_LOG_PAGE, 0xffff_ffff, STATUS_PAGE | (STATUS_DWORDS - 1) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `nvme sanitize-log` asks for it: 128 dwords.
    #[test]
    fn the_status_is_page_81_of_the_whole_subsystem() {
        let command = status_page();
        assert_eq!((command.opcode, command.nsid, command.cdw10), (0x02, 0xffff_ffff, 0x007f_0081));
    }

    #[test]
    fn the_state_is_in_the_lowest_bits_of_the_second_word() {
        for (bytes, progress, state, action) in [
            ([0xff, 0xff, 0x00, 0x00, 0, 0, 0, 0], 65_535, State::Never, 0),
            // Done, all erased since (bit 8), after one pass; a block erase that may be left.
            ([0xff, 0xff, 0x09, 0x01, 0x0a, 0, 0, 0], 65_535, State::Done, 2),
            ([0x00, 0x80, 0x02, 0x00, 0x0c, 0, 0, 0], 32_768, State::Going, 4),
            ([0xff, 0xff, 0x03, 0x00, 0x0a, 0, 0, 0], 65_535, State::Failed, 2),
            ([0xff, 0xff, 0x04, 0x00, 0x0a, 2, 0, 0], 65_535, State::Done, 2),
            ([0xff, 0xff, 0x05, 0x00, 0x0a, 0, 0, 0], 65_535, State::Other(5), 2),
        ] {
            let mut page = [0; STATUS_BYTES];
            page[..8].copy_from_slice(&bytes);
            assert_eq!(Status::parse(&page), Status { progress, state, action }, "{bytes:x?}");
        }
    }

    #[test]
    fn a_sanitize_that_would_erase_another_namespace_too_is_not_done() {
        for (sanicap, is_alone, action, capable) in [
            (0b01, true, Action::Key, true),
            (0b01, true, Action::Blocks, false),
            (0b10, true, Action::Blocks, true),
            // Overwriting alone.
            (0b100, true, Action::Blocks, false),
            (0b11, false, Action::Blocks, false),
            (0b11, false, Action::Key, false),
        ] {
            let drive = Drive { namespace: 1, is_alone, sanicap, ..Drive::default() };
            assert_eq!(why_not(&drive, action).is_none(), capable, "{sanicap:#b} {is_alone} {action:?}");
        }
    }
}
