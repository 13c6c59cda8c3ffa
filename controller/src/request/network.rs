//! The bodies that make networks.

use super::{
    Problems,
    fields::{Fault, Fields, array, body, id, plain_text, typed},
};
use crate::addresses::Cidr;
use billet_proto::VpcId;
use serde_json::Value;
use std::net::Ipv4Addr;

const MAX_NAME_CHARS: usize = 64;
const MAX_DNS: usize = 3;
const MAX_RESERVED: usize = 16;

/// A request for a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateVpc {
    /// 1 to 64 characters.
    pub name: String,
    /// All its subnets lie in it.
    pub cidr: Cidr,
}

/// A request for a subnet; that its VPC exists, holds it and has room for it is seen where it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSubnet {
    /// 1 to 64 characters.
    pub name: String,
    /// Inside the VPC's.
    pub cidr: Cidr,
    /// Inside `cidr`, and neither its network nor its broadcast address.
    pub gateway: Ipv4Addr,
    /// Where it lies.
    pub vpc_id: VpcId,
    /// At most 3.
    pub dns: Vec<Ipv4Addr>,
    /// At most 16, inside `cidr`.
    pub reserved: Vec<Ipv4Addr>,
}

impl CreateVpc {
    /// Reads a JSON body `{"vpc": {…}}`.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        wrapped(bytes, "vpc", |fields| {
            let name = fields.required("name", name);
            let cidr = fields.required("cidr", cidr);
            Some(Self { name: name?, cidr: cidr? })
        })
    }
}

impl CreateSubnet {
    /// Reads a JSON body `{"subnet": {…}}`.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        wrapped(bytes, "subnet", |fields| {
            let name = fields.required("name", name);
            let cidr = fields.required("cidr", cidr);
            let gateway = fields.required("gateway_ip", address);
            let vpc_id = fields.required("vpc_id", id);
            let dns = fields.optional("dns_nameservers", |value| addresses(value, MAX_DNS)).unwrap_or_default();
            let reserved = fields.optional("reserved_addresses", |value| addresses(value, MAX_RESERVED));
            let (reserved, cidr) = (reserved.unwrap_or_default(), cidr?);
            if let Some(gateway) = gateway.filter(|gateway| !is_host(cidr, *gateway)) {
                fields.refuse("gateway_ip", Fault::new(format!("must be a host's address in {cidr}"), gateway));
            }
            if let Some(outside) = reserved.iter().find(|address| !cidr.contains(**address)) {
                fields.refuse("reserved_addresses", Fault::new(format!("must lie in {cidr}"), outside));
            }
            Some(Self { name: name?, cidr, gateway: gateway?, vpc_id: vpc_id?, dns, reserved })
        })
    }
}

fn wrapped<T>(bytes: &[u8], wrapper: &str, parse: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Problems> {
    let value = body(bytes)?;
    let mut problems = Problems::default();
    let inner = Fields::new("", value, &mut problems).and_then(|mut fields| fields.required(wrapper, Ok));
    let parsed = inner.and_then(|value| Fields::new(wrapper, value, &mut problems)).and_then(|mut f| parse(&mut f));
    match parsed {
        Some(request) if problems.is_empty() => Ok(request),
        _ => Err(problems),
    }
}

fn name(value: Value) -> Result<String, Fault> {
    plain_text(value, 1, MAX_NAME_CHARS)
}

/// A network that hosts may have: not "this network", loopback, link-local, multicast or reserved (RFC 6890 §2.2.2).
fn cidr(value: Value) -> Result<Cidr, Fault> {
    let cidr: Cidr = typed("must be an IPv4 network like 10.20.0.0/24 (host bits zero, prefix 1 to 30)")(value)?;
    let special = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"];
    for text in special {
        let network: Cidr = text.parse().expect("each of the four is a network");
        if network.overlaps(cidr) {
            return Err(Fault::new(format!("must not overlap {network}, which hosts do not have"), cidr));
        }
    }
    Ok(cidr)
}

fn address(value: Value) -> Result<Ipv4Addr, Fault> {
    typed("must be an IPv4 address like 10.20.0.1")(value)
}

fn addresses(value: Value, max: usize) -> Result<Vec<Ipv4Addr>, Fault> {
    array(value, 0, max)?.into_iter().map(address).collect()
}

fn is_host(cidr: Cidr, address: Ipv4Addr) -> bool {
    cidr.contains(address) && address != cidr.network() && address != cidr.broadcast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0198170e-4ca7-7000-8000-000000000001";

    fn subnet(field: &str, value: Value) -> Result<CreateSubnet, Problems> {
        let mut body = json!({"subnet": {
            "name": "front", "cidr": "10.20.0.0/24", "gateway_ip": "10.20.0.1", "vpc_id": ID
        }});
        body["subnet"][field] = value;
        CreateSubnet::parse(body.to_string().as_bytes())
    }

    #[test]
    fn a_vpc_has_a_name_and_a_network_that_hosts_may_have() {
        for (name, cidr, good) in [
            ("a", "10.0.0.0/8", true),
            ("a", "192.168.0.0/16", true),
            (&"é".repeat(64), "10.0.0.0/8", true),
            (&"é".repeat(65), "10.0.0.0/8", false),
            ("", "10.0.0.0/8", false),
            ("a\n", "10.0.0.0/8", false),
            ("a", "10.0.0.1/8", false),
            ("a", "0.0.0.0/1", false),
            ("a", "127.0.0.0/24", false),
            ("a", "169.254.3.0/24", false),
            ("a", "240.0.0.0/8", false),
        ] {
            let body = json!({"vpc": {"name": name, "cidr": cidr}});
            assert_eq!(CreateVpc::parse(body.to_string().as_bytes()).is_ok(), good, "{body}");
        }
        assert_eq!(CreateVpc::parse(b"{}").unwrap_err().missing, ["vpc"]);
        assert_eq!(CreateVpc::parse(b"{\"vpc\":{}}").unwrap_err().missing, ["vpc.name", "vpc.cidr"]);
    }

    #[test]
    fn a_subnets_gateway_is_a_hosts_address_and_its_lists_are_bounded() {
        let many = |n: usize| json!(vec!["10.20.0.9"; n]);
        for (field, value, good) in [
            ("gateway_ip", json!("10.20.0.254"), true),
            ("gateway_ip", json!("10.20.0.0"), false),
            ("gateway_ip", json!("10.20.0.255"), false),
            ("gateway_ip", json!("10.20.1.1"), false),
            ("dns_nameservers", many(3), true),
            ("dns_nameservers", many(4), false),
            ("dns_nameservers", json!(["x"]), false),
            ("reserved_addresses", many(16), true),
            ("reserved_addresses", many(17), false),
            ("reserved_addresses", json!(["10.21.0.1"]), false),
            ("vpc_id", json!("x"), false),
        ] {
            match (subnet(field, value.clone()), good) {
                (Ok(_), true) => {}
                (Err(problems), false) => assert_eq!(problems.invalid[0].field, format!("subnet.{field}")),
                (got, _) => panic!("{field} {value}: {got:?}"),
            }
        }
    }
}
