//! A machine's BMC: slow, silent now and then, and sometimes it does what it was asked and says nothing.

use crate::machine::{Body, Machine, State};
use billet_agent::bmc::{
    Baseline, Bmc, BmcError, BootOverride, Identity, Peer, PowerState,
    ResetType::{self, ForceOff, ForceRestart, GracefulShutdown, On, PowerCycle},
    Rotate, User,
};
use futures_util::future::BoxFuture;
use std::{sync::MutexGuard, time::Duration};

/// After so long a caller gives up.
const PATIENCE: Duration = Duration::from_secs(8);

/// The way to a machine's BMC.
pub struct Chassis {
    machine: Machine,
    peer: Peer,
}

impl Chassis {
    /// Of that machine.
    #[must_use]
    pub fn new(machine: Machine) -> Self {
        let host = u8::try_from(machine.lock().number % 200).unwrap_or_default() + 1;
        Self { machine, peer: Peer { address: ([10, 78, 0, host], 623).into(), user: "oper".into() } }
    }

    /// Waits as a BMC has one wait; none where it is silent.
    async fn reach(&self, doing: &'static str) -> Result<MutexGuard<'_, Body>, BmcError> {
        let (silent, delay) = {
            let mut body = self.machine.lock();
            let world = body.world();
            let is_lost = world.random.happens(4);
            let is_silent = body.is_gone || body.is_silent();
            if is_lost && !is_silent {
                world.journal.slip("bmc-call-lost", &body.name());
            }
            (is_silent || is_lost, world.random.within(20..400))
        };
        if silent {
            tokio::time::sleep(PATIENCE).await;
            return Err(self.unreachable(doing));
        }
        tokio::time::sleep(Duration::from_millis(delay)).await;
        let body = self.machine.lock();
        if body.is_gone { Err(self.unreachable(doing)) } else { Ok(body) }
    }

    fn unreachable(&self, doing: &'static str) -> BmcError {
        BmcError::Unreachable { peer: self.peer.clone(), doing, source: None }
    }

    async fn act(&self, action: ResetType) -> Result<(), BmcError> {
        let loses_the_answer = {
            let mut body = self.reach("do a power action").await?;
            let world = body.world();
            body.told.push(action);
            if body.is_deaf() {
                return Ok(());
            }
            match action {
                On => body.power_on(),
                ForceOff => body.power_off("its BMC"),
                GracefulShutdown => body.press_button(),
                ForceRestart | PowerCycle if !body.is_on() => {
                    return Err(BmcError::MachineOff { peer: self.peer.clone(), action });
                }
                ForceRestart | PowerCycle => body.restart("reset"),
            }
            let is_lost = world.random.happens(6);
            if is_lost {
                world.journal.slip("bmc-answer-lost", &body.name());
            }
            is_lost
        };
        if loses_the_answer {
            tokio::time::sleep(PATIENCE).await;
            return Err(match action {
                ForceRestart | PowerCycle => BmcError::Uncertain { peer: self.peer.clone(), action },
                On | ForceOff | GracefulShutdown => self.unreachable("do a power action"),
            });
        }
        Ok(())
    }
}

impl Bmc for Chassis {
    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn identity(&self) -> BoxFuture<'_, Result<Identity, BmcError>> {
        Box::pin(async {
            let body = self.reach("ask of which machine it is").await?;
            Ok(Identity { uuid: Some(body.uuid), serial: Some(body.serial.clone()) })
        })
    }

    fn power_state(&self) -> BoxFuture<'_, Result<PowerState, BmcError>> {
        Box::pin(async {
            let body = self.reach("read the power state").await?;
            Ok(if body.state == State::Off { PowerState::Off } else { PowerState::On })
        })
    }

    fn reset(&self, action: ResetType) -> BoxFuture<'_, Result<(), BmcError>> {
        Box::pin(self.act(action))
    }

    fn set_boot_override<'a>(&'a self, wanted: &'a BootOverride) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(async move {
            self.reach("set the boot override").await?.boots_by = *wanted;
            Ok(())
        })
    }

    fn boot_override(&self) -> BoxFuture<'_, Result<BootOverride, BmcError>> {
        Box::pin(async { Ok(self.reach("read the boot override").await?.boots_by) })
    }

    fn baseline(&self) -> BoxFuture<'_, Result<Baseline, BmcError>> {
        Box::pin(async { Ok(Baseline::default()) })
    }

    /// It told of no account.
    fn restore_user<'a>(&'a self, _: &'a User, _: &'a User) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(async { self.reach("put an account right").await.map(drop) })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

impl Rotate for Chassis {
    /// Whoever calls here has no password to give.
    fn change_password(&self) -> BoxFuture<'_, Result<(), BmcError>> {
        Box::pin(async { self.reach("change the password").await.map(drop) })
    }
}
