//! `billet subnet list`.

use crate::cli::{
    client::{Client, Subnet},
    console::Console,
    error::CliError,
    table,
};
use billet_proto::VpcId;
use clap::Args;
use std::net::Ipv4Addr;

/// The arguments.
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this VPC
    #[arg(long, value_name = "ID")]
    vpc: Option<VpcId>,
}

impl List {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let subnets = client.subnets(self.vpc).await?;
        console.result(&subnets, || render(&subnets))
    }
}

pub(super) fn render(subnets: &[Subnet]) -> String {
    table::render(
        ["ID", "NAME", "CIDR", "GATEWAY", "DNS", "RESERVED", "VPC", "CREATED"],
        subnets.iter().map(|subnet| {
            [
                subnet.id.to_string(),
                subnet.name.clone(),
                subnet.cidr.clone(),
                subnet.gateway_ip.to_string(),
                joined(&subnet.dns_nameservers),
                joined(&subnet.reserved_addresses),
                subnet.vpc_id.to_string(),
                subnet.created_at.clone(),
            ]
        }),
    )
}

fn joined(addresses: &[Ipv4Addr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
