//! `billet image share`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::ImageId;
use clap::Args;
use reqwest::Method;
use serde_json::json;

/// The arguments.
#[derive(Debug, Args)]
pub struct Share {
    /// The image's id
    id: ImageId,
    /// For the project alone again
    #[arg(long)]
    private: bool,
}

impl Share {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let body = json!({ "visibility": if self.private { "private" } else { "shared" } });
        let answer = client.order(Method::PUT, Place::Project(&["images", &id]), &body).await?;
        document::print(console, &answer, "done")
    }
}
