//! `billet vpc show`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::VpcId;
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct Show {
    /// The vpc's id
    id: VpcId,
}

impl Show {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client.document(Place::Project(&["vpcs", &id]), &[]).await?;
        document::print(console, &answer, "done")
    }
}
