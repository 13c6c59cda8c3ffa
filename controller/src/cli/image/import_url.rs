//! `billet image import-url`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use clap::Args;
use reqwest::Method;
use serde_json::json;

/// The arguments.
#[derive(Debug, Args)]
pub struct ImportUrl {
    /// From where the controller fetches the raw image
    url: String,
    /// Name for people
    #[arg(long)]
    name: String,
    /// Kind of operating system
    #[arg(long, default_value = "Linux", value_parser = ["Linux", "Windows", "Other"])]
    os_type: String,
    /// The SHA-256 that it must have, in hex
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// For every project; operators only
    #[arg(long)]
    shared: bool,
}

impl ImportUrl {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let body = json!({
            "url": self.url,
            "name": self.name,
            "os_type": self.os_type,
            "sha256": self.sha256,
            "shared": self.shared,
        });
        let answer = client.order(Method::POST, Place::Project(&["images", "import-url"]), &body).await?;
        document::print(console, &answer, "it is being fetched")
    }
}
