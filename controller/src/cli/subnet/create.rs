//! `billet subnet create`.

use super::list;
use crate::{
    addresses::Cidr,
    cli::{
        client::{Client, NewSubnet},
        console::Console,
        error::CliError,
    },
};
use billet_proto::VpcId;
use clap::Args;
use std::net::Ipv4Addr;

/// The arguments.
#[derive(Debug, Args)]
pub struct Create {
    /// Name for people
    #[arg(long)]
    name: String,
    /// The VPC in which it lies
    #[arg(long, value_name = "ID")]
    vpc: VpcId,
    /// All addresses of the subnet, such as 10.20.1.0/24
    #[arg(long)]
    cidr: Cidr,
    /// Default route of its instances
    #[arg(long, value_name = "ADDRESS")]
    gateway: Ipv4Addr,
    /// Name server of its instances (repeat for more)
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<Ipv4Addr>,
    /// Address that no instance may get, such as a probe point's (repeat for more)
    #[arg(long, value_name = "ADDRESS")]
    reserve: Vec<Ipv4Addr>,
}

impl Create {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let new = NewSubnet {
            name: self.name,
            cidr: self.cidr,
            gateway_ip: self.gateway,
            vpc_id: self.vpc,
            dns_nameservers: self.dns,
            reserved_addresses: self.reserve,
        };
        let subnet = client.create_subnet(&new).await?;
        console.result(&subnet, || list::render(std::slice::from_ref(&subnet)))
    }
}
