//! What bringing a system into service needs of order and configuration, read and checked before anything is touched.

use super::word::Word;
use crate::{
    host::{
        failure::Failure,
        orders::{
            Job,
            boot::{self, ports},
        },
    },
    network::{Action, Network, Port},
};
use billet_proto::{
    VpcId,
    link::{NicConfig, Step},
    planted::{self, Bug},
};
use std::net::{Ipv4Addr, SocketAddr};

/// A checked plan.
pub(in crate::host::orders) struct Plan {
    /// The ramdisk's boot.
    pub(in crate::host::orders) boot: boot::Plan,
    /// The tenant's NICs.
    nics: Vec<(Port, VpcId)>,
    /// Where the system is probed, and from which interface.
    pub(super) probe: (SocketAddr, String),
}

impl Plan {
    /// For a system with `nics`; the ports of `old_nics` may be attached still.
    pub(in crate::host::orders) fn new(job: &Job, nics: &[NicConfig], old_nics: &[NicConfig]) -> Result<Self, Failure> {
        let fail = |cause: &str, message: String| Err(Failure::new(Step::Power, cause, message));
        let mut detach = ports(job, Step::Power, old_nics)?;
        let ports = ports(job, Step::Power, nics)?;
        let Some((first, (_, vpc))) = nics.first().zip(ports.first()) else {
            return fail("order_malformed", "nics: none".into());
        };
        let Ok(address) = first.address.parse::<Ipv4Addr>() else {
            return fail("order_malformed", format!("nics: address {} is malformed", first.address));
        };
        let Some(probe) = job.tools.config.probes.iter().find(|probe| probe.vpc_id == *vpc) else {
            let message =
                format!("the agent's configuration has no [[probe]] for VPC {vpc}: `running` could not be proven");
            return fail("no_probe_interface", message);
        };
        let probe = (SocketAddr::from((address, 22)), probe.interface.clone());
        detach.extend(ports.iter().filter(|port| !detach.contains(port)).copied().collect::<Vec<_>>());
        Ok(Self { boot: boot::Plan::new(job, detach)?, nics: ports, probe })
    }

    /// All ports to the tenant's: off the provisioning network first. No NIC of any is moved without a fresh word.
    pub(super) async fn to_tenant(&self, job: &Job, mut word: Word) -> Result<Word, Failure> {
        let tries = || job.tries(Step::HandOver, "the network to attach its ports to the tenant's");
        if !planted::is(Bug::BothNetworks) {
            self.boot.off_provisioning(job, tries()).await?;
        }
        let provider = &job.tools.provider;
        let moves =
            |(port, vpc_id): &(Port, VpcId)| provider.moves(Action::Attach, *port, Network::Vpc { vpc_id: *vpc_id });
        for wanted in self.nics.iter().flat_map(moves) {
            let mut tries = tries();
            loop {
                word = word.or_fresh(job).await?;
                match provider.carry_out(&wanted).await {
                    Ok(()) => break,
                    Err(error) => tries.again(&error).await?,
                }
            }
        }
        Ok(word)
    }
}
