//! `billet quota show`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::ProjectId;
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct Show {
    /// The project; operators alone ask for another than their own
    #[arg(value_name = "PROJECT")]
    whom: Option<ProjectId>,
}

impl Show {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let answer = match self.whom {
            Some(id) => client.document(Place::Operators(&["projects", id.as_str(), "quota"]), &[]).await?,
            None => client.document(Place::Project(&["limits"]), &[]).await?,
        };
        document::print(console, &answer, "done")
    }
}
