//! `billet server untag`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::ServerId;
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

/// The arguments.
#[derive(Debug, Args)]
pub struct Untag {
    /// The server's id
    id: ServerId,
    /// Which labels go
    #[arg(required = true, num_args = 1..=20, value_name = "KEY")]
    keys: Vec<String>,
}

impl Untag {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let tags: Vec<Value> = self.keys.iter().map(|key| json!({ "key": key })).collect();
        let place = Place::Project(&["physicalservers", &id, "tags", "delete"]);
        let answer = client.order(Method::POST, place, &json!({ "tags": tags })).await?;
        document::print(console, &answer, "done")
    }
}
