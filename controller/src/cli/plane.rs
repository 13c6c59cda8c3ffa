//! `billet plane`.

mod create;
mod delete;
mod list;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with the parameter plane.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Give a rail its subnet
    Create(create::Create),
    /// Show the subnets of all rails
    List(list::List),
    /// Take a rail's subnet away
    Delete(delete::Delete),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When a call does not succeed, or nobody takes the result.
    pub async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        match self {
            Self::Create(verb) => verb.run(client, console).await,
            Self::List(verb) => verb.run(client, console).await,
            Self::Delete(verb) => verb.run(client, console).await,
        }
    }
}
