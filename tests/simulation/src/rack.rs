//! What stands in the racks: the machines, what moves their ports, and the networks that they are probed from.

use crate::machine::{Disk, Machine};
use billet_agent::{
    network::{Move, NetworkError, Switch},
    probe::{HostKey, Probe, ProbeError},
};
use billet_proto::VpcId;
use futures_util::future::BoxFuture;
use std::{io, net::SocketAddr, time::Duration};

/// All machines; clones are the same.
#[derive(Clone)]
pub struct Machines(pub Vec<Machine>);

impl Machines {
    /// The machine with that NIC.
    fn of(&self, wanted: &Move) -> Option<&Machine> {
        self.0.iter().find(|machine| machine.lock().mac == wanted.mac)
    }
}

impl Switch for Machines {
    fn carry_out<'a>(&'a self, wanted: &'a Move) -> BoxFuture<'a, Result<(), NetworkError>> {
        Box::pin(async move {
            let refused = |reason: &str| NetworkError::Refused { mac: wanted.mac, reason: reason.into() };
            let machine = self.of(wanted).ok_or_else(|| refused("no such port"))?;
            let (delay, fails) = {
                let random = machine.lock().world().random;
                (random.within(50..900), random.happens(4))
            };
            tokio::time::sleep(Duration::from_millis(delay)).await;
            let mut body = machine.lock();
            body.plug(wanted);
            if !fails {
                return Ok(());
            }
            // It moved, and says that it did not: each move may come again.
            body.world().journal.slip("move-denied", &body.name());
            Err(refused("the switch is busy"))
        })
    }
}

impl Probe for Machines {
    fn host_key<'a>(
        &'a self,
        target: SocketAddr,
        interface: &'a str,
        expected: &'a HostKey,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<(), ProbeError>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(60)).await;
            let vpc: Option<VpcId> = interface.parse().ok();
            let key = vpc.and_then(|vpc| {
                self.0.iter().find_map(|machine| {
                    let mut body = machine.lock();
                    let system = body.answers_in(vpc).filter(|system| SocketAddr::from((system.address, 22)) == target);
                    let key = system.map(|system| system.host_key.clone())?;
                    if let Disk::System(system) = &mut body.disk {
                        system.is_proven |= key == expected.to_string();
                    }
                    Some(key)
                })
            });
            let Some(key) = key else {
                tokio::time::sleep(deadline.min(Duration::from_secs(3))).await;
                return Err(ProbeError::NoConnection { target, source: io::ErrorKind::TimedOut.into() });
            };
            if key == expected.to_string() {
                return Ok(());
            }
            Err(ProbeError::OtherHostKey { target, expected: expected.fingerprint(), seen: "another".into() })
        })
    }
}
