//! VPCs and subnets.

use super::{Client, ClientError};
use crate::addresses::Cidr;
use billet_proto::{SubnetId, VpcId};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// A project's network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Vpc {
    /// UUIDv7.
    pub id: VpcId,
    /// For people.
    pub name: String,
    /// Such as `10.0.0.0/16`.
    pub cidr: String,
    /// `OK`.
    pub status: String,
    /// RFC 3339.
    pub created_at: String,
}

/// What a VPC shall be.
#[derive(Debug, Clone, Serialize)]
pub struct NewVpc {
    /// 1 to 64 characters.
    pub name: String,
    /// All of its addresses.
    pub cidr: Cidr,
}

/// A part of a VPC.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Subnet {
    /// UUIDv7.
    pub id: SubnetId,
    /// For people.
    pub name: String,
    /// Such as `10.0.1.0/24`.
    pub cidr: String,
    /// The default route of its instances.
    pub gateway_ip: Ipv4Addr,
    /// Where it lies.
    pub vpc_id: VpcId,
    /// Name servers of its instances.
    #[serde(default)]
    pub dns_nameservers: Vec<Ipv4Addr>,
    /// Never given to an instance.
    #[serde(default)]
    pub reserved_addresses: Vec<Ipv4Addr>,
    /// `ACTIVE`.
    pub status: String,
    /// RFC 3339.
    pub created_at: String,
}

/// What a subnet shall be.
#[derive(Debug, Clone, Serialize)]
pub struct NewSubnet {
    /// 1 to 64 characters.
    pub name: String,
    /// Inside the VPC's.
    pub cidr: Cidr,
    /// Inside the subnet.
    pub gateway_ip: Ipv4Addr,
    /// Where it lies.
    pub vpc_id: VpcId,
    /// At most 3.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns_nameservers: Vec<Ipv4Addr>,
    /// Never given to an instance, at most 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reserved_addresses: Vec<Ipv4Addr>,
}

#[derive(Serialize, Deserialize)]
struct OneVpc<T> {
    vpc: T,
}

#[derive(Deserialize)]
struct Vpcs {
    vpcs: Vec<Vpc>,
}

#[derive(Serialize, Deserialize)]
struct OneSubnet<T> {
    subnet: T,
}

#[derive(Deserialize)]
struct Subnets {
    subnets: Vec<Subnet>,
}

impl Client {
    /// Makes a VPC.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn create_vpc(&self, vpc: &NewVpc) -> Result<Vpc, ClientError> {
        let url = self.project_url(&["vpcs"])?;
        self.send::<OneVpc<Vpc>>(Method::POST, url, &OneVpc { vpc }).await.map(|answer| answer.vpc)
    }

    /// All VPCs of the project.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn vpcs(&self) -> Result<Vec<Vpc>, ClientError> {
        self.get::<Vpcs>(self.project_url(&["vpcs"])?).await.map(|answer| answer.vpcs)
    }

    /// Makes a subnet.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn create_subnet(&self, subnet: &NewSubnet) -> Result<Subnet, ClientError> {
        let url = self.project_url(&["subnets"])?;
        self.send::<OneSubnet<Subnet>>(Method::POST, url, &OneSubnet { subnet }).await.map(|answer| answer.subnet)
    }

    /// All subnets of the project, or of one VPC.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn subnets(&self, vpc: Option<VpcId>) -> Result<Vec<Subnet>, ClientError> {
        let mut url = self.project_url(&["subnets"])?;
        if let Some(vpc) = vpc {
            url.query_pairs_mut().append_pair("vpc_id", &vpc.to_string());
        }
        self.get::<Subnets>(url).await.map(|answer| answer.subnets)
    }
}
