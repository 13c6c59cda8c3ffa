//! `billet agent list`.

use crate::cli::{
    client::{Agent, Client},
    console::Console,
    error::CliError,
    table, text,
};
use clap::Args;

/// No arguments of its own.
#[derive(Debug, Args)]
pub struct List {}

impl List {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let agents = client.agents().await?;
        console.result(&agents, || render(&agents))
    }
}

pub(super) fn render(agents: &[Agent]) -> String {
    table::render(
        ["ID", "NAME", "ONLINE", "JOINED", "REVOKED"],
        agents.iter().map(|agent| {
            let online = text::yes_no(agent.online).to_owned();
            let revoked = agent.revoked_at.clone().unwrap_or_default();
            [agent.id.to_string(), agent.name.clone(), online, agent.joined_at.clone(), revoked]
        }),
    )
}
