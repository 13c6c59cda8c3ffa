//! `billet receipt`.

mod key;
mod show;
mod verify;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with receipts.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show an instance's receipt, to be kept
    Show(show::Show),
    /// Show the key by which receipts are checked, to be kept
    Key(key::Key),
    /// Check a receipt, without the controller
    Verify(verify::Verify),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When a call does not succeed, a receipt is none, or nobody takes the result.
    pub async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        match self {
            Self::Show(verb) => verb.run(client, console).await,
            Self::Key(verb) => verb.run(client, console).await,
            Self::Verify(verb) => verb.run(console),
        }
    }

    /// What needs no controller, and so no settings; what does need one comes back.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_offline(self, console: &mut Console) -> Result<Option<Self>, CliError> {
        match self {
            Self::Verify(verb) => verb.run(console).map(|()| None),
            other => Ok(Some(other)),
        }
    }
}
