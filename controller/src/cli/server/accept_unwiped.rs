//! `billet server accept-unwiped`.

use super::list;
use crate::cli::{client::Client, console::Console, error::CliError};
use billet_proto::ServerId;
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct AcceptUnwiped {
    /// The server's id
    id: ServerId,
}

impl AcceptUnwiped {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let server = client.accept_unwiped(self.id).await?;
        console.result(&server, || list::render(std::slice::from_ref(&server)))
    }
}
