//! The body that gives a rail its subnet.

use super::{
    Problems,
    fields::{Fault, Fields, body, kind, typed},
    network::{address, addresses, is_host},
};
use crate::addresses::Cidr;
use serde_json::Value;
use std::{net::Ipv4Addr, ops::RangeInclusive};

/// As of a NIC's role.
const RAILS: RangeInclusive<u64> = 0..=63;
/// RoCE v2's packets carry up to 4096 bytes beside their headers: 4200 is enough for them, and 9000 is what switches of
/// such networks are set to. From the least of IPv6 to the most of usual hardware.
const MTUS: RangeInclusive<u64> = 1280..=9216;
const DEFAULT_MTU: u32 = 9000;
const MAX_RESERVED: usize = 16;

/// A request for a subnet of the parameter plane; that the rail has none and no other overlaps is seen where it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatePlaneSubnet {
    /// 0 to 63.
    pub rail: u32,
    /// A network that hosts may have.
    pub cidr: Cidr,
    /// A host's address in it.
    pub gateway: Option<Ipv4Addr>,
    /// 1280 to 9216; 9000 where none is given.
    pub mtu: u32,
    /// At most 16, inside `cidr`.
    pub reserved: Vec<Ipv4Addr>,
}

impl CreatePlaneSubnet {
    /// Reads a JSON body.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        let value = body(bytes)?;
        let mut problems = Problems::default();
        let parsed = Fields::new("", value, &mut problems).and_then(|mut fields| Self::read(&mut fields));
        match parsed {
            Some(request) if problems.is_empty() => Ok(request),
            _ => Err(problems),
        }
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let rail = fields.required("rail", |value| number(&value, RAILS));
        let cidr = fields.required("cidr", cidr);
        let gateway = fields.optional("gateway", address);
        let mtu = fields.optional("mtu", |value| number(&value, MTUS)).unwrap_or(DEFAULT_MTU);
        let reserved = fields.optional("reserved", |value| addresses(value, MAX_RESERVED)).unwrap_or_default();
        let cidr = cidr?;
        if let Some(gateway) = gateway.filter(|gateway| !is_host(cidr, *gateway)) {
            fields.refuse("gateway", Fault::new(format!("must be a host's address in {cidr}"), gateway));
        }
        if let Some(outside) = reserved.iter().find(|address| !cidr.contains(**address)) {
            fields.refuse("reserved", Fault::new(format!("must lie in {cidr}"), outside));
        }
        Some(Self { rail: rail?, cidr, gateway, mtu, reserved })
    }
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

fn number(value: &Value, range: RangeInclusive<u64>) -> Result<u32, Fault> {
    let rule = || format!("must be a whole number from {} to {}", range.start(), range.end());
    let Some(number) = value.as_u64() else {
        let given = if value.is_number() { value.to_string() } else { kind(value).to_owned() };
        return Err(Fault::new(rule(), given));
    };
    u32::try_from(number).ok().filter(|_| range.contains(&number)).ok_or_else(|| Fault::new(rule(), number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(changes: &[(&str, Value)]) -> Result<CreatePlaneSubnet, Problems> {
        let mut body = json!({"rail": 3, "cidr": "10.3.0.0/16"});
        for (field, value) in changes {
            body[field] = value.clone();
        }
        CreatePlaneSubnet::parse(body.to_string().as_bytes())
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let got = parse(&[]).unwrap();
        assert_eq!((got.rail, got.gateway, got.mtu, got.reserved), (3, None, 9000, vec![]));
        let got = parse(&[("gateway", json!("10.3.0.1")), ("mtu", json!(4200)), ("reserved", json!(["10.3.0.2"]))]);
        let got = got.unwrap();
        assert_eq!((got.gateway.unwrap().to_string(), got.mtu, got.reserved.len()), ("10.3.0.1".into(), 4200, 1));
    }

    #[test]
    fn each_rule_names_its_field() {
        for (field, value) in [
            ("rail", json!(64)),
            ("rail", json!(-1)),
            ("rail", json!(1.5)),
            ("rail", json!("1")),
            ("cidr", json!("10.3.0.1/16")),
            ("cidr", json!("127.0.0.0/24")),
            ("cidr", json!("169.254.3.0/24")),
            ("cidr", json!("240.0.0.0/8")),
            ("cidr", json!("0.0.0.0/1")),
            ("gateway", json!("10.4.0.1")),
            ("gateway", json!("10.3.255.255")),
            ("mtu", json!(1279)),
            ("mtu", json!(9217)),
            ("mtu", json!(4_294_967_296_u64)),
            ("reserved", json!(["10.4.0.1"])),
            ("reserved", json!(vec!["10.3.0.9"; 17])),
        ] {
            let problems = parse(&[(field, value.clone())]).unwrap_err();
            assert_eq!((problems.invalid.len(), problems.invalid[0].field.as_str()), (1, field), "{value}");
        }
        assert_eq!(CreatePlaneSubnet::parse(b"{}").unwrap_err().missing, ["rail", "cidr"]);
    }
}
