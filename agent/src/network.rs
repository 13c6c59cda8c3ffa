//! Network providers: what attaches a server's NIC to a network and detaches it. Both are idempotent.

mod hook;

use crate::config;
use billet_proto::{MacAddr, ServerId, VpcId};
use serde::Serialize;

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

/// Moves ports as the configuration says.
#[derive(Debug, Clone)]
pub struct Provider(config::Network);

impl Provider {
    /// A provider for that configuration.
    pub fn new(config: config::Network) -> Self {
        Self(config)
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

    async fn call(&self, action: &'static str, port: Port, network: Network) -> Result<(), NetworkError> {
        match &self.0 {
            config::Network::Static => Ok(()),
            config::Network::Hook { command, arguments, .. } => {
                let call = hook::Call { action, server_id: port.server_id, mac: port.mac, network };
                hook::run(command, arguments, &call, self.0.deadline()).await
            }
        }
    }
}
