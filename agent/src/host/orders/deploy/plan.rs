//! What an installation needs of order and configuration, read and checked before anything is touched.

use crate::{
    host::{failure::Failure, orders::Job},
    network::{Network, Port},
};
use billet_proto::{
    MacAddr, VpcId,
    link::{Install, Step},
};
use std::net::{Ipv4Addr, SocketAddr};

/// A checked plan.
pub(in crate::host::orders) struct Plan {
    /// The tenant's NICs.
    pub(in crate::host::orders) nics: Vec<(Port, VpcId)>,
    /// The NIC to boot from, and its address meanwhile.
    pub(in crate::host::orders) boot: (Port, Ipv4Addr),
    /// Where the installed system is probed, and from which interface.
    pub(in crate::host::orders) probe: (SocketAddr, String),
}

impl Plan {
    pub(in crate::host::orders) fn new(job: &Job, order: &Install) -> Result<Self, Failure> {
        let fail = |cause: &str, message: String| Err(Failure::new(Step::Power, cause, message));
        let server = &job.tools.server;
        let mut nics = Vec::with_capacity(order.nics.len());
        for nic in &order.nics {
            let (Ok(mac), Ok(vpc)) = (nic.mac.parse::<MacAddr>(), nic.vpc_id.parse::<VpcId>()) else {
                return fail("order_malformed", format!("nics: mac {} or vpc_id {} is malformed", nic.mac, nic.vpc_id));
            };
            if !server.ports().contains(&mac) {
                return fail(
                    "order_malformed",
                    format!("nics: the agent's configuration has no port {mac} for this server"),
                );
            }
            nics.push((Port { server_id: server.id, mac }, vpc));
        }
        let Some((first, (_, vpc))) = order.nics.first().zip(nics.first()) else {
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
        let Some((mac, boot_address)) = server.boot_nic() else {
            return fail("no_boot_nic", "the agent's configuration has no provisioning_address for this server".into());
        };
        Ok(Self {
            nics,
            boot: (Port { server_id: server.id, mac }, boot_address),
            probe: (SocketAddr::from((address, 22)), probe.interface.clone()),
        })
    }

    /// All ports to where the server boots: off the tenants' networks first.
    pub(in crate::host::orders) async fn to_provisioning(&self, job: &Job) -> Result<(), Failure> {
        let failed = |error| Failure::network(Step::Power, &error);
        for (port, vpc_id) in &self.nics {
            job.tools.provider.detach(*port, Network::Vpc { vpc_id: *vpc_id }).await.map_err(failed)?;
        }
        job.tools.provider.attach(self.boot.0, Network::Provisioning).await.map_err(failed)
    }

    /// All ports to the tenant's: off the provisioning network first.
    pub(in crate::host::orders) async fn to_tenant(&self, job: &Job) -> Result<(), Failure> {
        let failed = |error| Failure::network(Step::HandOver, &error);
        job.tools.provider.detach(self.boot.0, Network::Provisioning).await.map_err(failed)?;
        for (port, vpc_id) in &self.nics {
            job.tools.provider.attach(*port, Network::Vpc { vpc_id: *vpc_id }).await.map_err(failed)?;
        }
        Ok(())
    }
}
