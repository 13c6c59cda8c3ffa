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

fn render(agents: &[Agent]) -> String {
    table::render(
        ["ID", "NAME", "ONLINE", "JOINED"],
        agents.iter().map(|agent| {
            [agent.id.to_string(), agent.name.clone(), text::yes_no(agent.online).to_owned(), agent.joined_at.clone()]
        }),
    )
}
