//! SECURITY ERASE UNIT (ACS-3, Security feature set): the disk erases itself, under a password that it must have for
//! it.
//!
//! The password is a fixed one, and no secret: a disk that was cut off in between is locked, and whoever has it must
//! be able to open it (`hdparm --user-master u --security-unlock billet-wipe`, then `--security-disable`). Each wipe
//! begins with taking it off again. What can be read afterwards is not relied on: the standards of different years
//! promise different things.

use super::{
    ata::{BLOCK, Command, Identity},
    device::Device,
};
use crate::{disk::DiskError, system::scsi::Transfer};
use std::time::Duration;

/// Filled up with zeros to 32 bytes.
pub(super) const PASSWORD: &[u8] = b"billet-wipe";
/// For commands that only change a state.
const SHORT: Duration = Duration::from_secs(60);
/// Beyond what the disk says that it needs.
const MARGIN: Duration = Duration::from_secs(30 * 60);

/// Why the disk cannot do it; nothing where it can. One with a password is not one that it can be done to.
pub(super) fn why_not(identity: &Identity, enhanced: bool) -> Option<&'static str> {
    match () {
        () if !identity.has_security() => Some("it has no ATA security"),
        () if identity.is_frozen() => Some("its ATA security is frozen until it was without power"),
        () if identity.is_enabled() || identity.is_locked() => Some("it has an ATA password"),
        () if identity.is_expired() => Some("its count of wrong ATA passwords is used up until it was without power"),
        () if enhanced && !identity.has_enhanced() => Some("it has no enhanced secure erase"),
        () => None,
    }
}

/// Does it. Afterwards the disk has no password, also where it refused to erase; [`DiskError::Locked`] where it has one
/// still.
pub(super) fn run(device: &dyn Device, enhanced: bool, patience: Duration) -> Result<(), DiskError> {
    let time = Identity::read(device)?.erase_time(enhanced).map_or(patience, |told| told + MARGIN);
    let erased = tell(device, Command::SecuritySetPassword, &block(0)).and_then(|()| erase(device, enhanced, time));
    // One that erased itself has taken the password off; of any other nobody knows.
    match open(device) {
        Ok(()) => erased,
        Err(locked @ DiskError::Locked { .. }) => Err(locked),
        Err(error) => Err(DiskError::Locked { disk: device.name(), why: error.to_string() }),
    }
}

/// Takes our password off a disk that another boot left with it; nothing is erased.
///
/// # Errors
/// [`DiskError::Locked`] where the password stays.
pub(super) fn open(device: &dyn Device) -> Result<(), DiskError> {
    let identity = Identity::read(device)?;
    if !identity.has_security() || !identity.is_enabled() {
        return Ok(());
    }
    if identity.is_frozen() {
        return Err(locked(device, "it is frozen until it was without power"));
    }
    if identity.is_locked() {
        tell(device, Command::SecurityUnlock, &block(0)).map_err(|refused| locked(device, refused))?;
    }
    password_off(device)
}

/// Has a disk that did not take our password erase itself once more: one that was cut off within its erasure takes
/// nothing else. A password that is not ours it refuses at once.
///
/// # Errors
/// [`DiskError::Locked`] where the password stays.
pub(super) fn end_erasure(device: &dyn Device, patience: Duration) -> Result<(), DiskError> {
    let time = Identity::read(device)?.erase_time(false).map_or(patience, |told| told + MARGIN);
    erase(device, false, time)
        .map_err(|refused| locked(device, format!("it takes neither the password nor an erasure by it: {refused}")))?;
    password_off(device)
}

fn password_off(device: &dyn Device) -> Result<(), DiskError> {
    if Identity::read(device)?.is_enabled() {
        tell(device, Command::SecurityDisablePassword, &block(0)).map_err(|refused| locked(device, refused))?;
    }
    if Identity::read(device)?.is_enabled() {
        return Err(locked(device, "the password is not off, and nothing was refused"));
    }
    Ok(())
}

fn locked(device: &dyn Device, why: impl ToString) -> DiskError {
    DiskError::Locked { disk: device.name(), why: why.to_string() }
}

/// PREPARE must be the very command before (ACS-3, SECURITY ERASE UNIT).
fn erase(device: &dyn Device, enhanced: bool, time: Duration) -> Result<(), DiskError> {
    const ENHANCED: u8 = 1 << 1;
    device.ata(Command::SecurityErasePrepare, Transfer::None, SHORT)?;
    let block = block(if enhanced { ENHANCED } else { 0 });
    device.ata(Command::SecurityEraseUnit, Transfer::To(&block), time)
}

fn tell(device: &dyn Device, command: Command, block: &[u8; BLOCK]) -> Result<(), DiskError> {
    device.ata(command, Transfer::To(block), SHORT)
}

/// Word 0: bit 0 the master password and not the user's, bit 1 enhanced erase, bit 8 (to set one) maximum security and
/// not high; words 1 to 16 the password.
fn block(flags: u8) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[0] = flags;
    block[2..2 + PASSWORD.len()].copy_from_slice(PASSWORD);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_has_the_users_password_behind_its_first_word() {
        let bytes = block(2);
        assert_eq!(hex::encode(&bytes[..16]), "020062696c6c65742d77697065000000");
        assert!(bytes[16..].iter().all(|byte| *byte == 0));
        assert_eq!(block(0)[..2], [0, 0], "the user's, high security, normal erase");
    }

    #[test]
    fn a_disk_that_is_frozen_locked_or_lacks_it_is_not_told_to() {
        // Word 128: supported 0, enabled 1, locked 2, frozen 3, expired 4, enhanced 5.
        for (word_82, word_128, enhanced, capable) in [
            (2, 0b10_0001, true, true),
            (2, 0b10_0001, false, true),
            (2, 0b00_0001, true, false),
            (2, 0b00_0001, false, true),
            (0, 0b10_0001, false, false),
            (2, 0b10_0000, false, false),
            (2, 0b10_1001, false, false),
            (2, 0b10_0011, false, false),
            (2, 0b10_0111, true, false),
            (2, 0b11_0001, true, false),
        ] {
            let why = why_not(&Identity::of(&[(82, word_82), (128, word_128)]), enhanced);
            assert_eq!(why.is_none(), capable, "{word_82:#b} {word_128:#b} {enhanced}: {why:?}");
        }
    }
}
