//! A NIC of the order, or several that are one port, as typed values.

use super::super::InjectError;
use billet_proto::{
    MacAddr,
    link::{self, NicConfig, NicRole},
};
use std::net::Ipv4Addr;

/// Rails are 0 to this.
const LAST_RAIL: u32 = 63;
/// Routing table of the first rail; those of the kernel begin at 253.
const FIRST_TABLE: u32 = 100;
/// Priority of the first rail's source rule: before the main table's (32766).
const FIRST_PRIORITY: u32 = 1000;
/// Every IPv4 host takes 576 (RFC 1122 §3.3.2); no Ethernet takes more than the other.
const MTU: std::ops::RangeInclusive<u32> = 576..=9600;
/// More links than any bond has.
const MAX_MEMBERS: usize = 8;

/// A NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// By which it is found; of a bond, the first member's.
    pub mac: MacAddr,
    /// Its address.
    pub address: Ipv4Addr,
    /// 1 to 30 bits.
    pub prefix_length: u8,
    /// Of the default route: on the first NIC the system's, on one of the parameter plane that of its own table.
    pub gateway: Option<Ipv4Addr>,
    /// At most 3.
    pub dns: Vec<Ipv4Addr>,
    /// What it is for.
    pub role: Role,
    /// Bytes; none: as the system has it.
    pub mtu: Option<u32>,
    /// 802.1Q tag.
    pub vlan: Option<u16>,
    /// When it is several NICs.
    pub bond: Option<Bond>,
    /// When it is an accelerator's own, for which the system has no NIC.
    pub accelerator: Option<Accelerator>,
}

/// What a NIC is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The tenant's network.
    Vpc,
    /// The accelerators' network.
    ParameterPlane(Rail),
}

/// A rail of the parameter plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rail(u32);

impl Rail {
    /// From 0.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
    /// Its routing table.
    #[must_use]
    pub fn table(self) -> u32 {
        FIRST_TABLE + self.0
    }
    /// Of the rule that leads from its address to its table.
    #[must_use]
    pub fn priority(self) -> u32 {
        FIRST_PRIORITY + self.0
    }
}

/// Several NICs that are one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bond {
    /// How its links share the work.
    pub mode: BondMode,
    /// At least 2; the first is preferred.
    pub members: Vec<MacAddr>,
}

/// How a bond's links share the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BondMode {
    /// One works, the others wait.
    ActiveBackup,
    /// 802.3ad.
    Lacp,
}

impl BondMode {
    /// The kernel's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ActiveBackup => "active-backup",
            Self::Lacp => "802.3ad",
        }
    }
}

/// Whose own port it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// Huawei's Ascend.
    Ascend,
}

impl Nic {
    /// Reads one.
    ///
    /// # Errors
    /// Naming the field that is not what it must be.
    pub fn new(nic: &NicConfig) -> Result<Self, InjectError> {
        let bad =
            |field: &str, given: &str| InjectError::Plan(format!("nics.{field}: {given:?} is not what it must be"));
        let address = |field: &str, text: &str| text.parse::<Ipv4Addr>().map_err(|_| bad(field, text));
        let prefix_length = u8::try_from(nic.prefix_length).ok().filter(|length| (1..=30).contains(length));
        let wiring = nic.wiring.clone().unwrap_or_default();
        let mac = nic.mac.parse().map_err(|_| bad("mac", &nic.mac))?;
        let role = match NicRole::try_from(nic.role) {
            Ok(NicRole::Vpc) => Role::Vpc,
            Ok(NicRole::ParameterPlane) if nic.rail <= LAST_RAIL => Role::ParameterPlane(Rail(nic.rail)),
            Ok(NicRole::ParameterPlane) => return Err(bad("rail", &nic.rail.to_string())),
            Err(_) => return Err(bad("role", &nic.role.to_string())),
        };
        let mtu = Some(nic.mtu).filter(|mtu| *mtu != 0);
        if let Some(mtu) = mtu.filter(|mtu| !MTU.contains(mtu)) {
            return Err(bad("mtu", &mtu.to_string()));
        }
        let tag = |tag: u32| u16::try_from(tag).ok().filter(|tag| (1..=4094).contains(tag));
        let vlan = match wiring.vlan {
            0 => None,
            vlan => Some(tag(vlan).ok_or_else(|| bad("wiring.vlan", &vlan.to_string()))?),
        };
        let accelerator = match wiring.accelerator.as_str() {
            "" => None,
            "ascend" => Some(Accelerator::Ascend),
            other => return Err(bad("wiring.accelerator", other)),
        };
        Ok(Self {
            mac,
            address: address("address", &nic.address)?,
            prefix_length: prefix_length.ok_or_else(|| bad("prefix_length", &nic.prefix_length.to_string()))?,
            gateway: Some(nic.gateway.as_str()).filter(|g| !g.is_empty()).map(|g| address("gateway", g)).transpose()?,
            dns: nic.dns.iter().take(3).map(|server| address("dns", server)).collect::<Result<_, _>>()?,
            role,
            mtu,
            vlan,
            bond: bond(mac, &wiring)?,
            accelerator,
        })
    }

    /// Its rail, on the parameter plane.
    #[must_use]
    pub fn rail(&self) -> Option<Rail> {
        match self.role {
            Role::Vpc => None,
            Role::ParameterPlane(rail) => Some(rail),
        }
    }

    /// Its mask.
    #[must_use]
    pub fn netmask(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(u32::MAX << (32 - u32::from(self.prefix_length)))
    }

    /// `10.20.0.7/24`.
    #[must_use]
    pub fn with_prefix(&self) -> String {
        format!("{}/{}", self.address, self.prefix_length)
    }

    /// `10.20.0.0/24`.
    #[must_use]
    pub fn network(&self) -> String {
        format!("{}/{}", Ipv4Addr::from_bits(self.address.to_bits() & self.netmask().to_bits()), self.prefix_length)
    }
}

fn bond(mac: MacAddr, wiring: &link::Wiring) -> Result<Option<Bond>, InjectError> {
    let bad = |why: &str| InjectError::Plan(format!("nics.wiring of {mac}: {why}"));
    let mode = match link::BondMode::try_from(wiring.bond_mode) {
        Ok(link::BondMode::None) if wiring.members.is_empty() => return Ok(None),
        Ok(link::BondMode::None) => return Err(bad("it has members and no bond_mode")),
        Ok(link::BondMode::ActiveBackup) => BondMode::ActiveBackup,
        Ok(link::BondMode::Lacp) => BondMode::Lacp,
        Err(_) => return Err(bad("its bond_mode is unknown")),
    };
    let members: Result<Vec<MacAddr>, _> = wiring.members.iter().map(|member| member.parse()).collect();
    let members = members.map_err(|_| bad("a member is no MAC"))?;
    if !(2..=MAX_MEMBERS).contains(&members.len()) || members.first() != Some(&mac) {
        return Err(bad("a bond has 2 to 8 members, itself the first"));
    }
    Ok(Some(Bond { mode, members }))
}
