//! `billet audit`.

mod list;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show who did what, the newest first
    List(list::List),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When a call does not succeed, or nobody takes the result.
    pub async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        match self {
            Self::List(verb) => verb.run(client, console).await,
        }
    }
}
