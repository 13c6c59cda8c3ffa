//! `billet server baseline`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::ServerId;
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct Baseline {
    /// The server's id
    id: ServerId,
}

impl Baseline {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client.document(Place::Operators(&["servers", &id, "baseline"]), &[]).await?;
        document::print(console, &answer, "done")
    }
}
