//! `billet server register`.

use super::list;
use crate::cli::{
    client::{Client, Registration, Role},
    console::Console,
    error::CliError,
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
    /// What each NIC is for, in port order (repeat); those not named are tenants'
    #[arg(long, value_enum)]
    role: Vec<Role>,
    /// Clear another disk that could boot, rather than stop with an error
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    clear_other_bootable_disks: Option<bool>,
}

impl Register {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let word = Registration {
            agent_name: self.agent,
            project_id: if self.shared { Some(None) } else { self.whom.map(Some) },
            roles: self.role,
            clear_other_bootable_disks: self.clear_other_bootable_disks,
        };
        let server = client.register_server(self.id, &word).await?;
        console.result(&server, || list::render(std::slice::from_ref(&server)))
    }
}
