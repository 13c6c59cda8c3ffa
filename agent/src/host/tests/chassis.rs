//! A BMC with a machine behind it, and what is wrong with them.

use crate::bmc::{
    Baseline, Bmc, BmcError, BootEnabled, BootOverride, BootTarget, Identity, Peer, PowerState,
    ResetType::{self, ForceOff, ForceRestart, GracefulShutdown, On, PowerCycle},
    Rotate, User,
};
use futures_util::future::BoxFuture;
use std::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What the machine is and does.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) on: bool,
    pub(super) uuid: uuid::Uuid,
    /// The BMC takes every action, and nothing happens.
    pub(super) is_deaf: bool,
    /// Its system shuts down when it is asked to.
    pub(super) obeys: bool,
    /// All that were taken, in their order.
    pub(super) actions: Vec<ResetType>,
    /// What the next boots are from, as the BMC was told last.
    pub(super) boots_by: BootOverride,
    /// The BMC takes boot overrides, and reads back none.
    pub(super) forgets_overrides: bool,
    /// The BMC says that the password is not the right one.
    pub(super) refuses_login: bool,
    /// The BMC has no session to give for so many more calls: others have them all.
    pub(super) full_for: usize,
    /// What the BMC says of itself; empty: nothing.
    pub(super) facts: Baseline,
    /// The BMC lets nobody change its accounts.
    pub(super) keeps_accounts: bool,
    /// How often its password was changed.
    pub(super) passwords: usize,
    /// How often its session was given back.
    pub(super) closed: usize,
    /// How often it was asked for anything.
    pub(super) calls: usize,
    /// What it booted from, and how often it did.
    pub(super) runs: BootTarget,
    pub(super) boots: usize,
    /// Whether this agent, since it started, asked in which machine the BMC is; and how many actions came before it did.
    pub(super) identified: bool,
    pub(super) unidentified: usize,
    /// How long the BMC takes to say whether it is on.
    pub(super) looks_take: Duration,
    /// How long it takes to begin with a power action.
    pub(super) actions_take: Duration,
    /// What goes wrong with one of the calls, by its number from 1.
    pub(super) fault: Option<(usize, Fault)>,
    /// So many times it does not hear the question how it is set.
    pub(super) unheard: u32,
    /// How long it takes to answer that.
    pub(super) facts_take: Duration,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not heard.
    Lost,
    /// It is done, and its answer is not heard.
    AnswerLost,
    /// The agent is killed before it, or after it.
    KilledBefore,
    KilledAfter,
}

impl Machine {
    /// It starts, from what its BMC was told.
    pub(super) fn start(&mut self) {
        self.on = true;
        self.boots += 1;
        self.runs = if self.boots_by.target == BootTarget::Pxe { BootTarget::Pxe } else { BootTarget::Hdd };
        if self.boots_by.enabled == BootEnabled::Once {
            self.boots_by = BootOverride::disabled();
        }
    }
}

pub(super) struct Chassis {
    peer: Peer,
    machine: Mutex<Machine>,
    /// The BMC's only session: one call at a time.
    session: tokio::sync::Mutex<()>,
    /// The agent was killed: by its death, the call never comes back.
    pub(super) killed: AtomicBool,
}

impl Chassis {
    pub(super) fn new(uuid: uuid::Uuid, on: bool) -> Self {
        let peer = Peer { address: "192.0.2.1:623".parse().unwrap(), user: "oper".into() };
        let boots_by = BootOverride::disabled();
        let machine = Machine {
            on,
            uuid,
            is_deaf: false,
            obeys: true,
            actions: Vec::new(),
            boots_by,
            forgets_overrides: false,
            refuses_login: false,
            full_for: 0,
            facts: Baseline::default(),
            keeps_accounts: false,
            passwords: 0,
            closed: 0,
            calls: 0,
            runs: BootTarget::Hdd,
            boots: 0,
            identified: false,
            unidentified: 0,
            looks_take: Duration::ZERO,
            actions_take: Duration::ZERO,
            fault: None,
            unheard: 0,
            facts_take: Duration::ZERO,
        };
        let session = tokio::sync::Mutex::new(());
        Self { peer, machine: Mutex::new(machine), session, killed: AtomicBool::new(false) }
    }

    pub(super) fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap()
    }

    /// The agent ends where it stands, and nothing of it goes on.
    pub(super) fn kill(&self) -> ! {
        self.killed.store(true, Ordering::Relaxed);
        std::panic::resume_unwind(Box::new("killed"))
    }

    /// Each call needs a session.
    fn call<T>(&self, does: impl FnOnce(&mut Machine) -> Result<T, BmcError>) -> Result<T, BmcError> {
        let (done, fault) = {
            let mut machine = self.machine();
            machine.calls += 1;
            if machine.refuses_login {
                return Err(BmcError::AuthFailed { peer: self.peer.clone(), reason: "as the test says" });
            }
            if machine.full_for > 0 {
                machine.full_for -= 1;
                let (peer, doing) = (self.peer.clone(), "open a session");
                // IPMI v2.0 table 13-15: insufficient resources to create a session.
                return Err(BmcError::Refused { peer, doing, code: 0x01, reason: "no session is free" });
            }
            let calls = machine.calls;
            let fault = machine.fault.filter(|(at, _)| *at == calls).map(|(_, fault)| fault);
            let is_heard = !matches!(fault, Some(Fault::Lost | Fault::KilledBefore));
            (is_heard.then(|| does(&mut machine)), fault)
        };
        match (fault, done) {
            (Some(Fault::KilledBefore | Fault::KilledAfter), _) => self.kill(),
            (None, Some(done)) => done,
            _ => Err(BmcError::Unreachable { peer: self.peer.clone(), doing: "what the test says", source: None }),
        }
    }
}

impl Chassis {
    fn act(&self, action: ResetType) -> Result<(), BmcError> {
        self.call(|machine| {
            if !machine.identified {
                machine.unidentified += 1;
            }
            if action == ForceRestart && !machine.on {
                return Err(BmcError::MachineOff { peer: self.peer.clone(), action });
            }
            machine.actions.push(action);
            if machine.is_deaf {
                return Ok(());
            }
            match action {
                On if machine.on => {}
                On | PowerCycle | ForceRestart => machine.start(),
                ForceOff => machine.on = false,
                GracefulShutdown => machine.on = machine.on && !machine.obeys,
            }
            Ok(())
        })
    }
}

impl Bmc for Chassis {
    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, BmcError>> {
        let told = self.call(|machine| {
            machine.identified = true;
            Ok(Identity { uuid: Some(machine.uuid), serial: None })
        });
        Box::pin(async {
            let _session = self.session.lock().await;
            told
        })
    }

    fn power_state(&self) -> BoxFuture<'_, Result<PowerState, BmcError>> {
        let state = self.call(|machine| Ok(if machine.on { PowerState::On } else { PowerState::Off }));
        let takes = self.machine().looks_take;
        Box::pin(async move {
            let _session = self.session.lock().await;
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            state
        })
    }

    fn reset(&self, action: ResetType) -> BoxFuture<'_, Result<(), BmcError>> {
        let takes = self.machine().actions_take;
        Box::pin(async move {
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            match self.act(action) {
                Err(BmcError::Unreachable { peer, .. }) if action == ForceRestart => {
                    Err(BmcError::Uncertain { peer, action })
                }
                taken => taken,
            }
        })
    }

    fn set_boot_override<'a>(&'a self, wanted: &'a BootOverride) -> BoxFuture<'a, Result<(), BmcError>> {
        let taken = self.call(|machine| {
            machine.boots_by = *wanted;
            Ok(())
        });
        Box::pin(async { taken })
    }

    fn boot_override(&self) -> BoxFuture<'_, Result<BootOverride, BmcError>> {
        let read = self
            .call(|machine| Ok(if machine.forgets_overrides { BootOverride::disabled() } else { machine.boots_by }));
        Box::pin(async { read })
    }

    fn baseline(&self) -> BoxFuture<'_, Result<Baseline, BmcError>> {
        let (peer, doing) = (self.peer.clone(), "tell how it is set");
        let told = self.call(|machine| {
            if let Some(left) = machine.unheard.checked_sub(1) {
                machine.unheard = left;
                return Err(BmcError::Unreachable { peer, doing, source: None });
            }
            let boot_override = (!machine.facts.is_empty()).then_some(machine.boots_by);
            Ok(Baseline { boot_override, ..machine.facts.clone() })
        });
        let takes = self.machine().facts_take;
        Box::pin(async move {
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            told
        })
    }

    fn restore_user<'a>(&'a self, wanted: &'a User, _: &'a User) -> BoxFuture<'a, Result<(), BmcError>> {
        let (peer, doing, reason) = (self.peer.clone(), "put an account right", "as the test says");
        let taken = self.call(|machine| {
            if machine.keeps_accounts {
                return Err(BmcError::Refused { peer, doing, code: 0xcc, reason });
            }
            let slot = wanted.slot;
            machine.facts.users.iter_mut().filter(|user| user.slot == slot).for_each(|user| *user = wanted.clone());
            Ok(())
        });
        Box::pin(async { taken })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.machine().closed += 1;
        Box::pin(async {})
    }
}

impl Rotate for Chassis {
    fn change_password(&self) -> BoxFuture<'_, Result<(), BmcError>> {
        let taken = self.call(|machine| {
            machine.passwords += 1;
            Ok(())
        });
        Box::pin(async { taken })
    }
}
