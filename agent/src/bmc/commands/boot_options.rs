//! Set and Get System Boot Options, IPMI v2.0 §28.12, §28.13; the parameters are in table 28-14.

use super::Malformed;
use crate::bmc::{BootEnabled, BootMode, BootOverride, BootTarget};
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

const VALID: u8 = 0x80;
const PERSISTENT: u8 = 0x40;
const EFI: u8 = 0x20;

fn set(parameter: u8, data: &[u8]) -> Message {
    Message::new_request(NetFn::Chassis, 0x08, [&[parameter], data].concat())
}

/// Says that boot information is for the BIOS to read (parameter 4, as ipmitool does before parameter 5).
pub(in crate::bmc) struct AcknowledgeBootInfo;

impl From<AcknowledgeBootInfo> for Message {
    fn from(_: AcknowledgeBootInfo) -> Self {
        set(4, &[0x01, 0x01])
    }
}

impl IpmiCommand for AcknowledgeBootInfo {
    type Output = ();
    type Error = Malformed;
    fn parse_success_response(_: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

/// Asks the BMC not to drop the boot flags when no power action follows within 60 s (parameter 3, bit 3).
pub(in crate::bmc) struct KeepBootFlags;

impl From<KeepBootFlags> for Message {
    fn from(_: KeepBootFlags) -> Self {
        set(3, &[0x08])
    }
}

impl IpmiCommand for KeepBootFlags {
    type Output = ();
    type Error = Malformed;
    fn parse_success_response(_: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

/// Sets the boot flags (parameter 5). [`BootTarget::Other`] is sent as no override: callers refuse it before.
pub(in crate::bmc) struct SetBootFlags(pub(in crate::bmc) BootOverride);

impl From<SetBootFlags> for Message {
    fn from(SetBootFlags(wanted): SetBootFlags) -> Self {
        let mut flags = match wanted.enabled {
            BootEnabled::Once => VALID,
            BootEnabled::Continuous => VALID | PERSISTENT,
            BootEnabled::Disabled => 0,
        };
        if wanted.mode == Some(BootMode::Uefi) {
            flags |= EFI;
        }
        let device = match (wanted.enabled, wanted.target) {
            (BootEnabled::Disabled, _) | (_, BootTarget::None | BootTarget::Other) => 0,
            (_, BootTarget::Pxe) => 1,
            (_, BootTarget::Hdd) => 2,
        };
        set(5, &[flags, device << 2, 0, 0, 0])
    }
}

impl IpmiCommand for SetBootFlags {
    type Output = ();
    type Error = Malformed;
    fn parse_success_response(_: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

/// Reads the boot flags (parameter 5).
pub(in crate::bmc) struct GetBootFlags;

impl From<GetBootFlags> for Message {
    fn from(_: GetBootFlags) -> Self {
        Message::new_request(NetFn::Chassis, 0x09, vec![5, 0, 0])
    }
}

impl IpmiCommand for GetBootFlags {
    type Output = BootOverride;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<BootOverride, Malformed> {
        // Parameter version, parameter number with bit 7 for "locked", then the parameter: two bytes of five matter.
        let [_version, parameter, flags, device, ..] = *data else { return Err(Malformed) };
        if parameter & 0x7f != 5 {
            return Err(Malformed);
        }
        let target = match (device >> 2) & 0x0f {
            0 => BootTarget::None,
            1 => BootTarget::Pxe,
            2 => BootTarget::Hdd,
            _ => BootTarget::Other,
        };
        let enabled = match (flags & VALID != 0 && parameter & 0x80 == 0, flags & PERSISTENT != 0) {
            (false, _) => BootEnabled::Disabled,
            (true, false) => BootEnabled::Once,
            (true, true) => BootEnabled::Continuous,
        };
        let mode = Some(if flags & EFI != 0 { BootMode::Uefi } else { BootMode::Legacy });
        Ok(BootOverride { target, enabled, mode })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(wanted: BootOverride) -> Vec<u8> {
        Message::from(SetBootFlags(wanted)).data().to_vec()
    }

    #[test]
    fn the_flags_are_those_that_ipmitool_sends() {
        // `ipmitool chassis bootdev pxe|disk|none [options=efiboot,persistent]`, as printed with -vvv.
        for (target, enabled, mode, sent) in [
            (BootTarget::Pxe, BootEnabled::Once, Some(BootMode::Uefi), "05a004000000"),
            (BootTarget::Pxe, BootEnabled::Once, Some(BootMode::Legacy), "058004000000"),
            (BootTarget::Hdd, BootEnabled::Continuous, Some(BootMode::Uefi), "05e008000000"),
            (BootTarget::Hdd, BootEnabled::Continuous, None, "05c008000000"),
            (BootTarget::None, BootEnabled::Once, None, "058000000000"),
        ] {
            assert_eq!(hex::encode(data(BootOverride { target, enabled, mode })), sent);
        }
        assert_eq!(Message::from(AcknowledgeBootInfo).data(), [4, 1, 1]);
        assert_eq!(Message::from(GetBootFlags).data(), [5, 0, 0]);
    }

    #[test]
    fn what_is_written_reads_back() {
        for target in [BootTarget::Pxe, BootTarget::Hdd] {
            for enabled in [BootEnabled::Once, BootEnabled::Continuous] {
                for mode in [BootMode::Uefi, BootMode::Legacy] {
                    let wanted = BootOverride { target, enabled, mode: Some(mode) };
                    let answer = [&[1][..], &data(wanted)].concat();
                    assert_eq!(GetBootFlags::parse_success_response(&answer), Ok(wanted));
                }
            }
        }
    }

    #[test]
    fn a_locked_parameter_does_not_hold() {
        let read = GetBootFlags::parse_success_response(&[1, 0x85, 0xa0, 4, 0, 0, 0]).unwrap();
        assert_eq!((read.target, read.enabled), (BootTarget::Pxe, BootEnabled::Disabled));
    }

    #[test]
    fn another_parameter_or_a_short_answer_is_malformed() {
        for answer in [&[][..], &[1, 5, 0x80], &[1, 6, 0x80, 4]] {
            assert_eq!(GetBootFlags::parse_success_response(answer), Err(Malformed));
        }
    }
}
