//! `billet vpc create`.

use super::list;
use crate::{
    addresses::Cidr,
    cli::{
        client::{Client, NewVpc},
        console::Console,
        error::CliError,
    },
};
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct Create {
    /// Name for people
    #[arg(long)]
    name: String,
    /// All addresses of the VPC, such as 10.20.0.0/16
    #[arg(long)]
    cidr: Cidr,
}

impl Create {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let vpc = client.create_vpc(&NewVpc { name: self.name, cidr: self.cidr }).await?;
        console.result(&vpc, || list::render(std::slice::from_ref(&vpc)))
    }
}
