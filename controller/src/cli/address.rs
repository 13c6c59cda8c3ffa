//! `billet address`.

mod list;
mod release;
mod reserve;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with held addresses.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Hold addresses without an instance
    Reserve(reserve::Reserve),
    /// Show the addresses that the project holds
    List(list::List),
    /// Free an address that no instance has
    Release(release::Release),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When a call does not succeed, or nobody takes the result.
    pub async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        match self {
            Self::Reserve(verb) => verb.run(client, console).await,
            Self::List(verb) => verb.run(client, console).await,
            Self::Release(verb) => verb.run(client, console).await,
        }
    }
}
