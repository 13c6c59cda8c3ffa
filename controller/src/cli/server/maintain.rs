//! `billet server maintain`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::ServerId;
use clap::Args;
use reqwest::Method;
use serde_json::json;

/// The arguments.
#[derive(Debug, Args)]
pub struct Maintain {
    /// The server's id
    id: ServerId,
    /// Why; shown as long as it is out
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Maintain {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client
            .order(Method::POST, Place::Operators(&["servers", &id, "maintain"]), &json!({ "reason": self.reason }))
            .await?;
        document::print(console, &answer, "done")
    }
}
