//! `billet subnet update`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::SubnetId;
use clap::Args;
use reqwest::Method;
use serde_json::json;
use std::net::Ipv4Addr;

/// The arguments.
#[derive(Debug, Args)]
pub struct Update {
    /// The subnet's id
    id: SubnetId,
    /// Another name
    #[arg(long)]
    name: Option<String>,
    /// Other name servers of instances that are installed from now on (repeat for more)
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<Ipv4Addr>,
}

impl Update {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let dns = (!self.dns.is_empty()).then_some(self.dns);
        let body = json!({ "subnet": { "name": self.name, "dns_nameservers": dns } });
        let answer = client.order(Method::PUT, Place::Project(&["subnets", &id]), &body).await?;
        document::print(console, &answer, "done")
    }
}
