//! `billet instance on`, `off` and `reboot`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::InstanceId;
use clap::Args;
use reqwest::Method;
use serde_json::json;

/// The arguments.
#[derive(Debug, Args)]
pub struct Power {
    /// The instances' ids
    #[arg(required = true, num_args = 1..=50, value_name = "ID")]
    ids: Vec<InstanceId>,
}

impl Power {
    pub(super) async fn run(self, action: &str, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let mut servers = Vec::with_capacity(self.ids.len());
        for id in self.ids {
            servers.push(client.instance(id).await?.server_id);
        }
        let body = json!({ "action": action, "server_id_set": servers });
        let answer = client.order(Method::PUT, Place::Project(&["physicalservers", "power-state"]), &body).await?;
        document::print(console, &answer, "done")
    }
}
