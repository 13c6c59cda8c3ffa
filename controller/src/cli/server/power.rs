//! `billet server on`, `off` and `reboot`.

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
pub struct Power {
    /// The servers' ids
    #[arg(required = true, num_args = 1..=50, value_name = "ID")]
    ids: Vec<ServerId>,
}

impl Power {
    pub(super) async fn run(self, action: &str, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let body = json!({ "action": action, "server_id_set": self.ids });
        let answer = client.order(Method::PUT, Place::Project(&["physicalservers", "power-state"]), &body).await?;
        document::print(console, &answer, "done")
    }
}
