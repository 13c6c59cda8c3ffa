//! Network providers: what attaches a server's NIC to a network and detaches it. Both are idempotent.

mod hook;
#[cfg(test)]
pub(crate) mod hook_script;

use crate::config;
use billet_proto::{MacAddr, ServerId, VpcId};
use futures_util::future::BoxFuture;
use serde::Serialize;
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

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

/// Whether a NIC comes to a network or leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It comes to it.
    Attach,
    /// It leaves it.
    Detach,
}

/// One NIC to be moved.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Move {
    /// Which way.
    pub action: Action,
    /// The server.
    pub server_id: ServerId,
    /// The NIC.
    pub mac: MacAddr,
    /// The network.
    pub network: Network,
    /// The tag that the tenant's network has on this port, 1 to 4094.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
}

/// What moves NICs; each move may come again.
pub trait Switch: Send + Sync {
    /// Moves one NIC; there already is well.
    ///
    /// # Errors
    /// When it cannot.
    fn carry_out<'a>(&'a self, wanted: &'a Move) -> BoxFuture<'a, Result<(), NetworkError>>;
}

/// Nothing is moved: servers boot from NICs of their own.
struct Static;

impl Switch for Static {
    fn carry_out<'a>(&'a self, _wanted: &'a Move) -> BoxFuture<'a, Result<(), NetworkError>> {
        Box::pin(async { Ok(()) })
    }
}

/// What moves NICs by that configuration.
pub fn switch(config: config::Network) -> Arc<dyn Switch> {
    match config {
        config::Network::Static => Arc::new(Static),
        config::Network::Hook { command, arguments, deadline_seconds } => {
            Arc::new(hook::Hook { command, arguments, deadline: Duration::from_secs(deadline_seconds) })
        }
    }
}

/// Moves one server's ports as its configuration says.
#[derive(Clone)]
pub struct Provider {
    switch: Arc<dyn Switch>,
    /// NICs and tag of each port.
    wires: HashMap<MacAddr, (Vec<MacAddr>, Option<u16>)>,
}

impl Provider {
    /// A provider for that server, which has its NICs moved by `switch`.
    pub fn over(switch: Arc<dyn Switch>, server: &config::Server) -> Self {
        let wires = server.ports().into_iter().map(|port| (port, (server.members(port), server.vlan(port)))).collect();
        Self { switch, wires }
    }

    /// Brings a port to a network; already there is well.
    ///
    /// # Errors
    /// When the provider cannot.
    pub async fn attach(&self, port: Port, network: Network) -> Result<(), NetworkError> {
        self.call(Action::Attach, port, network).await
    }

    /// Takes a port off a network; not there is well.
    ///
    /// # Errors
    /// When the provider cannot.
    pub async fn detach(&self, port: Port, network: Network) -> Result<(), NetworkError> {
        self.call(Action::Detach, port, network).await
    }

    async fn call(&self, action: Action, port: Port, network: Network) -> Result<(), NetworkError> {
        for wanted in self.moves(action, port, network) {
            self.carry_out(&wanted).await?;
        }
        Ok(())
    }

    /// What moving a port takes, NIC by NIC. A tenant's network has all NICs of a bond, and its tag; a server boots from one NIC,
    /// without a tag.
    pub fn moves(&self, action: Action, port: Port, network: Network) -> Vec<Move> {
        let wired = self.wires.get(&port.mac).filter(|_| matches!(network, Network::Vpc { .. }));
        let (members, vlan) = wired.cloned().unwrap_or_else(|| (vec![port.mac], None));
        members.into_iter().map(|mac| Move { action, server_id: port.server_id, mac, network, vlan }).collect()
    }

    /// Moves one NIC; there already is well.
    ///
    /// # Errors
    /// When the provider cannot.
    pub async fn carry_out(&self, wanted: &Move) -> Result<(), NetworkError> {
        self.switch.carry_out(wanted).await
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("wires", &self.wires).finish_non_exhaustive()
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
        let deadline = Duration::from_secs(10);
        let switch = Arc::new(hook::Hook { command: hook, arguments: Vec::new(), deadline });
        let provider = Provider { switch, wires: [(mac(1), (vec![mac(1), mac(2)], Some(100)))].into() };
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
