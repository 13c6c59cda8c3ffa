//! `billet image delete`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::ImageId;
use clap::Args;
use reqwest::Method;
use serde_json::Value;

/// The arguments.
#[derive(Debug, Args)]
pub struct Delete {
    /// The image's id
    id: ImageId,
}

impl Delete {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client.order(Method::DELETE, Place::Project(&["images", &id]), &Value::Null).await?;
        document::print(console, &answer, "deleted")
    }
}
