//! IPMI over LAN as a [`Bmc`].
//!
//! One session at a time, opened by the first call, given back by [`Bmc::close`] or after [`IDLE`]; a session that the
//! BMC dropped is opened again within the call. Reading and setting is repeated then; a power action never is before
//! the state was read.

use super::{
    Baseline, Bmc, BmcError, BootOverride, BootTarget, Identity, Peer, PowerState, Quirk, ResetType, User,
    commands::{
        AcknowledgeBootInfo, ChassisControl, GetBootFlags, GetChassisStatus, GetFruAreaInfo, GetSystemGuid,
        KeepBootFlags, Malformed, ReadFru, SetBootFlags, serial_in_fru,
    },
    error::LACKS_PRIVILEGE,
    rmcpplus::{Account, CallError, Connection, HandshakeError, Patience, Suite, status_text},
};
use crate::config::Privilege;
use futures_util::future::BoxFuture;
use ipmi_rs_core::connection::IpmiCommand;
use secrecy::{ExposeSecret, SecretString};
use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, sleep, sleep_until},
};

mod baseline;
mod completion;
mod login;

/// A session that nobody used for so long is given back: BMCs drop it at 60 s (§6.12.15) and have few.
const IDLE: Duration = Duration::from_secs(50);
/// A busy BMC (C0h) is asked so often, with [`BUSY_PAUSE`] between.
const BUSY_TRIES: u32 = 4;
const BUSY_PAUSE: Duration = Duration::from_millis(300);
/// A power action whose answer was lost is sent again so often, each time after reading the state.
const POWER_TRIES: u32 = 3;
/// Of FRU 0 no more is read; the common header and the areas before the serial number are far smaller.
const MAX_FRU_BYTES: u16 = 1024;
/// Fits every BMC's LAN buffer.
const FRU_PIECE_BYTES: u8 = 32;
/// Lengths of the account's fields (§22.28, §22.30).
const MAX_USER_BYTES: usize = 16;
const MAX_PASSWORD_BYTES: usize = 20;

/// How to use a BMC.
#[derive(Debug, Clone)]
pub struct IpmiOptions {
    /// The privilege to work with.
    pub privilege: Privilege,
    /// The BMC's own key (Kg), at most 20 bytes; most have none.
    pub kg: Option<SecretString>,
    /// No call takes longer, a power action no longer than twice this; telling how it is set takes its time.
    pub deadline: Duration,
    /// What it is known to do against the specification.
    pub quirks: Vec<Quirk>,
}

impl Default for IpmiOptions {
    fn default() -> Self {
        Self { privilege: Privilege::Operator, kg: None, deadline: Duration::from_secs(20), quirks: Vec::new() }
    }
}

/// A BMC that speaks IPMI 2.0 over LAN.
#[derive(Clone)]
pub struct IpmiBmc {
    inner: Arc<Inner>,
}

struct Inner {
    peer: Peer,
    /// Its password may change.
    account: std::sync::Mutex<Account>,
    deadline: Duration,
    quirks: Vec<Quirk>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// Counts sessions, so that a watcher knows its own.
    sessions: u64,
    last_used: Option<Instant>,
    /// The suite that worked.
    suite: Option<Suite>,
    /// The serial number as read in this session; reading it takes many round trips.
    serial: Option<Option<String>>,
}

impl fmt::Debug for IpmiBmc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IpmiBmc").field(&self.inner.peer).finish()
    }
}

/// A power action that was sent and not answered.
struct Lost;

impl IpmiBmc {
    /// A BMC at that address; nothing is sent yet, and a bad account shows at the first call.
    #[must_use]
    pub fn new(address: SocketAddr, user: String, password: SecretString, options: IpmiOptions) -> Self {
        let IpmiOptions { privilege, kg, deadline, quirks } = options;
        let peer = Peer { address, user: user.clone() };
        let account = Account { user, password, kg, privilege };
        let (account, state) = (std::sync::Mutex::new(account), Mutex::default());
        Self { inner: Arc::new(Inner { peer, account, deadline, quirks, state }) }
    }

    /// Ends a call at its deadline.
    async fn within<T>(
        &self,
        limit: Duration,
        doing: &'static str,
        call: impl Future<Output = Result<T, BmcError>>,
    ) -> Result<T, BmcError> {
        match tokio::time::timeout(limit, call).await {
            Ok(outcome) => outcome,
            Err(_) => Err(BmcError::Unreachable { peer: self.inner.peer.clone(), doing, source: None }),
        }
    }

    async fn read_power(&self) -> Result<PowerState, BmcError> {
        self.inner.call("read the power state", || GetChassisStatus).await
    }

    async fn act(&self, action: ResetType) -> Result<(), BmcError> {
        let peer = || self.inner.peer.clone();
        for _ in 0..POWER_TRIES {
            let state = self.read_power().await?;
            match (action, state) {
                (ResetType::On, PowerState::On)
                | (ResetType::ForceOff | ResetType::GracefulShutdown, PowerState::Off) => return Ok(()),
                (ResetType::ForceRestart | ResetType::PowerCycle, PowerState::Off) => {
                    return Err(BmcError::MachineOff { peer: peer(), action });
                }
                (ResetType::On, PowerState::Off) | (_, PowerState::On) => {}
            }
            match self.inner.call_once("do a power action", ChassisControl(action)).await? {
                Ok(()) => return Ok(()),
                // On, off and the ACPI button may be sent again where the state says that nothing happened.
                // A restart leaves no trace in the state: only the caller can say what is worse.
                Err(Lost) if matches!(action, ResetType::ForceRestart | ResetType::PowerCycle) => break,
                Err(Lost) => {}
            }
        }
        Err(BmcError::Uncertain { peer: peer(), action })
    }

    async fn write_override(&self, wanted: &BootOverride) -> Result<(), BmcError> {
        let doing = "set the boot override";
        if wanted.target == BootTarget::Other {
            let reason = "only the network, the disk or nothing can be set";
            return Err(BmcError::Refused { peer: self.inner.peer.clone(), doing, code: 0xc9, reason });
        }
        // Both are courtesies that BMCs may refuse; the flags are what counts, and they are read back.
        // Set In Progress (parameter 0) is left out: nobody else writes here, and ipmi_sim refuses it.
        soft(self.inner.call(doing, || AcknowledgeBootInfo).await)?;
        soft(self.inner.call(doing, || KeepBootFlags).await)?;
        self.inner.call(doing, || SetBootFlags(*wanted)).await
    }

    async fn read_identity(&self) -> Result<Identity, BmcError> {
        let uuid = soft(self.inner.call("read the system GUID", || GetSystemGuid).await)?.flatten();
        let known = self.inner.state.lock().await.serial.clone();
        let serial = match known {
            Some(serial) => serial,
            None => {
                let serial = soft(self.read_serial().await)?.flatten();
                self.inner.state.lock().await.serial = Some(serial.clone());
                serial
            }
        };
        Ok(Identity { uuid, serial })
    }

    async fn read_serial(&self) -> Result<Option<String>, BmcError> {
        let doing = "read the serial number";
        let info = self.inner.call(doing, || GetFruAreaInfo).await?;
        if info.by_words {
            return Ok(None);
        }
        let size = info.bytes.min(MAX_FRU_BYTES);
        let mut fru = Vec::new();
        for offset in (0..size).step_by(FRU_PIECE_BYTES.into()) {
            let count = u8::try_from(size - offset).unwrap_or(FRU_PIECE_BYTES).min(FRU_PIECE_BYTES);
            let piece = self.inner.call(doing, || ReadFru { offset, count }).await?;
            if piece.len() != usize::from(count) {
                break;
            }
            fru.extend(piece);
        }
        Ok(serial_in_fru(&fru))
    }
}

impl Inner {
    /// A command that may be repeated, in a new session too.
    async fn call<C, F>(self: &Arc<Self>, doing: &'static str, command: F) -> Result<C::Output, BmcError>
    where
        C: IpmiCommand<Error = Malformed>,
        F: Fn() -> C,
    {
        let mut state = self.state.lock().await;
        let mut outcome = self.ask(&mut state, &command, Patience::REPEATED).await?;
        if matches!(outcome, Err(CallError::NoAnswer { .. })) {
            // The BMC may have dropped the session: it does not say so.
            state.connection = None;
            outcome = self.ask(&mut state, &command, Patience::REPEATED).await?;
        }
        if matches!(outcome, Err(CallError::NoAnswer { .. })) {
            state.connection = None;
        }
        outcome.map_err(|error| self.explain(doing, error))
    }

    /// A command that may be met by silence, for which the session is kept; none then.
    async fn call_patiently<C, F>(
        self: &Arc<Self>,
        doing: &'static str,
        command: F,
    ) -> Result<Option<C::Output>, BmcError>
    where
        C: IpmiCommand<Error = Malformed>,
        F: Fn() -> C,
    {
        let mut state = self.state.lock().await;
        match self.ask(&mut state, &command, Patience::FOR_SILENCE).await? {
            Err(CallError::NoAnswer { .. }) => Ok(None),
            outcome => outcome.map(Some).map_err(|error| self.explain(doing, error)),
        }
    }

    /// Asks in the session, and again while the BMC is busy.
    async fn ask<C, F>(
        self: &Arc<Self>,
        state: &mut MutexGuard<'_, State>,
        command: &F,
        patience: Patience,
    ) -> Result<Result<C::Output, CallError>, BmcError>
    where
        C: IpmiCommand<Error = Malformed>,
        F: Fn() -> C,
    {
        let mut busy = 0;
        loop {
            let connection = self.connected(state).await?;
            match connection.call(command(), patience).await {
                Err(CallError::Completion(0xc0)) if busy + 1 < BUSY_TRIES => {
                    busy += 1;
                    sleep(BUSY_PAUSE).await;
                }
                outcome => {
                    state.last_used = Some(Instant::now());
                    return Ok(outcome);
                }
            }
        }
    }

    /// A command that is sent once, in whatever session there is.
    async fn call_once<C>(
        self: &Arc<Self>,
        doing: &'static str,
        command: C,
    ) -> Result<Result<C::Output, Lost>, BmcError>
    where
        C: IpmiCommand<Error = Malformed>,
    {
        let mut state = self.state.lock().await;
        let connection = self.connected(&mut state).await?;
        let outcome = connection.call(command, Patience::ONCE).await;
        state.last_used = Some(Instant::now());
        match outcome {
            Ok(value) => Ok(Ok(value)),
            Err(CallError::NoAnswer { .. }) => {
                state.connection = None;
                Ok(Err(Lost))
            }
            Err(error) => Err(self.explain(doing, error)),
        }
    }

    /// The session, opened if there is none.
    async fn connected<'a>(
        self: &Arc<Self>,
        state: &'a mut MutexGuard<'_, State>,
    ) -> Result<&'a mut Connection, BmcError> {
        if state.connection.is_none() {
            let connection = self.open_as(&self.account(), state.suite).await;
            let (connection, suite) = connection.map_err(|error| self.explain("open a session", error))?;
            state.suite = Some(suite);
            state.serial = None;
            state.sessions += 1;
            state.last_used = Some(Instant::now());
            state.connection = Some(connection);
            tokio::spawn(Arc::clone(self).close_when_idle(state.sessions));
        }
        Ok(state.connection.as_mut().expect("it was opened above"))
    }

    fn account(&self) -> Account {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn use_password(&self, password: SecretString) {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).password = password;
    }

    /// Gives a session back that nobody uses.
    async fn close_when_idle(self: Arc<Self>, session: u64) {
        loop {
            let mut state = self.state.lock().await;
            if state.sessions != session || state.connection.is_none() {
                return;
            }
            let due = state.last_used.map_or_else(Instant::now, |used| used + IDLE);
            if due <= Instant::now() {
                if let Some(connection) = state.connection.take() {
                    connection.close().await;
                }
                return;
            }
            drop(state);
            sleep_until(due).await;
        }
    }

    fn explain(&self, doing: &'static str, error: CallError) -> BmcError {
        let peer = self.peer.clone();
        match error {
            CallError::NoAnswer { doing: step, source } => {
                BmcError::Unreachable { peer, doing: step.unwrap_or(doing), source }
            }
            CallError::Completion(0xd4) => BmcError::AuthFailed { peer, reason: LACKS_PRIVILEGE },
            CallError::Completion(code) => BmcError::Refused { peer, doing, code, reason: completion::text(code) },
            CallError::Malformed => BmcError::Protocol { peer, reason: "its answer is cut short or of another form" },
            CallError::Handshake(error) => match error {
                HandshakeError::WrongPassword => {
                    BmcError::AuthFailed { peer, reason: "account or password is not the right one" }
                }
                HandshakeError::TooLong => BmcError::AuthFailed {
                    peer,
                    reason: "IPMI has room for 16 bytes of user and 20 bytes of password and key",
                },
                HandshakeError::Account(code) => BmcError::AuthFailed { peer, reason: status_text(code) },
                HandshakeError::NoSuite(code) | HandshakeError::Status(code) => {
                    BmcError::Refused { peer, doing: "open a session", code, reason: status_text(code) }
                }
                HandshakeError::ZeroedCode => {
                    BmcError::Protocol { peer, reason: "the code of its RAKP 2 is all zeros" }
                }
                HandshakeError::Malformed(reason) => BmcError::Protocol { peer, reason },
            },
        }
    }
}

fn check_lengths(Account { user, password, kg, .. }: &Account) -> Result<(), CallError> {
    let long = |secret: &SecretString| secret.expose_secret().len() > MAX_PASSWORD_BYTES;
    // A BMC would cut them or answer nothing at all; neither helps the operator.
    if user.len() > MAX_USER_BYTES || long(password) || kg.as_ref().is_some_and(long) {
        return Err(CallError::Handshake(HandshakeError::TooLong));
    }
    Ok(())
}

/// What a BMC may lack: that it does not know the command, or has no such thing, is nothing; all else stays an error,
/// for "busy" is no answer to "which machine are you in" (IPMI v2.0 table 5-2: C1h, C2h, CBh, CCh; 80h: no such parameter).
fn soft<T>(outcome: Result<T, BmcError>) -> Result<Option<T>, BmcError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(BmcError::Refused { code: 0x80 | 0xc1 | 0xc2 | 0xcb | 0xcc, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Bmc for IpmiBmc {
    fn peer(&self) -> &Peer {
        &self.inner.peer
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, BmcError>> {
        Box::pin(self.within(self.inner.deadline, "tell its identity", self.read_identity()))
    }

    fn power_state(&self) -> BoxFuture<'_, Result<PowerState, BmcError>> {
        Box::pin(self.within(self.inner.deadline, "read the power state", self.read_power()))
    }

    fn reset(&self, action: ResetType) -> BoxFuture<'_, Result<(), BmcError>> {
        Box::pin(self.within(self.inner.deadline * 2, "do a power action", self.act(action)))
    }

    fn set_boot_override<'a>(&'a self, wanted: &'a BootOverride) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(self.within(self.inner.deadline, "set the boot override", self.write_override(wanted)))
    }

    fn boot_override(&self) -> BoxFuture<'_, Result<BootOverride, BmcError>> {
        let read = self.inner.call("read the boot override", || GetBootFlags);
        Box::pin(self.within(self.inner.deadline, "read the boot override", read))
    }

    fn baseline(&self) -> BoxFuture<'_, Result<Baseline, BmcError>> {
        Box::pin(self.read_baseline())
    }

    fn restore_user<'a>(&'a self, wanted: &'a User, is: &'a User) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(self.within(self.inner.deadline, "put an account right", self.write_user(wanted, is)))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(connection) = self.inner.state.lock().await.connection.take() {
                connection.close().await;
            }
        })
    }
}
