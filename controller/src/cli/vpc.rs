//! `billet vpc`.

mod create;
mod delete;
mod list;
mod show;
mod update;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with VPCs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a VPC
    Create(create::Create),
    /// Show the project's VPCs
    List(list::List),
    /// Show one VPC
    Show(show::Show),
    /// Change a VPC
    Update(update::Update),
    /// Delete a VPC without subnets
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
