//! `billet instance tag`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::InstanceId;
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

/// The arguments.
#[derive(Debug, Args)]
pub struct Tag {
    /// The instance's id
    id: InstanceId,
    /// What it is to be labelled with
    #[arg(required = true, num_args = 1..=20, value_name = "KEY=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,
}

impl Tag {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let tags: Vec<Value> = self.tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        let place = Place::Project(&["instances", &id, "tags", "create"]);
        let answer = client.order(Method::POST, place, &json!({ "tags": tags })).await?;
        document::print(console, &answer, "done")
    }
}

/// `KEY=VALUE`; only the first `=` counts.
pub(in crate::cli) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("'{text}' is not KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}
