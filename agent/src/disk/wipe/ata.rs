//! ATA commands through a SCSI translation layer (SAT-4, ATA PASS-THROUGH (16)), and what IDENTIFY DEVICE tells of the
//! Security feature set (ACS-3).

use super::device::Device;
use crate::{
    disk::{DiskError, serial},
    system::scsi::{Completion, Transfer},
};
use std::time::Duration;

/// One block of data: IDENTIFY DEVICE, and each of the Security commands that takes any.
pub(super) const BLOCK: usize = 512;
/// A sense key (SPC-5 §4.5.6).
const ILLEGAL_REQUEST: u8 = 5;
/// A disk may have to spin up.
const LOOK_UP: Duration = Duration::from_secs(60);

/// Commands, by their code (ACS-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    IdentifyDevice = 0xec,
    SecuritySetPassword = 0xf1,
    SecurityUnlock = 0xf2,
    SecurityErasePrepare = 0xf3,
    SecurityEraseUnit = 0xf4,
    SecurityDisablePassword = 0xf6,
}

impl Command {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::IdentifyDevice => "ATA IDENTIFY DEVICE",
            Self::SecuritySetPassword => "ATA SECURITY SET PASSWORD",
            Self::SecurityUnlock => "ATA SECURITY UNLOCK",
            Self::SecurityErasePrepare => "ATA SECURITY ERASE PREPARE",
            Self::SecurityEraseUnit => "ATA SECURITY ERASE UNIT",
            Self::SecurityDisablePassword => "ATA SECURITY DISABLE PASSWORD",
        }
    }
}

/// The SCSI command that has the ATA command done. Byte 1 is the protocol: 3 without data, 4 PIO in, 5 PIO out; byte 2
/// says that the length is a number of blocks in the count field, and bit 3 which way they go. Of any error the layer
/// tells by itself, so that CK_COND stays off.
pub(super) fn pass_through(command: Command, transfer: &Transfer<'_>) -> [u8; 16] {
    const LENGTH_IN_COUNT: u8 = 0b10;
    const BLOCKS: u8 = 1 << 2;
    const FROM_DEVICE: u8 = 1 << 3;
    let (protocol, how, count) = match transfer {
        Transfer::None => (3, 0, 0),
        Transfer::From(_) => (4, FROM_DEVICE | BLOCKS | LENGTH_IN_COUNT, 1),
        Transfer::To(_) => (5, BLOCKS | LENGTH_IN_COUNT, 1),
    };
    [0x85, protocol << 1, how, 0, 0, 0, count, 0, 0, 0, 0, 0, 0, 0, command as u8, 0]
}

/// What a disk answered, for people.
pub(super) fn described(end: &Completion) -> String {
    let sense = sense(end).map_or(String::new(), |(key, code, more)| format!(", sense {key:x}/{code:02x}/{more:02x}"));
    format!("status {:#04x}, host {:#06x}, driver {:#06x}{sense}", end.status, end.host, end.driver)
}

/// Whether it knows no such command: the sense key is ILLEGAL REQUEST.
pub(super) fn is_unknown(end: &Completion) -> bool {
    sense(end).is_some_and(|(key, _, _)| key == ILLEGAL_REQUEST)
}

/// Sense key, and the additional code with its qualifier (SPC-5 §4.4), where there are any.
fn sense(end: &Completion) -> Option<(u8, u8, u8)> {
    match end.sense[0] & 0x7f {
        0x70 | 0x71 => Some((end.sense[2] & 0xf, end.sense[12], end.sense[13])),
        0x72 | 0x73 => Some((end.sense[1] & 0xf, end.sense[2], end.sense[3])),
        _ => None,
    }
}

/// IDENTIFY DEVICE data.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Identity(Box<[u8; BLOCK]>);

impl Identity {
    /// Asks the disk.
    pub(super) fn read(device: &dyn Device) -> Result<Self, DiskError> {
        let mut data = [0; BLOCK];
        device.ata(Command::IdentifyDevice, Transfer::From(&mut data), LOOK_UP)?;
        Ok(Self(Box::new(data)))
    }

    fn word(&self, number: usize) -> u16 {
        u16::from_le_bytes([self.0[2 * number], self.0[2 * number + 1]])
    }

    fn bit(&self, number: usize, bit: u32) -> bool {
        self.word(number) & 1 << bit != 0
    }

    /// Words 10 to 19: two characters in each, the first in the upper half.
    pub(super) fn serial(&self) -> String {
        let bytes: Vec<u8> = (10..20).flat_map(|number| self.word(number).to_be_bytes()).collect();
        serial::text(&bytes)
    }

    /// The Security feature set is there (words 82 and 128).
    pub(super) fn has_security(&self) -> bool {
        self.bit(82, 1) && self.bit(128, 0)
    }

    /// There is a user password.
    pub(super) fn is_enabled(&self) -> bool {
        self.bit(128, 1)
    }

    /// It reads and writes nothing before it was told the password.
    pub(super) fn is_locked(&self) -> bool {
        self.bit(128, 2)
    }

    /// It takes no Security command before it was without power.
    pub(super) fn is_frozen(&self) -> bool {
        self.bit(128, 3)
    }

    /// A wrong password was tried too often.
    pub(super) fn is_expired(&self) -> bool {
        self.bit(128, 4)
    }

    /// There is enhanced erase too.
    pub(super) fn has_enhanced(&self) -> bool {
        self.bit(128, 5)
    }

    /// How long an erasure takes at most, by word 90 (enhanced) or 89; none: not told, or longer than can be.
    pub(super) fn erase_time(&self, enhanced: bool) -> Option<Duration> {
        let word = self.word(if enhanced { 90 } else { 89 });
        // Bit 15: 15 bits of time and not 8.
        let (units, most) = if word & 1 << 15 != 0 { (word & 0x7fff, 0x7fff) } else { (word & 0xff, 0xff) };
        (units != 0 && units != most).then(|| Duration::from_secs(u64::from(units) * 2 * 60))
    }
}

#[cfg(test)]
impl Identity {
    /// All words 0 but these.
    pub(super) fn of(words: &[(usize, u16)]) -> Self {
        let mut data = [0; BLOCK];
        for (number, word) in words {
            data[2 * number..2 * number + 2].copy_from_slice(&word.to_le_bytes());
        }
        Self(Box::new(data))
    }

    pub(super) fn bytes(&self) -> &[u8; BLOCK] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As hdparm builds them (its sgio.c, PIO), without its LBA bit of the device register and its CK_COND.
    #[test]
    fn commands_are_these_bytes() {
        let mut room = [0; BLOCK];
        for (command, transfer, cdb) in [
            (Command::IdentifyDevice, Transfer::From(&mut room), "85080e00000001000000000000 00ec00"),
            (Command::SecuritySetPassword, Transfer::To(&[0; BLOCK]), "850a0600000001000000000000 00f100"),
            (Command::SecurityUnlock, Transfer::To(&[0; BLOCK]), "850a0600000001000000000000 00f200"),
            (Command::SecurityErasePrepare, Transfer::None, "85060000000000000000000000 00f300"),
            (Command::SecurityEraseUnit, Transfer::To(&[0; BLOCK]), "850a0600000001000000000000 00f400"),
            (Command::SecurityDisablePassword, Transfer::To(&[0; BLOCK]), "850a0600000001000000000000 00f600"),
        ] {
            assert_eq!(hex::encode(pass_through(command, &transfer)), cdb.replace(' ', ""), "{command:?}");
        }
    }

    #[test]
    fn the_time_of_an_erasure_is_told_in_two_minutes() {
        let minutes = |minutes: u64| Some(Duration::from_secs(minutes * 60));
        for (word, time) in [
            (0, None),
            (1, minutes(2)),
            (0x00fe, minutes(508)),
            (0x00ff, None),
            (0x8000, None),
            (0x8100, minutes(512)),
            (0xfffe, minutes(65_532)),
            (0xffff, None),
        ] {
            assert_eq!(Identity::of(&[(89, word)]).erase_time(false), time, "{word:#x}");
            assert_eq!(Identity::of(&[(90, word)]).erase_time(true), time, "{word:#x}");
        }
    }

    #[test]
    fn a_serial_number_has_its_characters_in_pairs() {
        let identity = Identity::of(&[(10, 0x5744), (11, 0x2d31), (12, 0x2020)]);
        assert_eq!(identity.serial(), "WD-1");
        let identity = Identity::of(&[(10, 0x2057), (11, 0x4420), (12, 0x3120)]);
        assert_eq!(identity.serial(), "WD 1", "as its unit serial number page has it");
    }

    #[test]
    fn the_state_of_security_is_in_word_128() {
        let none = Identity::of(&[(82, 2)]);
        assert!(!none.has_security());
        let all = Identity::of(&[(82, 2), (128, 0b11_1111)]);
        assert!(all.has_security() && all.is_enabled() && all.is_locked() && all.is_frozen() && all.is_expired());
        assert!(all.has_enhanced() && !Identity::of(&[(82, 2), (128, 1)]).is_enabled());
    }

    #[test]
    fn an_answer_is_told_with_its_sense() {
        let mut end = Completion { status: 2, driver: 8, ..Completion::default() };
        end.sense[..4].copy_from_slice(&[0x72, 0x05, 0x20, 0x00]);
        assert_eq!(described(&end), "status 0x02, host 0x0000, driver 0x0008, sense 5/20/00");
        assert!(is_unknown(&end));
        // Fixed: ABORTED COMMAND, and ILLEGAL REQUEST.
        for (key, unknown) in [(0xb, false), (5, true)] {
            end.sense[..4].copy_from_slice(&[0x70, 0, key, 0]);
            assert_eq!(is_unknown(&end), unknown, "{key}");
        }
        assert!(!is_unknown(&Completion { host: 3, ..Completion::default() }), "it took too long");
    }
}
