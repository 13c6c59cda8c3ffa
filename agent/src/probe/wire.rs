//! SSH's data types and its unencrypted packets: RFC 4251 §5, RFC 4253 §6.

/// The longest packet that everybody must take (RFC 4253 §6.1); ours and what we take.
const MAX_PACKET_BYTES: usize = 35_000;
/// Without a cipher, packets are padded to this (RFC 4253 §6).
const BLOCK: usize = 8;
const MIN_PADDING: usize = 4;

/// Reads data types from the front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }
}

/// Appends a string.
pub(super) fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).expect("no more than a packet is ever put").to_be_bytes());
    out.extend(bytes);
}

/// Appends a positive multiple-precision integer, given big-endian.
pub(super) fn put_mpint(out: &mut Vec<u8>, bytes: &[u8]) {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[zeros..];
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        put_string(out, &[&[0], bytes].concat());
    } else {
        put_string(out, bytes);
    }
}

/// A packet around a payload. Padding is zeros: nothing is encrypted here, so that there is nothing to hide.
pub(super) fn packet(payload: &[u8]) -> Vec<u8> {
    let short = (4 + 1 + payload.len() + MIN_PADDING) % BLOCK;
    let padding = MIN_PADDING + (BLOCK - short) % BLOCK;
    let length = u32::try_from(1 + payload.len() + padding).expect("payloads are built here, of about 1 KiB");
    let mut packet = length.to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).expect("less than 12"));
    packet.extend(payload);
    packet.resize(packet.len() + padding, 0);
    packet
}

/// A packet that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadPacket;

/// Takes the payload of the first packet off the front of `bytes`; nothing while it is not whole.
pub(super) fn take_packet(bytes: &mut Vec<u8>) -> Result<Option<Vec<u8>>, BadPacket> {
    let mut reader = Reader(bytes);
    let Some(length) = reader.number() else { return Ok(None) };
    let length = usize::try_from(length).map_err(|_| BadPacket)?;
    if !(1 + MIN_PADDING..=MAX_PACKET_BYTES - 4).contains(&length) {
        return Err(BadPacket);
    }
    let Some(body) = reader.take(length) else { return Ok(None) };
    let padding = usize::from(body[0]);
    let end = length.checked_sub(padding).filter(|end| *end >= 1 && padding >= MIN_PADDING).ok_or(BadPacket)?;
    let payload = body[1..end].to_vec();
    bytes.drain(..4 + length);
    Ok(Some(payload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_are_those_of_the_rfc() {
        // RFC 4251 §5, "mpint".
        for (number, form) in [
            (&[][..], "00000000"),
            (&[0, 0], "00000000"),
            (&[0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7], "0000000809a378f9b2e332a7"),
            (&[0x80], "000000020080"),
        ] {
            let mut out = Vec::new();
            put_mpint(&mut out, number);
            assert_eq!(hex::encode(out), form);
        }
    }

    proptest! {
        #[test]
        fn a_packet_reads_back_when_it_is_whole(payload in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let whole = packet(&payload);
            prop_assert_eq!(whole.len() % BLOCK, 0);
            let mut part = whole[..whole.len() - 1].to_vec();
            prop_assert_eq!(take_packet(&mut part), Ok(None));
            let mut more = [&whole[..], b"rest"].concat();
            prop_assert_eq!(take_packet(&mut more), Ok(Some(payload)));
            prop_assert_eq!(more, b"rest");
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..64), length in 0u32..64) {
            let _ = take_packet(&mut bytes.clone());
            if let Some(first) = bytes.first_chunk_mut() {
                *first = length.to_be_bytes();
            }
            let _ = take_packet(&mut bytes);
        }
    }
}
