//! `billet instance`.

mod create;
mod delete;
mod events;
mod list;
mod metadata;
mod nic;
mod password;
mod show;
mod wait;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with instances.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Install an operating system on a server
    Create(create::Create),
    /// Show the project's instances
    List(list::List),
    /// Show one instance
    Show(show::Show),
    /// Show what happened to an instance
    Events(events::Events),
    /// Release an instance and its server
    Delete(delete::Delete),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When a call does not succeed, what was waited for does not come, or nobody takes the result.
    pub async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        match self {
            Self::Create(verb) => Box::pin(verb.run(client, console)).await,
            Self::List(verb) => verb.run(client, console).await,
            Self::Show(verb) => verb.run(client, console).await,
            Self::Events(verb) => Box::pin(verb.run(client, console)).await,
            Self::Delete(verb) => Box::pin(verb.run(client, console)).await,
        }
    }
}
