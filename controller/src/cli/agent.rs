//! `billet agent`.

mod enroll;
mod list;
mod replace;
mod revoke;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with agents.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Print a token that lets one agent join, once and within an hour
    Enroll(enroll::Enroll),
    /// Show all agents
    List(list::List),
    /// Make an agent's certificates count no more, and end its sessions
    Revoke(revoke::Revoke),
    /// Give the servers of a revoked agent, whose host is gone, to another
    Replace(replace::Replace),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When a call does not succeed, or nobody takes the result.
    pub async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        match self {
            Self::Enroll(verb) => verb.run(client, console).await,
            Self::List(verb) => verb.run(client, console).await,
            Self::Revoke(verb) => verb.run(client, console).await,
            Self::Replace(verb) => verb.run(client, console).await,
        }
    }
}
