//! What a fleet is made of: one JSON file.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// NICs of a server: one for provisioning and the tenant, one for the tenant alone.
pub const NICS: usize = 2;

/// The fleet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// The controller's door for agents, `HOST:PORT`.
    pub link: String,
    /// Holds every agent's certificate.
    pub identities_dir: PathBuf,
    /// Delays and faults; read again whenever it changes.
    pub rules_file: PathBuf,
    /// The agents.
    pub agents: Vec<AgentPlan>,
}

/// One agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AgentPlan {
    /// Its name at the controller.
    pub name: String,
    /// Its servers.
    pub servers: Vec<MachinePlan>,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachinePlan {
    /// Its id.
    pub id: String,
    /// Its SMBIOS UUID.
    pub uuid: String,
    /// Its serial number.
    pub serial: String,
    /// By port.
    pub macs: Vec<String>,
    /// What is in it: 0 and up.
    pub number: u32,
}

impl MachinePlan {
    /// The server of that number: the same in every fleet.
    #[must_use]
    pub fn of_number(number: u32) -> Self {
        let [_, high, middle, low] = number.to_be_bytes();
        // Locally administered, in the range of virtual machines; the third octet counts the ports.
        let mac = |port: usize| format!("52:54:{port:02x}:{high:02x}:{middle:02x}:{low:02x}");
        Self {
            id: format!("019a0000-0000-7000-8000-{number:012x}"),
            uuid: format!("5e7e0000-0000-4000-8000-{number:012x}"),
            serial: format!("SIM{number:07}"),
            macs: (0..NICS).map(mac).collect(),
            number,
        }
    }
}

impl Plan {
    /// Shares `servers` out among `agents`, as evenly as can be.
    #[must_use]
    pub fn share(servers: u32, agents: u32) -> Vec<AgentPlan> {
        let named = |index: u32| AgentPlan {
            name: format!("sim{index}"),
            servers: (0..servers).filter(|n| n % agents == index).map(MachinePlan::of_number).collect(),
        };
        (0..agents).map(named).collect()
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display()))
    }

    /// Writes a plan.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes = serde_json::to_vec(self).context("write the fleet's plan")?;
        fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_server_of_a_fleet_is_a_machine_of_its_own_and_has_one_agent() {
        let agents = Plan::share(10_000, 250);
        assert!(agents.iter().all(|agent| agent.servers.len() == 40));
        let all: Vec<&MachinePlan> = agents.iter().flat_map(|agent| &agent.servers).collect();
        let ids: HashSet<&str> = all.iter().map(|server| server.id.as_str()).collect();
        let macs: HashSet<&str> = all.iter().flat_map(|server| server.macs.iter().map(String::as_str)).collect();
        assert_eq!((ids.len(), macs.len()), (10_000, 10_000 * NICS));
        assert!(ids.iter().all(|id| id.parse::<billet_proto::ServerId>().is_ok()));
    }
}
