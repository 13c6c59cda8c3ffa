//! `/parameter-plane/subnets`, operators': one subnet for each rail of the accelerators' network.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod list;

use crate::store::record::PlaneSubnet;
use serde_json::{Value, json};

fn shown(subnet: &PlaneSubnet, in_use: u64) -> Value {
    let reserved: Vec<String> = subnet.reserved.iter().map(ToString::to_string).collect();
    json!({
        "id": subnet.id.to_string(),
        "rail": subnet.rail,
        "cidr": subnet.cidr.to_string(),
        "gateway": subnet.gateway.map(|gateway| gateway.to_string()),
        "mtu": subnet.mtu,
        "reserved": reserved,
        "in_use": in_use,
        "created_at": subnet.created_at.to_string(),
    })
}
