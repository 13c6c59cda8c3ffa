//! `billet server register`.

use super::list;
use crate::{
    cli::{
        client::{Client, ClientError, Registration, Server},
        console::Console,
        error::CliError,
    },
    store::record::{Location, NicRole},
};
use billet_proto::{ProjectId, ServerId};
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct Register {
    /// The server's id, as in its agent's configuration
    id: ServerId,
    /// Name of the agent that may own it
    #[arg(long, value_name = "NAME")]
    agent: String,
    /// Keep it for this project
    #[arg(long = "for", value_name = "PROJECT")]
    whom: Option<ProjectId>,
    /// Put it back into the shared pool, where a new one is
    #[arg(long, conflicts_with = "whom")]
    shared: bool,
    /// What each NIC is for, in port order (repeat): vpc, provisioning, parameter-plane:RAIL; those not named are vpc
    #[arg(long)]
    role: Vec<NicRole>,
    /// Clear another disk that could boot, rather than stop with an error
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    clear_other_bootable_disks: Option<bool>,
    /// Name for people
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Where it stands: room, rack and unit
    #[arg(long, value_name = "DC/RACK/UNIT", value_parser = location)]
    location: Option<Location>,
    /// How it is wiped after an instance; metadata only for a server that is kept for a project
    #[arg(long, value_parser = ["full", "metadata"])]
    wipe_policy: Option<String>,
    /// The first inspection may power it off where it is on
    #[arg(long)]
    allow_reset: bool,
}

fn location(text: &str) -> Result<Location, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let [dc, rack, unit] = parts[..] else { return Err(format!("'{text}' is not DC/RACK/UNIT")) };
    Ok(Location { dc: dc.to_owned(), rack: rack.to_owned(), unit: unit.to_owned() })
}

impl Register {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let server = self.send(client).await?;
        console.result(&server, || list::render(std::slice::from_ref(&server)))
    }

    /// Gives the word, and answers with the server as it is then.
    pub(super) async fn send(self, client: &Client) -> Result<Server, ClientError> {
        let word = Registration {
            agent_name: self.agent,
            project_id: if self.shared { Some(None) } else { self.whom.map(Some) },
            roles: self.role,
            clear_other_bootable_disks: self.clear_other_bootable_disks,
            name: self.name,
            location: self.location,
            wipe_policy: self.wipe_policy,
            allow_reset: self.allow_reset,
        };
        client.register_server(self.id, &word).await
    }
}
