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
    /// Your word that it is off and unplugged for good: its instance is terminated, and its addresses are free for others
    #[arg(long)]
    confirm_off: bool,
}

impl Offboard {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let body = if self.confirm_off { json!({ "confirm_off": true }) } else { json!({}) };
        let answer = client.order(Method::POST, Place::Operators(&["servers", &id, "offboard"]), &body).await?;
        document::print(console, &answer, "done")
    }
}
