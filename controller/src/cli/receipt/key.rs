//! `billet receipt key`.

use crate::cli::{client::Client, console::Console, error::CliError};
use clap::Args;

/// No arguments of its own.
#[derive(Debug, Args)]
pub struct Key {}

impl Key {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let key = client.receipt_key().await?;
        console.document(&key)
    }
}
