//! `billet address release`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use clap::Args;
use reqwest::Method;
use serde_json::Value;

/// The arguments.
#[derive(Debug, Args)]
pub struct Release {
    /// The id that `address reserve` gave
    id: String,
}

impl Release {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let place = Place::Project(&["privateips", &self.id]);
        let answer = client.order(Method::DELETE, place, &Value::Null).await?;
        document::print(console, &answer, "free")
    }
}
