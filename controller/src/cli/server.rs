//! `billet server`.

mod accept_unwiped;
mod list;
mod register;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with servers.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show the servers that the project may see
    List(list::List),
    /// Give the operator's word for a server, or change it
    Register(register::Register),
    /// Give a server that was not wiped back to the pool; its next tenant may read what the last one wrote
    AcceptUnwiped(accept_unwiped::AcceptUnwiped),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When a call does not succeed, or nobody takes the result.
    pub async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        match self {
            Self::List(verb) => verb.run(client, console).await,
            Self::Register(verb) => verb.run(client, console).await,
            Self::AcceptUnwiped(verb) => verb.run(client, console).await,
        }
    }
}
