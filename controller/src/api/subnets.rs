//! `/v3/{p}/vpc/clouddcn-subnets`, the family's, and `/v1/{p}/subnets`, the same in ordinary subnets' place: parts of a
//! VPC that do not overlap.

pub(super) mod clouddcn;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod list;
pub(super) mod show;
pub(super) mod update;

use super::error::ApiError;
use crate::store::{Transaction, record::Subnet};
use billet_proto::ProjectId;
use serde_json::{Value, json};

/// Which of the two paths was called: bodies name the subnet after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrapper {
    pub(super) one: &'static str,
    pub(super) many: &'static str,
}

/// The family's.
pub(super) const CLOUDDCN: Wrapper = Wrapper { one: "clouddcn_subnet", many: "clouddcn_subnets" };
/// Ours.
pub(super) const PLAIN: Wrapper = Wrapper { one: "subnet", many: "subnets" };

/// A subnet of that project.
pub(super) fn find(tx: &mut dyn Transaction, project: &ProjectId, id: &str) -> Result<Subnet, ApiError> {
    let found = match id.parse() {
        Ok(id) => tx.subnet(id)?,
        Err(_) => None,
    };
    let found = found.filter(|subnet| subnet.project_id == *project);
    found.ok_or_else(|| ApiError::NotFound { what: "subnets", id: id.chars().take(64).collect() })
}

fn shown(subnet: &Subnet) -> Value {
    let texts = |addresses: &[std::net::Ipv4Addr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "id": subnet.id.to_string(),
        "name": subnet.name,
        "cidr": subnet.cidr.to_string(),
        "gateway_ip": subnet.gateway.to_string(),
        "vpc_id": subnet.vpc_id.to_string(),
        "project_id": subnet.project_id.as_str(),
        "dns_nameservers": texts(&subnet.dns),
        "reserved_addresses": texts(&subnet.reserved),
        "availability_zone": "",
        "tags": [],
        "status": "ACTIVE",
        "created_at": subnet.created_at.to_string(),
    })
}
