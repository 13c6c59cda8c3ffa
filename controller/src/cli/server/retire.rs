//! `billet server retire`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::ServerId;
use clap::Args;
use reqwest::Method;
use serde_json::Value;

/// The arguments.
#[derive(Debug, Args)]
pub struct Retire {
    /// The server's id
    id: ServerId,
}

impl Retire {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client.order(Method::DELETE, Place::Operators(&["servers", &id]), &Value::Null).await?;
        document::print(console, &answer, "forgotten")
    }
}
