//! `billet quota`.

mod remove;
mod set;
mod show;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with quotas.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show what a project may have, and has
    Show(show::Show),
    /// Change what a project may have
    Set(set::Set),
    /// Give a project the quota that every project has
    Remove(remove::Remove),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When a call does not succeed, or nobody takes the result.
    pub async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        match self {
            Self::Show(verb) => verb.run(client, console).await,
            Self::Set(verb) => verb.run(client, console).await,
            Self::Remove(verb) => verb.run(client, console).await,
        }
    }
}
