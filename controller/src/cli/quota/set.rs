//! `billet quota set`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::ProjectId;
use clap::Args;
use reqwest::Method;
use serde_json::json;

/// The arguments.
#[derive(Debug, Args)]
pub struct Set {
    /// The project
    #[arg(value_name = "PROJECT")]
    whom: ProjectId,
    /// Instances at most
    #[arg(long)]
    instances: Option<u32>,
    /// Addresses at most
    #[arg(long)]
    addresses: Option<u32>,
    /// Images at most
    #[arg(long)]
    images: Option<u32>,
    /// VPCs at most
    #[arg(long)]
    vpcs: Option<u32>,
    /// Subnets at most
    #[arg(long)]
    subnets: Option<u32>,
}

impl Set {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let body = json!({
            "instances": self.instances,
            "addresses": self.addresses,
            "images": self.images,
            "vpcs": self.vpcs,
            "subnets": self.subnets,
        });
        let place = Place::Operators(&["projects", self.whom.as_str(), "quota"]);
        let answer = client.order(Method::PUT, place, &body).await?;
        document::print(console, &answer, "done")
    }
}
