//! `billet instance list`.

use crate::cli::{
    client::{Client, Instance},
    console::Console,
    error::CliError,
    table,
};
use billet_proto::ServerId;
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct List {
    /// Only those in this state
    #[arg(long, value_parser = ["pending", "running", "stopped", "shutting-down", "terminated", "error"])]
    state: Option<String>,
    /// Only those on this server (repeat for more)
    #[arg(long, value_name = "ID")]
    server: Vec<ServerId>,
}

impl List {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let instances = client.instances(self.state.as_deref(), &self.server).await?;
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
