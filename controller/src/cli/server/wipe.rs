//! `billet server wipe`.

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
pub struct Wipe {
    /// The server's id
    id: ServerId,
    /// How thoroughly; as the server's own policy where not given
    #[arg(long, value_parser = ["full", "metadata"])]
    policy: Option<String>,
}

impl Wipe {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client
            .order(Method::POST, Place::Operators(&["servers", &id, "wipe"]), &json!({ "policy": self.policy }))
            .await?;
        document::print(console, &answer, "done")
    }
}
