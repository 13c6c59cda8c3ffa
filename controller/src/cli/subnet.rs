//! `billet subnet`.

mod create;
mod delete;
mod list;
mod show;
mod update;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with subnets.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a subnet in a VPC
    Create(create::Create),
    /// Show the subnets of the project or of one VPC
    List(list::List),
    /// Show one subnet
    Show(show::Show),
    /// Change a subnet
    Update(update::Update),
    /// Delete a subnet that nothing uses
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
            Self::Show(verb) => verb.run(client, console).await,
            Self::Update(verb) => verb.run(client, console).await,
            Self::Delete(verb) => verb.run(client, console).await,
        }
    }
}
