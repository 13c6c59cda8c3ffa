//! `billet image list`.

use crate::cli::{
    client::{Client, Image},
    console::Console,
    error::CliError,
    table, text,
};
use clap::Args;

/// No arguments of its own.
#[derive(Debug, Args)]
pub struct List {}

impl List {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let images = client.images().await?;
        console.result(&images, || render(&images))
    }
}

fn render(images: &[Image]) -> String {
    table::render(
        ["ID", "NAME", "OS", "SIZE", "FOR", "CREATED"],
        images.iter().map(|image| {
            let whom = image.project_id.clone().unwrap_or_else(|| "all projects".to_owned());
            let size = text::bytes(image.size_bytes);
            [image.id.to_string(), image.name.clone(), image.os_type.clone(), size, whom, image.created_at.clone()]
        }),
    )
}
