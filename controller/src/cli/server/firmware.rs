//! `billet server firmware`.

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
pub struct Firmware {
    /// The server's id
    id: ServerId,
}

impl Firmware {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client.document(Place::Project(&["physicalservers", &id, "firmware-attributes"]), &[]).await?;
        document::print(console, &answer, "done")
    }
}
