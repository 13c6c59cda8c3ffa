//! Reads a request from bytes that anyone may have sent.
//!
//! dhcproto 0.15 asserts the length of some options in debug builds and takes wrong ones in release builds, so that the
//! options after them are misread. So it is handed only the options that are looked at here, each with its right length; the
//! others are left away unread.

use dhcproto::{Decodable, Decoder, v4::Message};

/// BOOTP's fields and the magic cookie (RFC 2131 §2, RFC 2132 §2).
const HEADER_BYTES: usize = 240;
const MAGIC: [u8; 4] = [99, 130, 83, 99];
const PAD: u8 = 0;
const END: u8 = 255;

/// A request with the options of interest; `None` when it is not DHCP.
pub(in crate::boot) fn parse(packet: &[u8]) -> Option<Message> {
    let (header, mut options) = packet.split_at_checked(HEADER_BYTES)?;
    if !header.ends_with(&MAGIC) {
        return None;
    }
    let mut clean = header.to_vec();
    let mut seen = [false; 256];
    while let [code, rest @ ..] = options {
        options = match *code {
            PAD => rest,
            END => break,
            code => {
                let (length, rest) = rest.split_first()?;
                let (value, rest) = rest.split_at_checked(usize::from(*length))?;
                if is_useful(code, value.len()) && !std::mem::replace(&mut seen[usize::from(code)], true) {
                    clean.extend_from_slice(&[code, *length]);
                    clean.extend_from_slice(value);
                }
                rest
            }
        };
    }
    clean.push(END);
    Message::decode(&mut Decoder::new(&clean)).ok()
}

/// Message type, requested address, server, vendor class, user class and architecture, as long as RFC 2132, 3004 and 4578
/// want them. Firmware names one architecture; several are no firmware's.
fn is_useful(code: u8, length: usize) -> bool {
    match code {
        53 => length == 1,
        50 | 54 => length == 4,
        60 | 77 => length > 0,
        93 => length == 2,
        _ => false,
    }
}
