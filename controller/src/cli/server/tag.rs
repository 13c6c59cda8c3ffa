//! `billet server tag`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
    instance::pair,
};
use billet_proto::ServerId;
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

/// The arguments.
#[derive(Debug, Args)]
pub struct Tag {
    /// The server's id
    id: ServerId,
    /// What it is to be labelled with
    #[arg(required = true, num_args = 1..=20, value_name = "KEY=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,
}

impl Tag {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let tags: Vec<Value> = self.tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        let place = Place::Project(&["physicalservers", &id, "tags", "create"]);
        let answer = client.order(Method::POST, place, &json!({ "tags": tags })).await?;
        document::print(console, &answer, "done")
    }
}
