//! `billet server hardware`.

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
pub struct Hardware {
    /// The server's id
    id: ServerId,
}

impl Hardware {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client.document(Place::Project(&["physicalservers", &id, "hardware-attributes"]), &[]).await?;
        document::print(console, &answer, "done")
    }
}
