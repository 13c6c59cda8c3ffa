//! `billet vpc update`.

use crate::{
    addresses::Cidr,
    cli::{
        client::{Client, Place},
        console::Console,
        document,
        error::CliError,
    },
};
use billet_proto::VpcId;
use clap::Args;
use reqwest::Method;
use serde_json::json;

/// The arguments.
#[derive(Debug, Args)]
pub struct Update {
    /// The vpc's id
    id: VpcId,
    /// Another name
    #[arg(long)]
    name: Option<String>,
    /// Another network, which holds its subnets too
    #[arg(long)]
    cidr: Option<Cidr>,
}

impl Update {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let answer = client
            .order(
                Method::PUT,
                Place::Project(&["vpcs", &id]),
                &json!({ "vpc": { "name": self.name, "cidr": self.cidr } }),
            )
            .await?;
        document::print(console, &answer, "done")
    }
}
