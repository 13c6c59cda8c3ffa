//! `billet agent replace`.

use crate::cli::{client::Client, console::Console, error::CliError};
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct Replace {
    /// Name of the agent whose host is gone; it must be revoked
    name: String,
    /// Name of the agent that takes its servers over
    #[arg(long)]
    by: String,
}

impl Replace {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let replaced = client.replace_agent(&self.name, &self.by).await?;
        if !console.json() && !replaced.busy.is_empty() {
            console.note(&format!(
                "{} of its servers have work in progress and stay as they are; ask again when that ended.",
                replaced.busy.len()
            ));
        }
        console.result(&replaced, || format!("{} servers are now of agent '{}'\n", replaced.moved.len(), self.by))
    }
}
