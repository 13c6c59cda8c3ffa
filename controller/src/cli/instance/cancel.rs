//! `billet instance cancel`.

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
pub struct Cancel {
    /// The instance's id
    id: InstanceId,
}

impl Cancel {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client.order(Method::POST, Place::Operators(&["instances", &id, "cancel"]), &json!({})).await?;
        console.result(&answer, || format!("instance {id} is being given up"))
    }
}
