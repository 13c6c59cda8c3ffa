//! `billet vpc list`.

use crate::cli::{
    client::{Client, Vpc},
    console::Console,
    error::CliError,
    table,
};
use clap::Args;

/// No arguments of its own.
#[derive(Debug, Args)]
pub struct List {}

impl List {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let vpcs = client.vpcs().await?;
        console.result(&vpcs, || render(&vpcs))
    }
}

pub(super) fn render(vpcs: &[Vpc]) -> String {
    table::render(
        ["ID", "NAME", "CIDR", "STATUS", "CREATED"],
        vpcs.iter().map(|vpc| {
            [vpc.id.to_string(), vpc.name.clone(), vpc.cidr.clone(), vpc.status.clone(), vpc.created_at.clone()]
        }),
    )
}
