//! What the installed system is to be: the order's texts as typed values.

use super::InjectError;
use billet_proto::{MacAddr, link::Install};
use std::{collections::BTreeMap, net::Ipv4Addr};
use zeroize::Zeroizing;

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
}

/// A NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nic {
    /// By which it is found.
    pub mac: MacAddr,
    /// Its address.
    pub address: Ipv4Addr,
    /// 1 to 30 bits.
    pub prefix_length: u8,
    /// Of the default route, on the first NIC.
    pub gateway: Ipv4Addr,
    /// At most 3.
    pub dns: Vec<Ipv4Addr>,
}

impl Plan {
    /// Reads an order.
    ///
    /// # Errors
    /// Naming the field that is not what it must be.
    pub fn new(order: &Install) -> Result<Self, InjectError> {
        let bad = |field: &str, given: &str| InjectError::Plan(format!("{field}: {given:?} is not what it must be"));
        let label = |label: &str| {
            let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
            (1..=63).contains(&label.len())
                && label.chars().all(inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if order.hostname.len() > 253 || !order.hostname.split('.').all(label) {
            return Err(bad("hostname", &order.hostname));
        }
        let hash_character = |c: char| c.is_ascii_alphanumeric() || "./$=,_-".contains(c);
        if !order.password_hash.starts_with('$') || !order.password_hash.chars().all(hash_character) {
            return Err(InjectError::Plan("password_hash: it is no crypt(3) hash".into()));
        }
        if order.instance_id.parse::<billet_proto::InstanceId>().is_err() {
            return Err(bad("instance_id", &order.instance_id));
        }
        let mut nics = Vec::with_capacity(order.nics.len());
        for nic in &order.nics {
            let prefix_length = u8::try_from(nic.prefix_length).ok().filter(|length| (1..=30).contains(length));
            nics.push(Nic {
                mac: nic.mac.parse().map_err(|_| bad("nics.mac", &nic.mac))?,
                address: nic.address.parse().map_err(|_| bad("nics.address", &nic.address))?,
                prefix_length: prefix_length
                    .ok_or_else(|| bad("nics.prefix_length", &nic.prefix_length.to_string()))?,
                gateway: nic.gateway.parse().map_err(|_| bad("nics.gateway", &nic.gateway))?,
                dns: nic
                    .dns
                    .iter()
                    .take(3)
                    .map(|a| a.parse().map_err(|_| bad("nics.dns", a)))
                    .collect::<Result<_, _>>()?,
            });
        }
        if nics.is_empty() {
            return Err(bad("nics", "none"));
        }
        Ok(Self {
            instance_id: order.instance_id.clone(),
            hostname: order.hostname.clone(),
            nics,
            password_hash: Zeroizing::new(order.password_hash.clone()),
            metadata: order.metadata.clone().into_iter().collect(),
        })
    }

    /// The host name's first label.
    #[must_use]
    pub fn short_hostname(&self) -> &str {
        self.hostname.split('.').next().unwrap_or_default()
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("hostname", &self.hostname).field("nics", &self.nics).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use billet_proto::link::NicConfig;

    pub(in crate::inject) fn order() -> Install {
        let nic = |last: u8| NicConfig {
            mac: format!("52:54:00:00:00:0{last}"),
            address: format!("10.20.{}.7", last - 1),
            prefix_length: 24,
            gateway: format!("10.20.{}.1", last - 1),
            dns: vec!["10.20.0.1".into()],
            ..NicConfig::default()
        };
        Install {
            instance_id: "0198170e-4ca7-7000-8000-000000000001".into(),
            hostname: "web-1.example".into(),
            nics: vec![nic(1), nic(2)],
            password_hash: "$6$saltsaltsalt$hashhash".into(),
            metadata: [("role".to_owned(), "wéb \"1\"".to_owned())].into(),
            ..Install::default()
        }
    }
    pub(in crate::inject) fn plan() -> Plan {
        Plan::new(&order()).unwrap()
    }

    #[test]
    fn what_could_break_a_file_is_refused() {
        let changes: [fn(&mut Install); 8] = [
            |o| o.hostname = "a b".into(),
            |o| o.hostname = "a\nb".into(),
            |o| o.hostname = "-a".into(),
            |o| o.password_hash = "$6$a:b".into(),
            |o| o.password_hash = "plain".into(),
            |o| o.instance_id = "x".into(),
            |o| o.nics[0].mac = "x".into(),
            |o| o.nics.clear(),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut order = order();
            change(&mut order);
            assert!(Plan::new(&order).is_err(), "change {index}");
        }
        assert_eq!(plan().short_hostname(), "web-1");
        assert!(!format!("{:?}", plan()).contains("hashhash"));
    }
}
