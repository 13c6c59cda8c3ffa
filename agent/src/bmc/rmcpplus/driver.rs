//! The part that waits: a UDP socket, retransmission, deadlines.

use super::{
    handshake::{Handshake, HandshakeError, Seeds, Step},
    message::Request,
    packet::MAX_BYTES,
    session::Session,
    status::PRIVILEGE_REFUSED,
    suite::Suite,
};
use crate::{
    bmc::commands::{CloseSession, Malformed, SetPrivilege, privilege_code},
    config::Privilege,
};
use ipmi_rs_core::connection::{IpmiCommand, Message};
use secrecy::SecretString;
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    time::{Instant, sleep_until, timeout_at},
};

/// An account at a BMC. The user has at most 16 bytes, the password and Kg 20 (§22.28, §22.30, §13.33).
#[derive(Debug, Clone)]
pub(in crate::bmc) struct Account {
    pub(in crate::bmc) user: String,
    pub(in crate::bmc) password: SecretString,
    /// The BMC's own key, where one is set.
    pub(in crate::bmc) kg: Option<SecretString>,
    pub(in crate::bmc) privilege: Privilege,
}

/// How long an answer is awaited before the request is sent again, for each sending.
#[derive(Debug, Clone, Copy)]
pub(in crate::bmc) struct Patience(&'static [Duration]);

impl Patience {
    /// For what may be sent again: 5 s in four sendings.
    pub(in crate::bmc) const REPEATED: Self = Self(&[
        Duration::from_millis(500),
        Duration::from_millis(1000),
        Duration::from_millis(1500),
        Duration::from_millis(2000),
    ]);
    /// For what a BMC may not know, and say nothing: 3 s in three sendings.
    pub(in crate::bmc) const FOR_SILENCE: Self =
        Self(&[Duration::from_millis(500), Duration::from_millis(1000), Duration::from_millis(1500)]);
    /// For power actions: sent once. BMCs are specified to answer within 5 s and do within one.
    pub(in crate::bmc) const ONCE: Self = Self(&[Duration::from_secs(4)]);
    /// RAKP 3: a BMC that sent RAKP 4 sends no second one, so a lost one means to start over.
    const PROOF: Self = Self(&[Duration::from_millis(500), Duration::from_millis(1000)]);
    /// Close Session: a BMC that closed it does not answer again.
    const FAREWELL: Self = Self(&[Duration::from_millis(500), Duration::from_millis(500)]);
}

/// Handshakes that got an answer and then lost one are started over so often.
const HANDSHAKES: u32 = 4;

/// Why a command has no result.
#[derive(Debug)]
pub(in crate::bmc) enum CallError {
    /// No answer to any sending; with what the network said.
    NoAnswer { doing: Option<&'static str>, source: Option<io::Error> },
    /// No session.
    Handshake(HandshakeError),
    /// The BMC's completion code.
    Completion(u8),
    /// The answer is not as specified.
    Malformed,
}

/// An open session on its socket.
pub(in crate::bmc) struct Connection {
    socket: UdpSocket,
    session: Box<Session>,
}

impl Connection {
    /// Opens a session and raises it to the account's privilege.
    pub(in crate::bmc) async fn open(address: SocketAddr, account: &Account, suite: Suite) -> Result<Self, CallError> {
        let unreached = |source| CallError::NoAnswer { doing: Some("open a session"), source: Some(source) };
        let any = match address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let mut handshakes = 0;
        loop {
            handshakes += 1;
            // A socket for each handshake: late answers to the one before go nowhere.
            let socket = UdpSocket::bind(any).await.map_err(unreached)?;
            socket.connect(address).await.map_err(unreached)?;
            let seeds = Seeds { tag: rand::random(), console_id: rand::random::<u32>() | 1, random: rand::random() };
            let mut handshake = Handshake::new(account, suite, seeds);
            let outcome = match shake_hands(&socket, &mut handshake).await {
                Ok(session) => {
                    let mut connection = Self { socket, session };
                    connection.raise(account.privilege).await.map(|()| connection)
                }
                Err(error) => {
                    if let (CallError::Handshake(_), Some(packet)) = (&error, handshake.farewell()) {
                        // Politeness only: the BMC drops the half-open session by itself in a while.
                        let _ = socket.send(&packet).await;
                    }
                    Err(error)
                }
            };
            match outcome {
                Err(CallError::NoAnswer { .. }) if handshake.was_answered() && handshakes < HANDSHAKES => {}
                outcome => return outcome,
            }
        }
    }

    async fn raise(&mut self, privilege: Privilege) -> Result<(), CallError> {
        let answer = self.call(SetPrivilege(privilege), Patience::REPEATED).await;
        check_granted(privilege, answer)
    }

    /// Sends a command and reads its answer.
    pub(in crate::bmc) async fn call<C>(&mut self, command: C, patience: Patience) -> Result<C::Output, CallError>
    where
        C: IpmiCommand<Error = Malformed>,
    {
        let message: Message = command.into();
        let request = self.session.request(message.netfn_raw(), message.cmd(), message.data());
        let talk = Command { session: &mut self.session, request };
        let (completion, data) = exchange(&self.socket, patience, talk)
            .await
            .map_err(|source| CallError::NoAnswer { doing: None, source })?;
        if completion != 0 {
            return Err(CallError::Completion(completion));
        }
        C::parse_success_response(&data).map_err(|Malformed| CallError::Malformed)
    }

    /// Gives the session back. That its answer is lost is as good: the BMC closed it or will in a minute.
    pub(in crate::bmc) async fn close(mut self) {
        let command = CloseSession(self.session.bmc_id());
        let _ = self.call(command, Patience::FAREWELL).await;
    }
}

/// Judges the answer to Set Session Privilege Level.
fn check_granted(wanted: Privilege, answer: Result<u8, CallError>) -> Result<(), CallError> {
    match answer {
        Ok(granted) if granted >= privilege_code(wanted) => Ok(()),
        // "Not available for this user", "exceeds the limit" (§22.18), and BMCs that grant less without a word.
        Ok(_) | Err(CallError::Completion(0x80 | 0x81)) => {
            Err(CallError::Handshake(HandshakeError::Account(PRIVILEGE_REFUSED)))
        }
        Err(error) => Err(error),
    }
}

async fn shake_hands(socket: &UdpSocket, handshake: &mut Handshake<'_>) -> Result<Box<Session>, CallError> {
    loop {
        let doing = Some(handshake.awaited());
        let patience = if handshake.is_proving() { Patience::PROOF } else { Patience::REPEATED };
        let step = exchange(socket, patience, &mut *handshake)
            .await
            .map_err(|source| CallError::NoAnswer { doing, source })?
            .map_err(CallError::Handshake)?;
        if let Step::Done(session) = step {
            return Ok(session);
        }
    }
}

/// One question: what to send each time, and which datagram is the answer.
trait Question {
    type Answer;
    fn packet(&mut self) -> Vec<u8>;
    fn take(&mut self, datagram: &[u8]) -> Option<Self::Answer>;
}

impl Question for &mut Handshake<'_> {
    type Answer = Result<Step, HandshakeError>;

    fn packet(&mut self) -> Vec<u8> {
        Handshake::packet(self).to_vec()
    }
    fn take(&mut self, datagram: &[u8]) -> Option<Self::Answer> {
        match self.receive(datagram) {
            Ok(Step::Ignore) => None,
            answer => Some(answer),
        }
    }
}

struct Command<'a> {
    session: &'a mut Session,
    request: Request,
}

impl Question for Command<'_> {
    type Answer = (u8, Vec<u8>);

    fn packet(&mut self) -> Vec<u8> {
        self.session.seal(&self.request, rand::random())
    }
    fn take(&mut self, datagram: &[u8]) -> Option<Self::Answer> {
        let message = self.session.open(datagram)?;
        self.request.reply(&message).map(|(completion, data)| (completion, data.to_vec()))
    }
}

/// Asks until there is an answer or patience ends; then what the network said last, if anything.
async fn exchange<Q: Question>(
    socket: &UdpSocket,
    Patience(waits): Patience,
    mut question: Q,
) -> Result<Q::Answer, Option<io::Error>> {
    let mut buffer = [0; MAX_BYTES];
    let mut said = None;
    for wait in waits {
        let end = Instant::now() + *wait;
        // Network errors are not final: a BMC that restarts refuses for a moment, a route comes back.
        if let Err(error) = socket.send(&question.packet()).await {
            said = Some(error);
        }
        loop {
            match timeout_at(end, socket.recv(&mut buffer)).await {
                Ok(Ok(length)) => {
                    if let Some(answer) = question.take(&buffer[..length]) {
                        return Ok(answer);
                    }
                }
                Ok(Err(error)) => {
                    said = Some(error);
                    sleep_until(end).await;
                    break;
                }
                Err(_) => break,
            }
        }
    }
    Err(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_with_less_privilege_than_asked_for_is_none() {
        let granted = |answer| check_granted(Privilege::Administrator, answer);
        assert!(granted(Ok(4)).is_ok());
        for answer in [Ok(3), Err(CallError::Completion(0x80)), Err(CallError::Completion(0x81))] {
            let refused = granted(answer);
            let expected = HandshakeError::Account(PRIVILEGE_REFUSED);
            assert!(matches!(refused, Err(CallError::Handshake(error)) if error == expected), "{refused:?}");
        }
        assert!(matches!(granted(Err(CallError::Completion(0xc0))), Err(CallError::Completion(0xc0))));
    }
}
