//! `billet audit list`.

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
pub struct List {
    /// Only of this project
    #[arg(long = "of", value_name = "PROJECT")]
    whom: Option<ProjectId>,
    /// Only of this caller
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// Only what names this
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only this request
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl List {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let given = [
            ("project_id", self.whom.map(|id| id.to_string())),
            ("caller", self.caller),
            ("object", self.object),
            ("request_id", self.request_id),
            ("limit", Some(self.limit.to_string())),
        ];
        let query: Vec<(&str, String)> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let answer = client.document(Place::Operators(&["audit"]), &query).await?;
        document::print(console, &answer, "done")
    }
}
