//! `billet address list`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::SubnetId;
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this subnet
    #[arg(long, value_name = "ID")]
    subnet: Option<SubnetId>,
}

impl List {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let query: Vec<(&str, String)> = self.subnet.iter().map(|id| ("subnet_id", id.to_string())).collect();
        let answer = client.document(Place::Project(&["privateips"]), &query).await?;
        document::print(console, &answer, "done")
    }
}
