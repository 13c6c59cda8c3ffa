//! IPMI messages inside a payload: IPMI v2.0 §13.8.

/// The BMC's address on its own bus.
const BMC: u8 = 0x20;
/// Our software id (§5.5): the remote console, with bit 0 for "software".
const CONSOLE: u8 = 0x81;

/// One request and what its reply must show.
#[derive(Debug, Clone)]
pub(in crate::bmc) struct Request {
    bytes: Vec<u8>,
    network_function: u8,
    sequence: u8,
    command: u8,
}

/// Two's complement checksum (§13.8).
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_sub(*byte))
}

impl Request {
    /// `network_function` is the even, requesting one; `sequence` (rqSeq) has 6 bits.
    pub(super) fn new(network_function: u8, command: u8, data: &[u8], sequence: u8) -> Self {
        let sequence = sequence & 0x3f;
        let mut bytes = vec![BMC, network_function << 2];
        bytes.push(checksum(&bytes));
        let second = bytes.len();
        bytes.extend([CONSOLE, sequence << 2, command]);
        bytes.extend(data);
        bytes.push(checksum(&bytes[second..]));
        Self { bytes, network_function, sequence, command }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Completion code and data, if this is the reply to this request: same rqSeq, network function and command, and
    /// both checksums. Anything else is a late reply, or not for us.
    pub(super) fn reply<'a>(&self, message: &'a [u8]) -> Option<(u8, &'a [u8])> {
        let (header, rest) = message.split_at_checked(3)?;
        let (_, body) = rest.split_last()?;
        let &[_responder, sequence, command, completion, ref data @ ..] = body else { return None };
        let good = checksum(header) == 0
            && checksum(rest) == 0
            && header[1] >> 2 == self.network_function | 1
            && sequence >> 2 == self.sequence
            && command == self.command;
        good.then_some((completion, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Get Channel Authentication Capabilities and its answer, as ipmitool 1.8.19 and ipmi_sim sent them.
    const ASKED: &str = "2018c88100388e03b6";
    const ANSWERED: &str = "81 1c 63 20 00 38 00 01 97 06 03 00 00 00 00 07";

    fn answer() -> Vec<u8> {
        hex::decode(ANSWERED.replace(' ', "")).unwrap()
    }

    #[test]
    fn a_request_is_the_one_that_ipmitool_sends() {
        assert_eq!(hex::encode(Request::new(6, 0x38, &[0x8e, 0x03], 0).bytes()), ASKED);
    }

    #[test]
    fn only_the_reply_to_this_request_is_taken() {
        let reply = answer();
        let data = [0x01, 0x97, 0x06, 0x03, 0, 0, 0, 0];
        assert_eq!(Request::new(6, 0x38, &[], 0).reply(&reply), Some((0, &data[..])));
        assert!(Request::new(6, 0x38, &[], 1).reply(&reply).is_none(), "another rqSeq");
        assert!(Request::new(6, 0x37, &[], 0).reply(&reply).is_none(), "another command");
        assert!(Request::new(0, 0x38, &[], 0).reply(&reply).is_none(), "another network function");
        for index in [0, 9] {
            let mut broken = answer();
            broken[index] ^= 0x40;
            assert!(Request::new(6, 0x38, &[], 0).reply(&broken).is_none(), "a broken checksum");
        }
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(message in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Request::new(6, 1, &[], 0).reply(&message);
        }
    }
}
