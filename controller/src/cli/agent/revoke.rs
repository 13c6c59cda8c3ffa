//! `billet agent revoke`.

use super::list::render;
use crate::cli::{client::Client, console::Console, error::CliError};
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct Revoke {
    /// Name of the agent
    name: String,
}

impl Revoke {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let agent = client.revoke_agent(&self.name).await?;
        if !console.json() {
            console.note(&format!(
                "Agent '{0}' is not answered any more. To let it in again: remove agent.pem and agent.key from its state \
                 folder, and give it a new token of `billet agent enroll --name {0}`.",
                agent.name
            ));
        }
        console.result(&agent, || render(std::slice::from_ref(&agent)))
    }
}
