//! What the installed system is to be: the order's texts as typed values.

mod authorized_key;
mod nic;

pub use authorized_key::{AuthorizedKey, AuthorizedKeyError};
pub use nic::{Accelerator, BondMode, Nic, Rail, Role};

use super::InjectError;
use billet_proto::link::{Install, NicConfig, Reconfigure};
use std::collections::{BTreeMap, HashSet};
use zeroize::Zeroizing;

/// The API takes fewer.
const MAX_KEYS: usize = 64;
/// The API takes 32 KiB, as base64.
const MAX_USER_DATA_BYTES: usize = 64 << 10;

/// A checked plan. `Debug` shows no secret.
pub struct Plan {
    /// The instance.
    pub instance_id: String,
    /// RFC 1123; with dots it is fully qualified.
    pub hostname: String,
    /// The first is primary: default route and DNS.
    pub nics: Vec<Nic>,
    /// crypt(3).
    pub password_hash: Zeroizing<String>,
    /// As the tenant gave it.
    pub metadata: BTreeMap<String, String>,
    /// Those who may log in as the administrator.
    pub ssh_keys: Vec<AuthorizedKey>,
    /// As the tenant gave it; often it holds secrets.
    pub user_data: Zeroizing<Vec<u8>>,
}

/// What is to change in an installed system.
pub struct Changes {
    /// As installed.
    pub hostname: String,
    /// The network as it is to be; none: it stays.
    pub nics: Option<Vec<Nic>>,
    /// crypt(3); none: it stays.
    pub password_hash: Option<Zeroizing<String>>,
}

fn bad(field: &str, given: &str) -> InjectError {
    InjectError::Plan(format!("{field}: {given:?} is not what it must be"))
}

impl Plan {
    /// Reads an order.
    ///
    /// # Errors
    /// Naming the field that is not what it must be.
    pub fn new(order: &Install) -> Result<Self, InjectError> {
        if order.instance_id.parse::<billet_proto::InstanceId>().is_err() {
            return Err(bad("instance_id", &order.instance_id));
        }
        let too_many = order.ssh_keys.len() > MAX_KEYS;
        let keys: Result<_, _> = order.ssh_keys.iter().map(|line| line.parse()).collect();
        let ssh_keys = keys.map_err(|why: AuthorizedKeyError| InjectError::Plan(format!("ssh_keys: {why}")))?;
        if too_many {
            return Err(InjectError::Plan(format!("ssh_keys: {}, more than {MAX_KEYS}", order.ssh_keys.len())));
        }
        if order.user_data.len() > MAX_USER_DATA_BYTES {
            let bytes = order.user_data.len();
            return Err(InjectError::Plan(format!("user_data: {bytes} bytes, more than {MAX_USER_DATA_BYTES}")));
        }
        Ok(Self {
            instance_id: order.instance_id.clone(),
            hostname: hostname(&order.hostname)?,
            nics: nics(&order.nics)?,
            password_hash: password_hash(&order.password_hash)?,
            metadata: order.metadata.clone().into_iter().collect(),
            ssh_keys,
            user_data: Zeroizing::new(order.user_data.clone()),
        })
    }

    /// The host name's first label.
    #[must_use]
    pub fn short_hostname(&self) -> &str {
        self.hostname.split('.').next().unwrap_or_default()
    }
}

impl Changes {
    /// Reads an order.
    ///
    /// # Errors
    /// Naming the field that is not what it must be.
    pub fn new(order: &Reconfigure) -> Result<Self, InjectError> {
        let hash = Some(order.password_hash.as_str()).filter(|hash| !hash.is_empty());
        Ok(Self {
            hostname: hostname(&order.hostname)?,
            nics: order.rewrite_network.then(|| nics(&order.nics)).transpose()?,
            password_hash: hash.map(password_hash).transpose()?,
        })
    }
}

fn hostname(text: &str) -> Result<String, InjectError> {
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len()) && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    let good = text.len() <= 253 && text.split('.').all(label);
    if good { Ok(text.to_owned()) } else { Err(bad("hostname", text)) }
}

fn password_hash(text: &str) -> Result<Zeroizing<String>, InjectError> {
    let hash_character = |c: char| c.is_ascii_alphanumeric() || "./$=,_-".contains(c);
    if !text.starts_with('$') || !text.chars().all(hash_character) {
        return Err(InjectError::Plan("password_hash: it is no crypt(3) hash".into()));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

fn nics(order: &[NicConfig]) -> Result<Vec<Nic>, InjectError> {
    let nics = order.iter().map(Nic::new).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = nics.first() else { return Err(bad("nics", "none")) };
    if first.role != Role::Vpc || first.accelerator.is_some() {
        return Err(InjectError::Plan("nics: the first is the tenant's network, on a NIC of the system".into()));
    }
    let (mut macs, mut rails) = (HashSet::new(), HashSet::new());
    for nic in &nics {
        let members = nic.bond.as_ref().map_or_else(|| vec![nic.mac], |bond| bond.members.clone());
        if let Some(twice) = members.into_iter().find(|mac| !macs.insert(*mac)) {
            return Err(InjectError::Plan(format!("nics: {twice} stands twice")));
        }
        if let Some(rail) = nic.rail().filter(|rail| !rails.insert(rail.number())) {
            return Err(InjectError::Plan(format!("nics: rail {} stands twice", rail.number())));
        }
        if nic.accelerator.is_some() && nic.rail().is_none() {
            return Err(InjectError::Plan(format!("nics: {} is an accelerator's own port, and on no rail", nic.mac)));
        }
    }
    Ok(nics)
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("hostname", &self.hostname).field("nics", &self.nics).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Made by ssh-keygen.
    pub(in crate::inject) const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJo0i19QdzVQANcwjKmXTz2Zg4KaqclRXNEdC7sKQgTg me";
    use billet_proto::link::{self, NicRole, Wiring};

    fn vpc_nic(last: u8) -> NicConfig {
        NicConfig {
            mac: format!("52:54:00:00:00:0{last}"),
            address: format!("10.20.{}.7", last - 1),
            prefix_length: 24,
            gateway: format!("10.20.{}.1", last - 1),
            dns: vec!["10.20.0.1".into()],
            ..NicConfig::default()
        }
    }
    pub(in crate::inject) fn order() -> Install {
        Install {
            instance_id: "0198170e-4ca7-7000-8000-000000000001".into(),
            hostname: "web-1.example".into(),
            nics: vec![vpc_nic(1), vpc_nic(2)],
            password_hash: "$6$saltsaltsalt$hashhash".into(),
            metadata: [("role".to_owned(), "wéb \"1\"".to_owned())].into(),
            ..Install::default()
        }
    }
    pub(in crate::inject) fn plan() -> Plan {
        Plan::new(&order()).unwrap()
    }

    /// A tagged bond, a tagged NIC, rails with and without a gateway, and an accelerator's own port.
    pub(in crate::inject) fn wired() -> Install {
        let mut order = order();
        let mac = |last: u8| format!("52:54:00:00:00:{last:02x}");
        let wiring = |vlan, bond_mode: link::BondMode, members: &[u8]| Wiring {
            vlan,
            bond_mode: bond_mode.into(),
            members: members.iter().map(|last| mac(*last)).collect(),
            ..Wiring::default()
        };
        order.nics[0].wiring = Some(wiring(100, link::BondMode::ActiveBackup, &[1, 0x11]));
        order.nics[0].mtu = 1500;
        order.nics[1].wiring = Some(wiring(0, link::BondMode::Lacp, &[2, 0x12]));
        order.nics.push(NicConfig { wiring: Some(wiring(7, link::BondMode::None, &[])), ..vpc_nic(3) });
        let rail = |rail: u32, last: u8, gateway: &str| NicConfig {
            mac: mac(last),
            address: format!("172.16.{rail}.5"),
            prefix_length: 24,
            gateway: gateway.into(),
            role: NicRole::ParameterPlane.into(),
            rail,
            mtu: 9000,
            ..NicConfig::default()
        };
        order.nics.push(rail(0, 0x20, "172.16.0.1"));
        order.nics.push(rail(1, 0x21, ""));
        let own = Wiring { accelerator: "ascend".into(), ..Wiring::default() };
        order.nics.push(NicConfig { wiring: Some(own), ..rail(2, 0x22, "172.16.2.1") });
        order
    }
    pub(in crate::inject) fn wired_nics() -> Vec<Nic> {
        Plan::new(&wired()).unwrap().nics
    }

    #[test]
    fn what_could_break_a_file_is_refused() {
        let changes: [fn(&mut Install); 25] = [
            |o| o.hostname = "a b".into(),
            |o| o.hostname = "a\nb".into(),
            |o| o.hostname = "-a".into(),
            |o| o.password_hash = "$6$a:b".into(),
            |o| o.password_hash = "plain".into(),
            |o| o.instance_id = "x".into(),
            |o| o.nics[0].mac = "x".into(),
            |o| o.nics.clear(),
            |o| o.ssh_keys = vec!["ssh-ed25519 AAAA\ncommand=\"x\" ssh-rsa AAAA".into()],
            |o| o.ssh_keys = vec![KEY.into(); 65],
            |o| o.user_data = vec![0; MAX_USER_DATA_BYTES + 1],
            |o| o.nics[0].gateway = "x".into(),
            |o| o.nics[0].mtu = 100,
            |o| o.nics[0].mtu = 10_000,
            |o| o.nics[0].wiring = Some(Wiring { vlan: 4095, ..Wiring::default() }),
            |o| o.nics[0].wiring = Some(Wiring { accelerator: "other".into(), ..Wiring::default() }),
            |o| o.nics[1].wiring = Some(Wiring { accelerator: "ascend".into(), ..Wiring::default() }),
            |o| o.nics[0].role = NicRole::ParameterPlane.into(),
            |o| o.nics[1].role = 77,
            |o| (o.nics[1].role, o.nics[1].rail) = (NicRole::ParameterPlane.into(), 64),
            |o| o.nics[1].mac = o.nics[0].mac.clone(),
            |o| o.nics[0].wiring = Some(Wiring { members: vec![o.nics[0].mac.clone()], ..Wiring::default() }),
            |o| {
                o.nics[0].wiring =
                    Some(Wiring { bond_mode: 1, members: vec![o.nics[0].mac.clone()], ..Wiring::default() })
            },
            |o| {
                let members = vec![o.nics[1].mac.clone(), o.nics[0].mac.clone()];
                o.nics[0].wiring = Some(Wiring { bond_mode: 1, members, ..Wiring::default() });
            },
            |o| {
                let rail = NicConfig { role: NicRole::ParameterPlane.into(), ..o.nics[1].clone() };
                (o.nics[1], o.nics[0].dns) = (rail.clone(), Vec::new());
                o.nics.push(NicConfig { mac: "52:54:00:00:00:09".into(), ..rail });
            },
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut order = order();
            change(&mut order);
            assert!(Plan::new(&order).is_err(), "change {index}");
        }
        assert_eq!(plan().short_hostname(), "web-1");
        assert!(!format!("{:?}", plan()).contains("hashhash"));
    }
    #[test]
    fn what_changes_is_what_the_order_says() {
        let order = Reconfigure { hostname: "web-1".into(), nics: order().nics, ..Reconfigure::default() };
        let changes = Changes::new(&order).unwrap();
        assert!(changes.nics.is_none() && changes.password_hash.is_none());
        let both = Reconfigure { rewrite_network: true, password_hash: "$6$a$b".into(), ..order.clone() };
        let changes = Changes::new(&both).unwrap();
        assert_eq!((changes.nics.unwrap().len(), changes.password_hash.unwrap().as_str()), (2, "$6$a$b"));
        assert!(Changes::new(&Reconfigure { rewrite_network: true, nics: Vec::new(), ..order }).is_err());
    }
}
