//! `billet server cancel`.

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
pub struct Cancel {
    /// The server's id
    id: ServerId,
}

impl Cancel {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client.order(Method::POST, Place::Operators(&["servers", &id, "cancel"]), &json!({})).await?;
        document::print(console, &answer, "given up")
    }
}
