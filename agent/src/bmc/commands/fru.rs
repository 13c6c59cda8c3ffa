//! The serial number in FRU 0: IPMI v2.0 §34.1, §34.2 and the Platform Management FRU specification v1.0 rev. 1.3.

use super::Malformed;
use crate::bmc::quirks::is_filler_serial;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

/// The FRU device that describes the machine itself.
const MACHINE: u8 = 0;

/// Asks how large FRU 0 is.
pub(in crate::bmc) struct GetFruAreaInfo;

/// How large FRU 0 is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bmc) struct FruAreaInfo {
    pub(in crate::bmc) bytes: u16,
    /// Offsets and counts are in 16-bit words.
    pub(in crate::bmc) by_words: bool,
}

impl From<GetFruAreaInfo> for Message {
    fn from(_: GetFruAreaInfo) -> Self {
        Message::new_request(NetFn::Storage, 0x10, vec![MACHINE])
    }
}

impl IpmiCommand for GetFruAreaInfo {
    type Output = FruAreaInfo;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<FruAreaInfo, Malformed> {
        let [low, high, access, ..] = *data else { return Err(Malformed) };
        Ok(FruAreaInfo { bytes: u16::from_le_bytes([low, high]), by_words: access & 1 != 0 })
    }
}

/// Reads `count` bytes of FRU 0 from `offset`.
pub(in crate::bmc) struct ReadFru {
    pub(in crate::bmc) offset: u16,
    pub(in crate::bmc) count: u8,
}

impl From<ReadFru> for Message {
    fn from(ReadFru { offset, count }: ReadFru) -> Self {
        let [low, high] = offset.to_le_bytes();
        Message::new_request(NetFn::Storage, 0x11, vec![MACHINE, low, high, count])
    }
}

impl IpmiCommand for ReadFru {
    type Output = Vec<u8>;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<Vec<u8>, Malformed> {
        let (count, read) = data.split_first().ok_or(Malformed)?;
        Ok(read.get(..usize::from(*count)).ok_or(Malformed)?.to_vec())
    }
}

/// Finds the product's serial number, or else the chassis'. Only 8-bit text is taken: a serial number that a vendor
/// packed into 6 bits or BCD counts as not told.
pub(in crate::bmc) fn serial_in_fru(fru: &[u8]) -> Option<String> {
    let area = |header_byte: usize| {
        let start = usize::from(*fru.get(header_byte)?) * 8;
        let area = fru.get(start..).filter(|_| start != 0)?;
        area.get(..usize::from(*area.get(1)?) * 8)
    };
    // Product area: maker, name, part number, version, serial after version, length and language (FRU §12).
    let product = area(4).and_then(|area| field(area, 3, 4));
    // Chassis area: part number, serial after version, length and type (FRU §10).
    product.or_else(|| area(2).and_then(|area| field(area, 3, 1)))
}

/// The nth field of a list of type-and-length bytes with their text (FRU §13).
fn field(area: &[u8], start: usize, nth: usize) -> Option<String> {
    let mut rest = area.get(start..)?;
    for index in 0..=nth {
        let (kind, after) = rest.split_first()?;
        if *kind == 0xc1 {
            return None;
        }
        let (value, next) = after.split_at_checked(usize::from(kind & 0x3f))?;
        if index == nth {
            let text: String = std::str::from_utf8(value).ok()?.trim_matches(['\0', ' ']).into();
            let good = kind >> 6 == 3 && !text.chars().any(char::is_control) && !is_filler_serial(&text);
            return good.then_some(text);
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn area(fields: &[&str]) -> Vec<u8> {
        let mut area = vec![1, 0, 0];
        for text in fields {
            area.push(0xc0 | u8::try_from(text.len()).unwrap());
            area.extend(text.as_bytes());
        }
        area.push(0xc1);
        area.resize((area.len() + 8) / 8 * 8, 0);
        area[1] = u8::try_from(area.len() / 8).unwrap();
        area
    }

    #[test]
    fn the_product_serial_is_taken_and_else_the_chassis() {
        let chassis = area(&["part", "CH0042"]);
        let product = area(&["maker", "name", "part", "1.0", "SN0042"]);
        let behind = u8::try_from(1 + chassis.len() / 8).unwrap();
        let both = [&[1, 0, 1, 0, behind, 0, 0, 0][..], &chassis, &product].concat();
        assert_eq!(serial_in_fru(&both), Some("SN0042".into()));
        let one = [&[1, 0, 1, 0, 0, 0, 0, 0][..], &chassis].concat();
        assert_eq!(serial_in_fru(&one), Some("CH0042".into()));
        let filler = area(&["maker", "name", "part", "1.0", "To be filled by O.E.M."]);
        assert_eq!(serial_in_fru(&[&[1, 0, 0, 0, 1, 0, 0, 0][..], &filler].concat()), None);
    }

    proptest! {
        #[test]
        fn no_fru_makes_it_panic(fru in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = serial_in_fru(&fru);
            let _ = ReadFru::parse_success_response(&fru);
            let _ = GetFruAreaInfo::parse_success_response(&fru);
        }
    }
}
