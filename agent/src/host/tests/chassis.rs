//! A BMC with a machine behind it, and what is wrong with them.

use crate::bmc::{
    Baseline, Bmc, BmcError, BootOverride, Identity, Peer, PowerState,
    ResetType::{self, ForceOff, ForceRestart, GracefulShutdown, On, PowerCycle},
    User,
};
use futures_util::future::BoxFuture;
use std::sync::{Mutex, MutexGuard};

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
    /// What the BMC says of itself; empty: nothing.
    pub(super) facts: Baseline,
    /// The BMC lets nobody change its accounts.
    pub(super) keeps_accounts: bool,
    /// How often its password was changed.
    pub(super) passwords: usize,
    /// How often it was asked for anything.
    pub(super) calls: usize,
}

pub(super) struct Chassis {
    peer: Peer,
    machine: Mutex<Machine>,
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
            facts: Baseline::default(),
            keeps_accounts: false,
            passwords: 0,
            calls: 0,
        };
        Self { peer, machine: Mutex::new(machine) }
    }

    pub(super) fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap()
    }

    /// Each call needs a session.
    fn logged_in(&self) -> Result<MutexGuard<'_, Machine>, BmcError> {
        let mut machine = self.machine();
        machine.calls += 1;
        if machine.refuses_login {
            return Err(BmcError::AuthFailed { peer: self.peer.clone(), reason: "as the test says" });
        }
        Ok(machine)
    }
}

impl Bmc for Chassis {
    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, BmcError>> {
        let told = self.logged_in().map(|machine| Identity { uuid: Some(machine.uuid), serial: None });
        Box::pin(async { told })
    }

    fn power_state(&self) -> BoxFuture<'_, Result<PowerState, BmcError>> {
        let state = self.logged_in().map(|machine| if machine.on { PowerState::On } else { PowerState::Off });
        Box::pin(async { state })
    }

    fn reset(&self, action: ResetType) -> BoxFuture<'_, Result<(), BmcError>> {
        let taken = self.logged_in().map(|mut machine| {
            machine.actions.push(action);
            if !machine.is_deaf {
                machine.on = match action {
                    On | PowerCycle => true,
                    ForceOff => false,
                    ForceRestart => machine.on,
                    GracefulShutdown => machine.on && !machine.obeys,
                };
            }
        });
        Box::pin(async { taken })
    }

    fn set_boot_override<'a>(&'a self, wanted: &'a BootOverride) -> BoxFuture<'a, Result<(), BmcError>> {
        let taken = self.logged_in().map(|mut machine| machine.boots_by = *wanted);
        Box::pin(async { taken })
    }

    fn boot_override(&self) -> BoxFuture<'_, Result<BootOverride, BmcError>> {
        let read = self
            .logged_in()
            .map(|machine| if machine.forgets_overrides { BootOverride::disabled() } else { machine.boots_by });
        Box::pin(async { read })
    }

    fn baseline(&self) -> BoxFuture<'_, Result<Baseline, BmcError>> {
        let told = self.logged_in().map(|machine| {
            let boot_override = (!machine.facts.is_empty()).then_some(machine.boots_by);
            Baseline { boot_override, ..machine.facts.clone() }
        });
        Box::pin(async { told })
    }

    fn restore_user<'a>(&'a self, was: &'a User, _: &'a User) -> BoxFuture<'a, Result<(), BmcError>> {
        let (peer, doing, reason) = (self.peer.clone(), "put an account right", "as the test says");
        let taken = self.logged_in().and_then(|mut machine| {
            if machine.keeps_accounts {
                return Err(BmcError::Refused { peer, doing, code: 0xcc, reason });
            }
            machine.facts.users.iter_mut().filter(|user| user.slot == was.slot).for_each(|user| *user = was.clone());
            Ok(())
        });
        Box::pin(async { taken })
    }

    fn change_password(&self) -> BoxFuture<'_, Result<(), BmcError>> {
        let taken = self.logged_in().map(|mut machine| machine.passwords += 1);
        Box::pin(async { taken })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
