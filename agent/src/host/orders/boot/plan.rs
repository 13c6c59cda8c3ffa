//! What a boot needs of the configuration: the NIC to boot from, and the ports that must be elsewhere meanwhile.

use crate::{
    host::{
        failure::Failure,
        orders::{Job, tries::Tries},
    },
    network::{Network, Port},
};
use billet_proto::{
    MacAddr, VpcId,
    link::{NicConfig, NicRole, Step},
};
use std::net::Ipv4Addr;

/// A checked plan.
pub(in crate::host::orders) struct Plan {
    /// The NIC to boot from, and its address meanwhile.
    pub(super) boot: (Port, Ipv4Addr),
    /// Ports that may be on a tenant's network.
    detach: Vec<(Port, VpcId)>,
}

impl Plan {
    /// A plan that first takes these ports off their tenant's networks.
    pub(in crate::host::orders) fn new(job: &Job, detach: Vec<(Port, VpcId)>) -> Result<Self, Failure> {
        let server = &job.tools.server;
        let (mac, address) = server.boot_nic().ok_or_else(|| {
            let message = "the agent's configuration has no provisioning_address for this server";
            Failure::new(Step::Power, "no_boot_nic", message)
        })?;
        Ok(Self { boot: (Port { server_id: server.id, mac }, address), detach })
    }

    /// All ports to where the server boots: off the tenants' networks first.
    pub(super) async fn to_provisioning(&self, job: &Job) -> Result<(), Failure> {
        let tries = || job.tries(Step::Power, "the network to attach its ports for booting");
        for (port, vpc_id) in &self.detach {
            job.detach(tries(), *port, Network::Vpc { vpc_id: *vpc_id }).await?;
        }
        job.attach(tries(), self.boot.0, Network::Provisioning).await
    }

    /// Off the provisioning network.
    pub(in crate::host::orders) async fn off_provisioning(&self, job: &Job, tries: Tries<'_>) -> Result<(), Failure> {
        job.detach(tries, self.boot.0, Network::Provisioning).await
    }
}

/// An order's NICs as ports of this server, each once, which can be moved: the accelerators' network is one, and nothing is moved there.
pub(in crate::host::orders) fn ports(job: &Job, step: Step, nics: &[NicConfig]) -> Result<Vec<(Port, VpcId)>, Failure> {
    let fail = |message: String| Err(Failure::new(step, "order_malformed", message));
    let server = &job.tools.server;
    let mut ports = Vec::with_capacity(nics.len());
    for nic in nics.iter().filter(|nic| nic.role() != NicRole::ParameterPlane) {
        let (Ok(mac), Ok(vpc)) = (nic.mac.parse::<MacAddr>(), nic.vpc_id.parse::<VpcId>()) else {
            return fail(format!("nics: mac {} or vpc_id {} is malformed", nic.mac, nic.vpc_id));
        };
        if !server.ports().contains(&mac) {
            return fail(format!("nics: the agent's configuration has no port {mac} for this server"));
        }
        let port = (Port { server_id: server.id, mac }, vpc);
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    Ok(ports)
}
