//! `billet image show`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::ImageId;
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct Show {
    /// The image's id
    id: ImageId,
}

impl Show {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client.document(Place::Project(&["images", &id]), &[]).await?;
        document::print(console, &answer, "done")
    }
}
