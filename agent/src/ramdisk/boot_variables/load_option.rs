//! EFI_LOAD_OPTION, UEFI 2.10 §3.1.3: attributes (4 bytes), length of the device paths (2), description (UCS-2, ended by a
//! zero), device paths, and data for what is started.

use super::KINDS;
use billet_proto::link::LoadOption;
use sha2::{Digest, Sha256};

/// More of a description is not shown.
const MAX_DESCRIPTION: usize = 128;

/// Whether it is the name of a load option: a kind and four hexadecimal digits.
pub(super) fn is_name(name: &str) -> bool {
    let number = KINDS.iter().find_map(|kind| name.strip_prefix(kind));
    number.is_some_and(|number| number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Reads an option; of one that is malformed only the bytes are told.
pub(super) fn parse(name: &str, value: &[u8]) -> LoadOption {
    let (description, device_paths) = parts(value).unwrap_or_default();
    LoadOption {
        name: name.to_owned(),
        description,
        device_path_sha256: hex::encode(Sha256::digest(device_paths)),
        content: hex::encode(value),
        not_whole: false,
    }
}

fn parts(value: &[u8]) -> Option<(String, &[u8])> {
    let length = usize::from(u16::from_le_bytes(*value.get(4..)?.first_chunk()?));
    let rest = value.get(6..)?;
    let units: Vec<u16> = rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let end = units.iter().position(|unit| *unit == 0)?;
    let text = String::from_utf16_lossy(&units[..end]);
    let description = text.chars().filter(|c| !c.is_control()).take(MAX_DESCRIPTION).collect();
    Some((description, rest.get((end + 1) * 2..)?.get(..length)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// OVMF's own, as the TPM's event logs of QEMU machines have it (EV_EFI_VARIABLE_BOOT of Boot0000).
    const UI_APP: &str = "090100002c0055006900410070007000000004071400c9bdb87cebf8344faaea3ee4af6516a10406140021aa2c4614760345836e8ab6f46623317fff0400";

    #[test]
    fn an_option_of_firmware_is_read_as_its_makers_tools_show_it() {
        let value = hex::decode(UI_APP).unwrap();
        let option = parse("Boot0000", &value);
        assert_eq!((option.description.as_str(), option.content.as_str()), ("UiApp", UI_APP));
        assert_eq!(option.device_path_sha256, hex::encode(Sha256::digest(&value[18..])));
        // A longer description, the same place: other bytes, the same digest of the path.
        let renamed = [&value[..6], &[0x58, 0], &value[6..]].concat();
        let renamed = parse("Boot0000", &renamed);
        assert_eq!(renamed.description, "XUiApp");
        assert_eq!(renamed.device_path_sha256, option.device_path_sha256);
    }

    #[test]
    fn only_a_kind_with_its_number_is_the_name_of_an_option() {
        for (name, is) in [
            ("Boot0001", true),
            ("Driver00AF", true),
            ("SysPrep0000", true),
            ("BootOrder", false),
            ("BootNext", false),
            ("Boot00001", false),
            ("Boot00x1", false),
            ("PlatformRecovery0000", false),
        ] {
            assert_eq!(is_name(name), is, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_option_makes_it_panic_and_its_bytes_are_always_told(value in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert_eq!(parse("Boot0000", &value).content, hex::encode(&value));
        }
    }
}
