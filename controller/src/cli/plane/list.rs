//! `billet plane list`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct List {}

impl List {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let answer = client.document(Place::Operators(&["parameter-plane", "subnets"]), &[]).await?;
        document::print(console, &answer, "done")
    }
}
