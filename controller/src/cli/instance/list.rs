//! `billet instance list`.

use crate::cli::{
    client::{Client, Instance},
    console::Console,
    error::CliError,
    table,
};
use clap::Args;

/// No arguments of its own.
#[derive(Debug, Args)]
pub struct List {}

impl List {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let instances = client.instances().await?;
        console.result(&instances, || render(&instances))
    }
}

fn render(instances: &[Instance]) -> String {
    table::render(
        ["ID", "NAME", "STATE", "PHASE", "ADDRESSES", "SERVER", "CREATED"],
        instances.iter().map(|instance| {
            [
                instance.id.to_string(),
                instance.name.clone(),
                instance.state.clone(),
                instance.phase.clone(),
                instance.addresses(),
                instance.server_id.clone(),
                instance.created_at.clone(),
            ]
        }),
    )
}
