//! How a session is opened: Open Session and RAKP 1 to 4, IPMI v2.0 §13.17 to §13.24, keys §13.28, §13.31.
//!
//! ```text
//! Opening ──open response──► Naming ──RAKP 2──► Proving ──RAKP 4──► a session
//! ```
//! Each answer leads on, is an error, or is ignored (late, foreign); [`Handshake::packet`] is what to send, again if
//! need be.

use super::{
    driver::Account,
    packet::{self, Packet},
    session::Session,
    status::{lacks_the_suite, refuses_the_account},
    suite::{Keys, Suite},
};
use crate::bmc::{commands::privilege_code, quirks::sends_a_zeroed_rakp2_code};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What must be different in each handshake.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seeds {
    /// Message tag, the same in all messages of one handshake.
    pub(super) tag: u8,
    /// Our id of the session; not 0.
    pub(super) console_id: u32,
    /// Our random number.
    pub(super) random: [u8; 16],
}

/// Why no session was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bmc) enum HandshakeError {
    /// The BMC does not have the suite.
    NoSuite(u8),
    /// The BMC has the suite and cannot compute its codes.
    ZeroedCode,
    /// Name, password or key is longer than IPMI has room for.
    TooLong,
    /// The BMC refused account or privilege.
    Account(u8),
    /// The BMC's code does not fit our password: it is wrong, or the account is unknown.
    WrongPassword,
    /// Another status.
    Status(u8),
    /// An answer that is not as specified.
    Malformed(&'static str),
}

impl HandshakeError {
    fn of_status(code: u8) -> Self {
        match code {
            _ if lacks_the_suite(code) => Self::NoSuite(code),
            _ if refuses_the_account(code) => Self::Account(code),
            _ => Self::Status(code),
        }
    }
}

/// What an answer leads to.
pub(super) enum Step {
    /// Nothing: wait on.
    Ignore,
    /// The next packet is to be sent.
    Next,
    /// The session is open.
    Done(Box<Session>),
}

enum Stage {
    Opening,
    Naming { bmc_id: u32 },
    Proving { bmc_id: u32, guid: [u8; 16], sik: Zeroizing<Vec<u8>> },
}

/// One try to open a session.
pub(super) struct Handshake<'a> {
    account: &'a Account,
    suite: Suite,
    seeds: Seeds,
    stage: Stage,
    packet: Vec<u8>,
}

impl<'a> Handshake<'a> {
    pub(super) fn new(account: &'a Account, suite: Suite, seeds: Seeds) -> Self {
        let mut payload = vec![seeds.tag, privilege_code(account.privilege), 0, 0];
        payload.extend(seeds.console_id.to_le_bytes());
        payload.extend(algorithm_records(suite));
        let packet = packet::write(packet::OPEN_REQUEST, 0, 0, &payload);
        Self { account, suite, seeds, stage: Stage::Opening, packet }
    }

    /// What to send now.
    pub(super) fn packet(&self) -> &[u8] {
        &self.packet
    }

    /// What is awaited, for messages.
    pub(super) fn awaited(&self) -> &'static str {
        match self.stage {
            Stage::Opening => "open a session",
            Stage::Naming { .. } => "name the account (RAKP 1)",
            Stage::Proving { .. } => "prove the password (RAKP 3)",
        }
    }

    /// Whether the BMC answered anything in this handshake.
    pub(super) fn was_answered(&self) -> bool {
        !matches!(self.stage, Stage::Opening)
    }

    /// Whether RAKP 4 is awaited, which a BMC sends once only.
    pub(super) fn is_proving(&self) -> bool {
        matches!(self.stage, Stage::Proving { .. })
    }

    /// RAKP 3 with a status: tells the BMC to forget the half-open session, of which it has few (§13.22).
    pub(super) fn farewell(&self) -> Option<Vec<u8>> {
        let (Stage::Naming { bmc_id } | Stage::Proving { bmc_id, .. }) = self.stage else { return None };
        let mut payload = vec![self.seeds.tag, 0x0f, 0, 0];
        payload.extend(bmc_id.to_le_bytes());
        Some(packet::write(packet::RAKP_3, 0, 0, &payload))
    }

    /// Takes a datagram.
    pub(super) fn receive(&mut self, datagram: &[u8]) -> Result<Step, HandshakeError> {
        let Some(packet) = Packet::parse(datagram) else { return Ok(Step::Ignore) };
        let awaited = match self.stage {
            Stage::Opening => packet::OPEN_RESPONSE,
            Stage::Naming { .. } => packet::RAKP_2,
            Stage::Proving { .. } => packet::RAKP_4,
        };
        let ours = packet.kind == awaited && packet.session_id == 0;
        let (true, &[tag, status, ref rest @ ..]) = (ours, packet.payload) else { return Ok(Step::Ignore) };
        if tag != self.seeds.tag {
            return Ok(Step::Ignore);
        }
        if status != 0 {
            // The specification has two reserved bytes and our id here too; ipmi_sim's refusals end before them.
            return Err(HandshakeError::of_status(status));
        }
        let ours = rest.get(2..6) == Some(&self.seeds.console_id.to_le_bytes());
        let (true, Some(body)) = (ours, rest.get(6..)) else { return Ok(Step::Ignore) };
        match &self.stage {
            Stage::Opening => self.opened(body),
            Stage::Naming { bmc_id } => self.named(*bmc_id, body),
            Stage::Proving { bmc_id, guid, sik } => self.proven(*bmc_id, guid, sik, body),
        }
    }

    fn opened(&mut self, body: &[u8]) -> Result<Step, HandshakeError> {
        let malformed = HandshakeError::Malformed("its answer to Open Session is cut short");
        let (&[i0, i1, i2, i3], records) = body.split_first_chunk().ok_or(malformed)?;
        let bmc_id = u32::from_le_bytes([i0, i1, i2, i3]);
        let asked = self.suite.algorithms();
        let got = [records.get(4), records.get(12), records.get(20)].map(|byte| byte.copied());
        if got.contains(&None) {
            return Err(malformed);
        }
        // The BMC has no say here: another algorithm than asked for would be a downgrade.
        if got != asked.map(Some) || bmc_id == 0 {
            return Err(HandshakeError::Malformed("it answers Open Session with other algorithms than asked for"));
        }
        let mut payload = vec![self.seeds.tag, 0, 0, 0];
        payload.extend(bmc_id.to_le_bytes());
        payload.extend(self.seeds.random);
        let [role, length] = self.role_and_length();
        payload.extend([role, 0, 0, length]);
        payload.extend(self.account.user.as_bytes());
        self.packet = packet::write(packet::RAKP_1, 0, 0, &payload);
        self.stage = Stage::Naming { bmc_id };
        Ok(Step::Next)
    }

    fn named(&mut self, bmc_id: u32, body: &[u8]) -> Result<Step, HandshakeError> {
        let malformed = HandshakeError::Malformed("its RAKP 2 is cut short");
        let (bmc_random, rest) = body.split_first_chunk::<16>().ok_or(malformed)?;
        let (guid, code) = rest.split_first_chunk::<16>().ok_or(malformed)?;
        if sends_a_zeroed_rakp2_code(code) {
            return Err(HandshakeError::ZeroedCode);
        }
        if code.len() != self.suite.mac_bytes() {
            return Err(HandshakeError::Malformed("its RAKP 2 has a code of the wrong length"));
        }
        let (console_id, bmc_id_bytes) = (self.seeds.console_id.to_le_bytes(), bmc_id.to_le_bytes());
        let (random, role) = (&self.seeds.random, &self.role_and_length());
        let (user, password) = (self.account.user.as_bytes(), self.account.password.expose_secret().as_bytes());
        let parts: [&[u8]; 7] = [&console_id, &bmc_id_bytes, random, bmc_random, guid, role, user];
        if !bool::from(self.suite.mac(password, &parts).ct_eq(code)) {
            return Err(HandshakeError::WrongPassword);
        }
        let kg = self.account.kg.as_ref().map_or(password, |kg| kg.expose_secret().as_bytes());
        let sik = self.suite.mac(kg, &[random, bmc_random, role, user]);
        let proof = self.suite.mac(password, &[bmc_random, &console_id, role, user]);
        let mut payload = vec![self.seeds.tag, 0, 0, 0];
        payload.extend(bmc_id_bytes);
        payload.extend(proof.as_slice());
        self.packet = packet::write(packet::RAKP_3, 0, 0, &payload);
        self.stage = Stage::Proving { bmc_id, guid: *guid, sik };
        Ok(Step::Next)
    }

    fn proven(&self, bmc_id: u32, guid: &[u8; 16], sik: &[u8], code: &[u8]) -> Result<Step, HandshakeError> {
        let expected = self.suite.mac(sik, &[&self.seeds.random, &bmc_id.to_le_bytes(), guid]);
        if !bool::from(expected[..self.suite.short_mac_bytes()].ct_eq(code)) {
            // The password was right (RAKP 2): what differs is the BMC's key Kg.
            return Err(HandshakeError::Malformed("the code of its RAKP 4 is wrong; it may want a key (Kg)"));
        }
        let keys = Keys::derive(self.suite, sik);
        Ok(Step::Done(Box::new(Session::new(self.suite, keys, self.seeds.console_id, bmc_id))))
    }

    /// As RAKP 1 has them and the codes cover them; bit 4: look the account up by name alone.
    fn role_and_length(&self) -> [u8; 2] {
        let length = u8::try_from(self.account.user.len()).expect("the account was checked: at most 16 bytes");
        [privilege_code(self.account.privilege) | 0x10, length]
    }
}

/// The three algorithm records of Open Session (table 13-9).
fn algorithm_records(suite: Suite) -> Vec<u8> {
    (0u8..).zip(suite.algorithms()).flat_map(|(kind, algorithm)| [kind, 0, 0, 8, algorithm, 0, 0, 0]).collect()
}

#[cfg(test)]
mod tests;
