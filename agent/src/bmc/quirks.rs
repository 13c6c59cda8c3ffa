//! What BMCs do that the specifications do not say: one named predicate for each.

use super::{BootEnabled, BootOverride, BootTarget};
use serde::Deserialize;
use uuid::Uuid;

/// What only the operator can know of a BMC, because it looks like a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quirk {
    /// It follows boot overrides, and reads them back without their flags; see [`keeps_only_the_boot_device`].
    KeepsOnlyTheBootDevice,
    /// It says nothing to a question that it does not know, where it is to refuse it (IPMI v2.0 §5.2, completion codes C1h and C9h).
    SilentInsteadOfRefusing,
}

/// The override that was read names a device and says that it does not hold.
///
/// `ipmi_sim` (OpenIPMI 2.0.33) keeps the device of boot option parameter 5 and answers with the valid, EFI and
/// persistence bits cleared, whatever was written. The device is all that can be compared there.
#[must_use]
pub fn keeps_only_the_boot_device(read: &BootOverride) -> bool {
    read.enabled == BootEnabled::Disabled && read.target != BootTarget::None
}

/// Whether both are one UUID, where the BMC's bytes may be in any of the orders seen.
///
/// IPMI v2.0 §20.8 wants the whole UUID with its least significant byte first; SMBIOS (DSP0134 §7.2.1) swaps the
/// first three fields only; many BMCs send the bytes as they are printed, or SMBIOS's turned around as a whole.
/// Four candidates in 2^122: a chance match is none.
#[must_use]
pub fn same_uuid_in_some_byte_order(told: Uuid, expected: Uuid) -> bool {
    let mut reversed = *told.as_bytes();
    reversed.reverse();
    [told, Uuid::from_bytes_le(*told.as_bytes()), Uuid::from_bytes(reversed), Uuid::from_bytes_le(reversed)]
        .contains(&expected)
}

/// A UUID that was never programmed: all zeros or all ones (DSP0134 §7.2.1 gives both that meaning).
#[must_use]
pub fn is_unprogrammed_uuid(uuid: Uuid) -> bool {
    uuid.is_nil() || uuid.is_max()
}

/// A serial number that says nothing: blank, or one of the fillers that board makers leave in the FRU.
#[must_use]
pub fn is_filler_serial(serial: &str) -> bool {
    const FILLERS: [&str; 7] = [
        "none",
        "n/a",
        "to be filled by o.e.m.",
        "default string",
        "not specified",
        "0123456789",
        "system serial number",
    ];
    let serial = serial.trim().to_ascii_lowercase();
    FILLERS.contains(&serial.as_str()) || serial.chars().all(|c| matches!(c, '0' | '.' | '-' | ' '))
}

/// A RAKP 2 code that is all zeros. Some BMCs take cipher suite 17, cannot compute its codes and send zeros instead of
/// status 11h (xcat2/xcat-core pull request 7586); they answer well with suite 3.
#[must_use]
pub fn sends_a_zeroed_rakp2_code(code: &[u8]) -> bool {
    code.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_known_again_in_each_byte_order_and_no_other_is() {
        let expected: Uuid = "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap();
        for told in [
            "00112233445566778899aabbccddeeff", // as printed
            "33221100554477668899aabbccddeeff", // SMBIOS
            "ffeeddccbbaa99887766554433221100", // IPMI
            "ffeeddccbbaa99886677445500112233", // SMBIOS's bytes, turned around
        ] {
            assert!(same_uuid_in_some_byte_order(told.parse().unwrap(), expected), "{told}");
        }
        for told in ["00112233445566778899aabbccddeefe", "112200334455667788 99aabbccddeeff"] {
            let told: Uuid = told.replace(' ', "").parse().unwrap();
            assert!(!same_uuid_in_some_byte_order(told, expected), "{told}");
        }
    }

    #[test]
    fn fillers_are_no_serial_numbers() {
        for filler in ["", "  ", "0000000", "To be filled by O.E.M.", "N/A"] {
            assert!(is_filler_serial(filler), "{filler:?}");
        }
        assert!(!is_filler_serial("SN0042"));
    }
}
