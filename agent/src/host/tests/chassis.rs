//! A BMC with a machine behind it, and what is wrong with them.

use crate::bmc::{
    Bmc, BmcError, BootOverride, Identity, Peer, PowerState,
    ResetType::{self, ForceOff, ForceRestart, GracefulShutdown, On, PowerCycle},
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
    boots_by: BootOverride,
}

pub(super) struct Chassis {
    peer: Peer,
    machine: Mutex<Machine>,
}

impl Chassis {
    pub(super) fn new(uuid: uuid::Uuid, on: bool) -> Self {
        let peer = Peer { address: "192.0.2.1:623".parse().unwrap(), user: "oper".into() };
        let boots_by = BootOverride::disabled();
        let machine = Machine { on, uuid, is_deaf: false, obeys: true, actions: Vec::new(), boots_by };
        Self { peer, machine: Mutex::new(machine) }
    }

    pub(super) fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap()
    }
}

impl Bmc for Chassis {
    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, BmcError>> {
        let uuid = Some(self.machine().uuid);
        Box::pin(async move { Ok(Identity { uuid, serial: None }) })
    }

    fn power_state(&self) -> BoxFuture<'_, Result<PowerState, BmcError>> {
        let state = if self.machine().on { PowerState::On } else { PowerState::Off };
        Box::pin(async move { Ok(state) })
    }

    fn reset(&self, action: ResetType) -> BoxFuture<'_, Result<(), BmcError>> {
        let mut machine = self.machine();
        machine.actions.push(action);
        if !machine.is_deaf {
            machine.on = match action {
                On | PowerCycle => true,
                ForceOff => false,
                ForceRestart => machine.on,
                GracefulShutdown => machine.on && !machine.obeys,
            };
        }
        Box::pin(async { Ok(()) })
    }

    fn set_boot_override<'a>(&'a self, wanted: &'a BootOverride) -> BoxFuture<'a, Result<(), BmcError>> {
        self.machine().boots_by = *wanted;
        Box::pin(async { Ok(()) })
    }

    fn boot_override(&self) -> BoxFuture<'_, Result<BootOverride, BmcError>> {
        let read = self.machine().boots_by;
        Box::pin(async move { Ok(read) })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}
