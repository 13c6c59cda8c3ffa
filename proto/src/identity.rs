//! The file that gives one boot of one server its identity. The agent serves it once, as an initrd
//! beside the ramdisk; it lies at [`PATH`] inside the initramfs and never on the kernel command line.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where the ramdisk finds it.
pub const PATH: &str = "/billet-identity.json";

/// One boot's identity.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootIdentity {
    /// The server that this boot is for.
    pub server_id: crate::ServerId,
    /// Single-use secret that enlists.
    pub boot_token: String,
    /// `ADDRESS:PORT` of the agent's gRPC service on the provisioning network.
    pub agent: String,
    /// Name to verify in the agent's certificate.
    pub agent_name: String,
    /// PEM of the certificate authority that the agent's certificate must chain to.
    pub ca_pem: String,
    /// The agent's clock when the file was served, in milliseconds since 1970-01-01 UTC.
    pub unix_time_ms: u64,
    /// NIC that the server boots from, to be configured by DHCP's answer repeated here.
    pub nic: ProvisioningNic,
}

/// How the ramdisk configures the NIC it was booted from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvisioningNic {
    /// Which NIC.
    pub mac: crate::MacAddr,
    /// Its address on the provisioning network.
    pub address: std::net::Ipv4Addr,
    /// Prefix length, 1 to 32 bits.
    pub prefix_length: u8,
}

impl fmt::Debug for BootIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BootIdentity")
            .field("server_id", &self.server_id)
            .field("agent", &self.agent)
            .field("nic", &self.nic)
            .finish_non_exhaustive()
    }
}
