//! An open session: sealing and opening of packets, IPMI v2.0 §13.28.4, §13.29 (AES-CBC-128), §13.6.

use super::{
    message::Request,
    packet::{self, Packet},
    suite::{Keys, Suite},
    window::Window,
};
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit, block_padding::NoPadding};
use subtle::ConstantTimeEq;

const BLOCK: usize = 16;
/// "Next header", always this (§13.6).
const NEXT_HEADER: u8 = 0x07;
const KIND: u8 = packet::IPMI | packet::ENCRYPTED | packet::AUTHENTICATED;

/// An open session. Neither `Debug` nor `Clone`: it holds keys and counts packets.
pub(super) struct Session {
    suite: Suite,
    keys: Keys,
    console_id: u32,
    bmc_id: u32,
    sent: u32,
    request_sequence: u8,
    window: Window,
}

impl Session {
    pub(super) fn new(suite: Suite, keys: Keys, console_id: u32, bmc_id: u32) -> Self {
        Self { suite, keys, console_id, bmc_id, sent: 0, request_sequence: 0, window: Window::default() }
    }

    /// The BMC's id of it, for Close Session.
    pub(super) fn bmc_id(&self) -> u32 {
        self.bmc_id
    }

    /// A request with an rqSeq of its own.
    pub(super) fn request(&mut self, network_function: u8, command: u8, data: &[u8]) -> Request {
        self.request_sequence = (self.request_sequence + 1) & 0x3f;
        Request::new(network_function, command, data, self.request_sequence)
    }

    /// The packet for a request. A retransmission is sealed again: it keeps the rqSeq, by which the BMC knows it, and
    /// takes a new session sequence number, without which the BMC would drop it as a replay.
    pub(super) fn seal(&mut self, request: &Request, iv: [u8; BLOCK]) -> Vec<u8> {
        // 0 is for packets outside a session. Nobody sends 2^32 packets in one: it lives for one job.
        self.sent = self.sent.wrapping_add(1).max(1);
        let mut plain = request.bytes().to_vec();
        let pad = (BLOCK - (plain.len() + 1) % BLOCK) % BLOCK;
        plain.extend((1u8..).take(pad));
        plain.push(u8::try_from(pad).expect("less than a block"));
        let cipher = cbc::Encryptor::<aes::Aes128>::new((&*self.keys.aes).into(), &iv.into());
        let mut payload = iv.to_vec();
        payload.extend(cipher.encrypt_padded_vec_mut::<NoPadding>(&plain));
        let mut packet = packet::write(KIND, self.bmc_id, self.sent, &payload);
        // From the session header to the next-header byte is a multiple of 4.
        let pad = (4 - (packet.len() - 4 + 2) % 4) % 4;
        packet.extend(std::iter::repeat_n(0xff, pad));
        packet.extend([u8::try_from(pad).expect("less than 4"), NEXT_HEADER]);
        let code = self.suite.mac(&self.keys.integrity, &[&packet[4..]]);
        packet.extend(&code[..self.suite.short_mac_bytes()]);
        packet
    }

    #[cfg(test)]
    pub(super) fn skip_to(&mut self, sequence: u32) {
        self.sent = sequence - 1;
    }

    /// A packet to us with any payload and a right code.
    #[cfg(test)]
    pub(super) fn forge(&self, payload: &[u8]) -> Vec<u8> {
        let mut packet = packet::write(KIND, self.console_id, 1, payload);
        packet.extend([0, NEXT_HEADER]);
        let code = self.suite.mac(&self.keys.integrity, &[&packet[4..]]);
        packet.extend(&code[..self.suite.short_mac_bytes()]);
        packet
    }

    /// The message in a packet, if the packet is of this session, whole, and new.
    pub(super) fn open(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let packet = Packet::parse(datagram)?;
        if packet.kind != KIND || packet.session_id != self.console_id {
            return None;
        }
        let code_bytes = self.suite.short_mac_bytes();
        // At least the pad's length and the next header stand between payload and code.
        if packet.trailer.len() < code_bytes + 2 {
            return None;
        }
        let (covered, code) = datagram.split_at(datagram.len() - code_bytes);
        let expected = self.suite.mac(&self.keys.integrity, &[&covered[4..]]);
        if !bool::from(expected[..code_bytes].ct_eq(code)) || !self.window.take(packet.sequence) {
            return None;
        }
        let (iv, sealed) = packet.payload.split_first_chunk::<BLOCK>()?;
        let cipher = cbc::Decryptor::<aes::Aes128>::new((&*self.keys.aes).into(), iv.into());
        let mut plain = cipher.decrypt_padded_vec_mut::<NoPadding>(sealed).ok()?;
        let pad = usize::from(*plain.last()?);
        plain.truncate(plain.len().checked_sub(pad + 1)?);
        Some(plain)
    }
}
