//! The bodies that make networks.

use super::{
    Problems,
    fields::{Fault, Fields, array, body, id, kind, plain_text, typed},
};
use crate::addresses::Cidr;
use billet_proto::{SubnetId, VpcId};
use serde_json::Value;
use std::net::Ipv4Addr;

const MAX_NAME_CHARS: usize = 64;
const MAX_DNS: usize = 3;
const MAX_RESERVED: usize = 16;
/// Addresses held by one call.
const MAX_HELD: usize = 100;

/// The family's ranges for a VPC, and the shortest prefix in each; the longest is that of a subnet.
const RANGES: [(Ipv4Addr, u8); 3] =
    [(Ipv4Addr::new(10, 0, 0, 0), 8), (Ipv4Addr::new(172, 16, 0, 0), 12), (Ipv4Addr::new(192, 168, 0, 0), 16)];
const MAX_PREFIX: u8 = 28;

/// A request for a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateVpc {
    /// 1 to 64 characters.
    pub name: String,
    /// All its subnets lie in it.
    pub cidr: Cidr,
}

/// What is to change of a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateVpc {
    /// 1 to 64 characters.
    pub name: Option<String>,
    /// Must hold its subnets.
    pub cidr: Option<Cidr>,
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

/// What is to change of a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateSubnet {
    /// 1 to 64 characters.
    pub name: Option<String>,
    /// At most 3.
    pub dns: Option<Vec<Ipv4Addr>>,
}

/// An address that a project wants to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldAddress {
    /// Where.
    pub subnet_id: SubnetId,
    /// None: any.
    pub address: Option<Ipv4Addr>,
}

impl CreateVpc {
    /// Reads a JSON body `{"vpc": {…}}`.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        wrapped(bytes, "vpc", |fields| {
            let name = fields.required("name", name);
            let cidr = fields.required("cidr", vpc_cidr);
            Some(Self { name: name?, cidr: cidr? })
        })
    }
}

impl UpdateVpc {
    /// Reads a JSON body `{"vpc": {…}}`; what is absent stays.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        wrapped(bytes, "vpc", |fields| {
            let name = fields.optional("name", name);
            let cidr = fields.optional("cidr", vpc_cidr);
            Some(Self { name, cidr })
        })
    }
}

impl CreateSubnet {
    /// Reads a JSON body `{WRAPPER: {…}}`.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8], wrapper: &str) -> Result<Self, Problems> {
        wrapped(bytes, wrapper, |fields| {
            let name = fields.required("name", name);
            let cidr = fields.required("cidr", subnet_cidr);
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

impl UpdateSubnet {
    /// Reads a JSON body `{WRAPPER: {…}}`; what is absent stays. What cannot change is refused rather than ignored.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8], wrapper: &str) -> Result<Self, Problems> {
        wrapped(bytes, wrapper, |fields| {
            let name = fields.optional("name", name);
            let dns = fields.optional("dns_nameservers", |value| addresses(value, MAX_DNS));
            for fixed in ["cidr", "gateway_ip", "vpc_id", "reserved_addresses"] {
                if let Some(given) = fields.take(fixed) {
                    fields.refuse(fixed, Fault::new("cannot be changed", kind(&given)));
                }
            }
            Some(Self { name, dns })
        })
    }
}

impl HoldAddress {
    /// Reads a JSON body `{"privateips": [{…}]}`.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8]) -> Result<Vec<Self>, Problems> {
        let value = body(bytes)?;
        let mut problems = Problems::default();
        let items = Fields::new("", value, &mut problems)
            .and_then(|mut fields| fields.required("privateips", |value| array(value, 1, MAX_HELD)));
        let mut wanted = Vec::new();
        for (index, item) in items.unwrap_or_default().into_iter().enumerate() {
            let Some(mut fields) = Fields::new(&format!("privateips[{index}]"), item, &mut problems) else { continue };
            let subnet_id = fields.required("subnet_id", id);
            // As for an instance's NIC: blank is any.
            let address = fields.optional("ip_address", |value| match value.as_str() {
                Some("") => Ok(None),
                _ => address(value).map(Some),
            });
            wanted.extend(subnet_id.map(|subnet_id| Self { subnet_id, address: address.flatten() }));
        }
        if problems.is_empty() { Ok(wanted) } else { Err(problems) }
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

/// The family's: a private range (RFC 1918), or a part of one.
fn vpc_cidr(value: Value) -> Result<Cidr, Fault> {
    let cidr = subnet_cidr(value)?;
    let inside = |(network, shortest): (Ipv4Addr, u8)| {
        cidr.prefix_length() >= shortest
            && cidr.network().to_bits() >> (32 - shortest) == network.to_bits() >> (32 - shortest)
    };
    if RANGES.into_iter().any(inside) {
        return Ok(cidr);
    }
    Err(Fault::new("must lie in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16", cidr))
}

fn subnet_cidr(value: Value) -> Result<Cidr, Fault> {
    let cidr: Cidr = typed("must be an IPv4 network like 10.20.0.0/24 (host bits zero)")(value)?;
    if cidr.prefix_length() > MAX_PREFIX {
        return Err(Fault::new(format!("must have a prefix of at most {MAX_PREFIX} bits"), cidr));
    }
    Ok(cidr)
}

/// An IPv4 address.
pub(super) fn address(value: Value) -> Result<Ipv4Addr, Fault> {
    typed("must be an IPv4 address like 10.20.0.1")(value)
}

pub(super) fn addresses(value: Value, max: usize) -> Result<Vec<Ipv4Addr>, Fault> {
    array(value, 0, max)?.into_iter().map(address).collect()
}

/// Whether a host may have it.
pub(super) fn is_host(cidr: Cidr, address: Ipv4Addr) -> bool {
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
        CreateSubnet::parse(body.to_string().as_bytes(), "subnet")
    }

    #[test]
    fn a_vpc_has_a_name_and_a_part_of_a_private_range() {
        for (name, cidr, good) in [
            ("a", "10.0.0.0/8", true),
            ("a", "10.0.0.0/28", true),
            ("a", "172.16.0.0/12", true),
            ("a", "172.31.255.240/28", true),
            ("a", "192.168.0.0/16", true),
            ("a", "10.0.0.0/7", false),
            ("a", "10.0.0.0/29", false),
            ("a", "172.16.0.0/11", false),
            ("a", "172.32.0.0/16", false),
            ("a", "192.168.0.0/15", false),
            ("a", "192.169.0.0/16", false),
            ("a", "100.64.0.0/10", false),
            ("a", "8.8.8.0/24", false),
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

    #[test]
    fn a_subnets_prefix_has_at_most_28_bits() {
        let got = subnet("cidr", json!("10.20.0.0/29")).unwrap_err();
        assert_eq!(
            got.to_string(),
            "invalid or unsupported value: subnet.cidr must have a prefix of at most 28 bits, not '10.20.0.0/29'"
        );
        let given = json!({"clouddcn_subnet": {"name": ""}}).to_string();
        assert_eq!(
            CreateSubnet::parse(given.as_bytes(), "clouddcn_subnet").unwrap_err().invalid[0].field,
            "clouddcn_subnet.name"
        );
    }

    #[test]
    fn an_update_takes_what_can_change_and_refuses_the_rest() {
        let update = |inner: Value| UpdateSubnet::parse(json!({ "subnet": inner }).to_string().as_bytes(), "subnet");
        let dns = vec!["10.20.0.9".parse().unwrap()];
        assert_eq!(
            update(json!({"name": "a", "dns_nameservers": ["10.20.0.9"]})),
            Ok(UpdateSubnet { name: Some("a".into()), dns: Some(dns) })
        );
        assert_eq!(update(json!({})), Ok(UpdateSubnet { name: None, dns: None }));
        for fixed in ["cidr", "gateway_ip", "vpc_id", "reserved_addresses"] {
            assert_eq!(update(json!({ fixed: "x" })).unwrap_err().invalid[0].field, format!("subnet.{fixed}"));
        }
        let vpc = UpdateVpc::parse(br#"{"vpc": {"name": "", "cidr": "8.0.0.0/8"}}"#).unwrap_err();
        assert_eq!(vpc.invalid.len(), 2);
    }

    #[test]
    fn an_address_to_hold_is_named_or_blank() {
        let parse = |items: Value| HoldAddress::parse(json!({ "privateips": items }).to_string().as_bytes());
        let wanted = parse(json!([
            {"subnet_id": ID}, {"subnet_id": ID, "ip_address": ""}, {"subnet_id": ID, "ip_address": "10.20.0.9"}
        ]));
        let addresses: Vec<_> = wanted.unwrap().into_iter().map(|wanted| wanted.address).collect();
        assert_eq!(addresses, [None, None, Some("10.20.0.9".parse().unwrap())]);
        assert_eq!(parse(json!([])).unwrap_err().invalid[0].field, "privateips");
        assert_eq!(parse(json!([{}])).unwrap_err().missing, ["privateips[0].subnet_id"]);
        assert_eq!(parse(json!([{"subnet_id": "x"}])).unwrap_err().invalid[0].field, "privateips[0].subnet_id");
        let problems = parse(json!([{"subnet_id": ID, "ip_address": "10.20.0.256"}])).unwrap_err();
        assert_eq!(problems.invalid[0].field, "privateips[0].ip_address");
        assert_eq!(parse(json!(vec![json!({"subnet_id": ID}); 101])).unwrap_err().invalid[0].field, "privateips");
    }
}
