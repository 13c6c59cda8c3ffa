//! `billet instance retry`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    error::CliError,
};
use billet_proto::InstanceId;
use clap::Args;
use reqwest::Method;
use serde_json::json;

/// The arguments.
#[derive(Debug, Args)]
pub struct Retry {
    /// The instance's id
    id: InstanceId,
}

impl Retry {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client.order(Method::POST, Place::Operators(&["instances", &id, "retry"]), &json!({})).await?;
        console.result(&answer, || format!("instance {id} is tried once more"))
    }
}
