//! `billet server offboard`.

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
pub struct Offboard {
    /// The server's id
    id: ServerId,
}

impl Offboard {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client.order(Method::POST, Place::Operators(&["servers", &id, "offboard"]), &json!({})).await?;
        document::print(console, &answer, "done")
    }
}
