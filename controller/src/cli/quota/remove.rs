//! `billet quota remove`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::ProjectId;
use clap::Args;
use reqwest::Method;
use serde_json::Value;

/// The arguments.
#[derive(Debug, Args)]
pub struct Remove {
    /// The project
    #[arg(value_name = "PROJECT")]
    whom: ProjectId,
}

impl Remove {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let place = Place::Operators(&["projects", self.whom.as_str(), "quota"]);
        let answer = client.order(Method::DELETE, place, &Value::Null).await?;
        document::print(console, &answer, "it has every project's quota again")
    }
}
