//! `billet server inspect`.

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
pub struct Inspect {
    /// The server's id
    id: ServerId,
    /// Power it off first where it is on
    #[arg(long)]
    allow_reset: bool,
}

impl Inspect {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client
            .order(
                Method::POST,
                Place::Operators(&["servers", &id, "inspect"]),
                &json!({ "allow_reset": self.allow_reset }),
            )
            .await?;
        document::print(console, &answer, "done")
    }
}
