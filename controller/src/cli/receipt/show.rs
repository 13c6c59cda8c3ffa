//! `billet receipt show`.

use crate::cli::{client::Client, console::Console, error::CliError, text};
use billet_proto::InstanceId;
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct Show {
    /// The instance's id
    id: InstanceId,
    /// Print the signed form alone, for `billet receipt verify` or any JOSE library
    #[arg(long)]
    jws: bool,
}

impl Show {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let receipt = client.receipt(self.id).await?;
        if self.jws {
            return console.print(&text::plain(&receipt.jws));
        }
        // Its own JSON escapes control characters.
        console.result(&receipt, || format!("{:#}", receipt.receipt))
    }
}
