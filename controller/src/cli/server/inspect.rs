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
    /// Take what it sees as what the server is like from now on: after an update of firmware, or a change of its BMC
    #[arg(long)]
    accept_baseline: bool,
}

impl Inspect {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let mut order = json!({ "allow_reset": self.allow_reset });
        if self.accept_baseline {
            order["accept_baseline"] = true.into();
        }
        let answer = client.order(Method::POST, Place::Operators(&["servers", &id, "inspect"]), &order).await?;
        document::print(console, &answer, "done")
    }
}
