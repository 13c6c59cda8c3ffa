//! What the life cycle asks of a BMC: reach a state and see it, set an override and see it, know the machine.

use super::{
    Bmc, BmcError, BootEnabled, BootOverride, BootTarget, PowerState, Quirk, ResetType, Retry,
    quirks::{keeps_only_the_boot_device, same_uuid_in_some_byte_order},
};
use billet_proto::planted::{self, Bug};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Between two readings of the power state.
const PAUSE: Duration = Duration::from_millis(500);
/// An action that was taken and did nothing is asked for again after this time: firmware ignores some while it starts.
const ASK_AGAIN: Duration = Duration::from_secs(15);
/// How often an override is written before its reading counts.
const OVERRIDE_TRIES: u32 = 2;

/// How well a BMC proved to be in the right machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum IdentityProof {
    /// What it told is what was expected.
    Matches,
    /// It told nothing that could be compared.
    NotTold,
}

/// How well an override was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum OverrideProof {
    /// All of it.
    Whole,
    /// The device only, from a BMC with [`Quirk::KeepsOnlyTheBootDevice`].
    DeviceOnly,
}

/// Takes the power away and returns when the BMC says so; already off is well.
///
/// # Errors
/// [`BmcError::NotReached`] when it was still on at the deadline; what cannot pass by itself, at once.
pub async fn ensure_off(bmc: &dyn Bmc, deadline: Duration) -> Result<(), BmcError> {
    ensure(bmc, PowerState::Off, deadline, &|_, _, _| ()).await
}

/// Gives power and returns when the BMC says so; already on is well.
///
/// # Errors
/// [`BmcError::NotReached`] when it was still off at the deadline; what cannot pass by itself, at once.
pub async fn ensure_on(bmc: &dyn Bmc, deadline: Duration) -> Result<(), BmcError> {
    ensure(bmc, PowerState::On, deadline, &|_, _, _| ()).await
}

/// Brings the machine to a state of power and returns when the BMC says so. What may pass is tried again; `failed` is told of
/// each error, which try comes next, from 2, and after how long.
///
/// # Errors
/// [`BmcError::NotReached`] when it was not seen at the deadline; what cannot pass by itself, at once.
pub async fn ensure(
    bmc: &dyn Bmc,
    wanted: PowerState,
    deadline: Duration,
    failed: &(dyn Fn(&BmcError, u32, Duration) + Send + Sync),
) -> Result<(), BmcError> {
    let action = match wanted {
        PowerState::On => ResetType::On,
        PowerState::Off => ResetType::ForceOff,
    };
    reach(bmc, (wanted, Some(action)), deadline, failed).await
}

/// Returns when the BMC says that the machine is in a state of power, and orders nothing.
///
/// # Errors
/// [`BmcError::NotReached`] when it was not seen at the deadline; what cannot pass by itself, at once.
pub async fn seen(bmc: &dyn Bmc, wanted: PowerState, deadline: Duration) -> Result<(), BmcError> {
    reach(bmc, (wanted, None), deadline, &|_, _, _| ()).await
}

/// Reads the state until it is the one that is wanted; orders `action`, if there is one, while it is not.
async fn reach(
    bmc: &dyn Bmc,
    (wanted, action): (PowerState, Option<ResetType>),
    deadline: Duration,
    failed: &(dyn Fn(&BmcError, u32, Duration) + Send + Sync),
) -> Result<(), BmcError> {
    let start = Instant::now();
    let mut asked: Option<Instant> = None;
    let (mut seen, mut last, mut tries) = (false, None, 1);
    let reach = async {
        loop {
            let step = async {
                let state = bmc.power_state().await?;
                seen = true;
                if state == wanted {
                    return Ok(true);
                }
                if let Some(action) = action.filter(|_| asked.is_none_or(|at| at.elapsed() >= ASK_AGAIN)) {
                    bmc.reset(action).await?;
                    if wanted == PowerState::Off && planted::is(Bug::PowerNotRead) {
                        return Ok(true);
                    }
                    asked = Some(Instant::now());
                }
                Ok(false)
            };
            match step.await {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    last = None;
                    sleep(PAUSE).await;
                }
                Err(error) if matches!(BmcError::retry(&error), Retry::After(_)) => {
                    // Up to seven times as long, drawn by lot: those of a rack's BMCs that share a network do not come together.
                    let pause = PAUSE + PAUSE.mul_f64(6.0 * rand::random::<f64>());
                    tries += 1;
                    failed(&error, tries, pause);
                    last = Some(error);
                    sleep(pause).await;
                }
                Err(error) => return Err(error),
            }
        }
    };
    if let Ok(outcome) = tokio::time::timeout(deadline, reach).await {
        return outcome;
    }
    let peer = bmc.peer().clone();
    // A BMC that was away at the end is told as that: it is the nearer cause.
    Err(match last {
        Some(error) => error,
        None if seen => BmcError::NotReached { peer, wanted, waited_s: start.elapsed().as_secs() },
        None => BmcError::Unreachable { peer, doing: "read the power state", source: None },
    })
}

/// Sets an override and reads it back: all of it, but for what a BMC with these `quirks` cannot tell.
///
/// # Errors
/// [`BmcError::OverrideNotKept`] when it reads back another, twice.
pub async fn set_and_verify_override(
    bmc: &dyn Bmc,
    wanted: &BootOverride,
    quirks: &[Quirk],
) -> Result<OverrideProof, BmcError> {
    let mut tries = 0;
    loop {
        bmc.set_boot_override(wanted).await?;
        let read = bmc.boot_override().await?;
        tries += 1;
        if let Some(proof) = compare_overrides(wanted, &read, quirks) {
            if proof == OverrideProof::DeviceOnly {
                tracing::warn!(bmc = %bmc.peer().address, "the BMC reads back the boot device and none of its flags");
            }
            return Ok(proof);
        }
        if tries == OVERRIDE_TRIES {
            return Err(BmcError::OverrideNotKept { peer: bmc.peer().clone(), wanted: *wanted, read });
        }
    }
}

fn compare_overrides(wanted: &BootOverride, read: &BootOverride, quirks: &[Quirk]) -> Option<OverrideProof> {
    let none = wanted.enabled == BootEnabled::Disabled || wanted.target == BootTarget::None;
    if none {
        let gone = read.enabled == BootEnabled::Disabled && !keeps_only_the_boot_device(read);
        return (gone || read.target == BootTarget::None).then_some(OverrideProof::Whole);
    }
    if wanted.target != read.target {
        return None;
    }
    if keeps_only_the_boot_device(read) {
        return quirks.contains(&Quirk::KeepsOnlyTheBootDevice).then_some(OverrideProof::DeviceOnly);
    }
    let same_mode = wanted.mode.is_none() || wanted.mode == read.mode;
    (wanted.enabled == read.enabled && same_mode).then_some(OverrideProof::Whole)
}

/// Makes sure that the BMC is in the machine that was enrolled. To be done before each power action.
///
/// Whatever is both expected and told must match. A BMC that tells nothing comparable is accepted, and that is said.
///
/// # Errors
/// [`BmcError::WrongMachine`] with both values.
pub async fn check_identity(
    bmc: &dyn Bmc,
    expected_uuid: Option<Uuid>,
    expected_serial: Option<&str>,
) -> Result<IdentityProof, BmcError> {
    let told = bmc.identity().await?;
    let wrong = |what, expected, told| Err(BmcError::WrongMachine { peer: bmc.peer().clone(), what, expected, told });
    let mut proof = IdentityProof::NotTold;
    if let (Some(told), Some(expected)) = (told.uuid, expected_uuid) {
        if !same_uuid_in_some_byte_order(told, expected) {
            return wrong("UUID", expected.to_string(), told.to_string());
        }
        proof = IdentityProof::Matches;
    }
    if let (Some(told), Some(expected)) = (told.serial, expected_serial) {
        // Case and blanks around it differ between label, SMBIOS and FRU.
        if !told.trim().eq_ignore_ascii_case(expected.trim()) {
            return wrong("serial number", expected.to_owned(), told);
        }
        proof = IdentityProof::Matches;
    }
    if proof == IdentityProof::NotTold {
        tracing::warn!(bmc = %bmc.peer().address, "the BMC tells neither UUID nor serial number that could be compared");
    }
    Ok(proof)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::BootMode::{Legacy, Uefi};
    use BootEnabled::{Continuous, Disabled, Once};
    use BootTarget::{Hdd, None as Nothing, Pxe};

    #[test]
    fn an_override_is_proven_only_by_what_firmware_will_follow() {
        let read = |target, enabled, mode| BootOverride { target, enabled, mode: Some(mode) };
        let wanted = BootOverride::once(Pxe, Some(Uefi));
        for (wanted, read, proof) in [
            (wanted, read(Pxe, Once, Uefi), Some(OverrideProof::Whole)),
            (wanted, read(Pxe, Disabled, Legacy), Some(OverrideProof::DeviceOnly)),
            (wanted, read(Pxe, Once, Legacy), None),
            (wanted, read(Pxe, Continuous, Uefi), None),
            (wanted, read(Hdd, Once, Uefi), None),
            (wanted, read(Nothing, Disabled, Legacy), None),
            (BootOverride::once(Hdd, None), read(Hdd, Once, Legacy), Some(OverrideProof::Whole)),
            (BootOverride::disabled(), read(Nothing, Disabled, Legacy), Some(OverrideProof::Whole)),
            (BootOverride::disabled(), read(Pxe, Disabled, Legacy), None),
            (BootOverride::disabled(), read(Pxe, Once, Uefi), None),
        ] {
            let known = [Quirk::KeepsOnlyTheBootDevice];
            assert_eq!(compare_overrides(&wanted, &read, &known), proof, "{wanted:?} {read:?}");
            // Of a BMC that is not known for it, half an answer is none.
            let proof = proof.filter(|proof| *proof == OverrideProof::Whole);
            assert_eq!(compare_overrides(&wanted, &read, &[]), proof, "{wanted:?} {read:?}");
        }
    }
}
