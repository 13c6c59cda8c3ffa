//! The RMCP header and the session header around a payload, IPMI v2.0 §13.1.3, §13.6 (table 13-8).

/// RMCP 1.0, no acknowledgement, class IPMI; then the authentication type "RMCP+".
const START: [u8; 5] = [0x06, 0x00, 0xff, 0x07, 0x06];
/// Up to and with the payload's length.
pub(super) const HEADER_BYTES: usize = 16;
/// No BMC's packet is longer: Ethernet's MTU.
pub(super) const MAX_BYTES: usize = 1500;

/// Payload types (table 13-16).
pub(super) const IPMI: u8 = 0x00;
pub(super) const OPEN_REQUEST: u8 = 0x10;
pub(super) const OPEN_RESPONSE: u8 = 0x11;
pub(super) const RAKP_1: u8 = 0x12;
pub(super) const RAKP_2: u8 = 0x13;
pub(super) const RAKP_3: u8 = 0x14;
pub(super) const RAKP_4: u8 = 0x15;
/// Flags beside the payload type.
pub(super) const ENCRYPTED: u8 = 0x80;
pub(super) const AUTHENTICATED: u8 = 0x40;

/// A packet as its headers say; nothing of it is verified.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// Payload type with its two flags.
    pub(super) kind: u8,
    /// Of the receiver; 0 before a session.
    pub(super) session_id: u32,
    pub(super) sequence: u32,
    pub(super) payload: &'a [u8],
    /// What follows the payload: integrity pad and code.
    pub(super) trailer: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads the headers; nothing for what is not RMCP+ or is cut short.
    pub(super) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (header, rest) = datagram.split_at_checked(HEADER_BYTES)?;
        let (start, fields) = header.split_at_checked(START.len())?;
        // The RMCP sequence number (byte 2) is not for us to judge: some BMCs count there.
        if start[0] != START[0] || start[3..] != START[3..] {
            return None;
        }
        let &[kind, i0, i1, i2, i3, s0, s1, s2, s3, l0, l1] = fields else { return None };
        let (payload, trailer) = rest.split_at_checked(usize::from(u16::from_le_bytes([l0, l1])))?;
        Some(Self {
            kind,
            session_id: u32::from_le_bytes([i0, i1, i2, i3]),
            sequence: u32::from_le_bytes([s0, s1, s2, s3]),
            payload,
            trailer,
        })
    }
}

/// Headers and payload, without a trailer.
pub(super) fn write(kind: u8, session_id: u32, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("payloads are built here, of less than 300 bytes");
    let mut packet = Vec::with_capacity(HEADER_BYTES + payload.len() + 20);
    packet.extend(START);
    packet.push(kind);
    packet.extend(session_id.to_le_bytes());
    packet.extend(sequence.to_le_bytes());
    packet.extend(length.to_le_bytes());
    packet.extend(payload);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_datagram_makes_it_panic(datagram in proptest::collection::vec(any::<u8>(), 0..128)) {
            let _ = Packet::parse(&datagram);
        }

        #[test]
        fn what_is_written_reads_back(kind: u8, session_id: u32, sequence: u32,
                                      payload in proptest::collection::vec(any::<u8>(), 0..300)) {
            let datagram = write(kind, session_id, sequence, &payload);
            let packet = Packet { kind, session_id, sequence, payload: &payload, trailer: &[] };
            prop_assert_eq!(Packet::parse(&datagram), Some(packet));
        }
    }
}
