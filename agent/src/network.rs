//! Network providers: what attaches a server's NIC to a network and detaches it. Both are idempotent.

mod hook;
#[cfg(test)]
pub(crate) mod hook_script;

use crate::config;
use billet_proto::{MacAddr, ServerId, VpcId};
use serde::Serialize;
use std::collections::HashMap;

/// A network that a port can be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Network {
    /// Where servers boot.
    Provisioning,
    /// A tenant's.
    Vpc {
        /// Which.
        vpc_id: VpcId,
    },
}

/// A port of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// The server.
    pub server_id: ServerId,
    /// The NIC.
    pub mac: MacAddr,
}

/// Why a port could not be moved.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The hook did not start or could not be spoken to.
    #[error("run the network hook {command}")]
    Run {
        /// Its path.
        command: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The hook took too long.
    #[error("move port {mac}: the network hook gave no answer within {seconds} s")]
    Deadline {
        /// The port.
        mac: MacAddr,
        /// Its deadline.
        seconds: u64,
    },
    /// The hook said no.
    #[error("move port {mac}: the network hook refused: {reason}")]
    Refused {
        /// The port.
        mac: MacAddr,
        /// Its words.
        reason: String,
    },
}

/// Moves one server's ports as the configuration says.
#[derive(Debug, Clone)]
pub struct Provider {
    config: config::Network,
    /// NICs and tag of each port.
    wires: HashMap<MacAddr, (Vec<MacAddr>, Option<u16>)>,
}

impl Provider {
    /// A provider for that configuration and server.
    pub fn new(config: config::Network, server: &config::Server) -> Self {
        let wires = server.ports().into_iter().map(|port| (port, (server.members(port), server.vlan(port)))).collect();
        Self { config, wires }
    }

    /// Brings a port to a network; already there is well.
    ///
    /// # Errors
    /// When the provider cannot.
    pub async fn attach(&self, port: Port, network: Network) -> Result<(), NetworkError> {
        self.call("attach", port, network).await
    }

    /// Takes a port off a network; not there is well.
    ///
    /// # Errors
    /// When the provider cannot.
    pub async fn detach(&self, port: Port, network: Network) -> Result<(), NetworkError> {
        self.call("detach", port, network).await
    }

    /// A tenant's network has all NICs of a bond, and its tag; a server boots from one NIC, without a tag.
    async fn call(&self, action: &'static str, port: Port, network: Network) -> Result<(), NetworkError> {
        let config::Network::Hook { command, arguments, .. } = &self.config else { return Ok(()) };
        let wired = self.wires.get(&port.mac).filter(|_| matches!(network, Network::Vpc { .. }));
        let (members, vlan) = wired.cloned().unwrap_or_else(|| (vec![port.mac], None));
        for mac in members {
            let call = hook::Call { action, server_id: port.server_id, mac, network, vlan };
            hook::run(command, arguments, &call, self.config.deadline()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{hook_script::hook_script, *};

    #[tokio::test]
    async fn a_tenants_network_has_all_of_a_bond_with_its_tag_and_provisioning_the_one_nic() {
        let dir = tempfile::tempdir().unwrap();
        let seen = dir.path().join("seen");
        let hook = hook_script(dir.path(), &format!("cat >> {}; echo '{{\"ok\":true}}'", seen.display()));
        let mac = |last: u8| -> MacAddr { format!("52:54:00:00:00:0{last}").parse().unwrap() };
        let config = config::Network::Hook { command: hook, arguments: Vec::new(), deadline_seconds: 10 };
        let provider = Provider { config, wires: [(mac(1), (vec![mac(1), mac(2)], Some(100)))].into() };
        let port = Port { server_id: "0198170e-4ca7-7000-8000-000000000001".parse().unwrap(), mac: mac(1) };
        let vpc_id = "0198170e-4ca7-7000-8000-0000000000aa".parse().unwrap();
        provider.attach(port, Network::Vpc { vpc_id }).await.unwrap();
        provider.detach(port, Network::Provisioning).await.unwrap();
        let told = std::fs::read_to_string(seen).unwrap();
        let calls: Vec<serde_json::Value> =
            serde_json::Deserializer::from_str(&told).into_iter().collect::<Result<_, _>>().unwrap();
        let short = |call: &serde_json::Value| format!("{} {} {}", call["action"], call["mac"], call["vlan"]);
        let expected = [
            "\"attach\" \"52:54:00:00:00:01\" 100",
            "\"attach\" \"52:54:00:00:00:02\" 100",
            "\"detach\" \"52:54:00:00:00:01\" null",
        ];
        assert_eq!(calls.iter().map(short).collect::<Vec<_>>(), expected);
    }
}
