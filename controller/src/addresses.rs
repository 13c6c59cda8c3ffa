//! Which address a NIC gets: pure decisions.

use serde::{Deserialize, Serialize};
use std::{collections::HashSet, fmt, net::Ipv4Addr, str::FromStr};

/// An IPv4 network: host bits are zero, prefix length 1 to 30 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    network: Ipv4Addr,
    prefix_length: u8,
}

/// A text that is not an IPv4 network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an IPv4 network like 10.20.0.0/24 (host bits zero, prefix 1 to 30)")]
pub struct CidrError(String);

impl Cidr {
    /// The network address.
    pub const fn network(self) -> Ipv4Addr {
        self.network
    }
    /// In bits.
    pub const fn prefix_length(self) -> u8 {
        self.prefix_length
    }
    /// The highest address.
    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits() | !self.mask())
    }
    fn mask(self) -> u32 {
        u32::MAX << (32 - u32::from(self.prefix_length))
    }
    /// Whether the address lies in it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.mask() == self.network.to_bits()
    }
    /// Whether `other` lies wholly in it.
    pub fn contains_network(self, other: Self) -> bool {
        other.prefix_length >= self.prefix_length && self.contains(other.network)
    }
    /// Whether the two share an address.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.network) || other.contains(self.network)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_length)
    }
}
impl FromStr for Cidr {
    type Err = CidrError;
    fn from_str(text: &str) -> Result<Self, CidrError> {
        let error = || CidrError(text.chars().take(32).collect());
        let (network, prefix) = text.split_once('/').ok_or_else(error)?;
        let network: Ipv4Addr = network.parse().map_err(|_| error())?;
        let prefix_length: u8 = prefix.parse().map_err(|_| error())?;
        if !(1..=30).contains(&prefix_length) {
            return Err(error());
        }
        let cidr = Self { network, prefix_length };
        if network.to_bits() & !cidr.mask() != 0 {
            return Err(error());
        }
        Ok(cidr)
    }
}
impl TryFrom<String> for Cidr {
    type Error = CidrError;
    fn try_from(text: String) -> Result<Self, CidrError> {
        text.parse()
    }
}
impl From<Cidr> for String {
    fn from(cidr: Cidr) -> String {
        cidr.to_string()
    }
}

/// Why an address cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not in the subnet.
    #[error("{address} is not inside {cidr}")]
    Outside {
        /// What was asked.
        address: Ipv4Addr,
        /// The subnet.
        cidr: Cidr,
    },
    /// One that no host may have.
    #[error("{address} is the subnet's {role} address")]
    Special {
        /// What was asked.
        address: Ipv4Addr,
        /// `network`, `broadcast`, `gateway` or `reserved`.
        role: &'static str,
    },
    /// Somebody has it.
    #[error("{0} is in use")]
    Taken(Ipv4Addr),
    /// None is left.
    #[error("no address is free in {0}")]
    Exhausted(Cidr),
}

/// A subnet as far as choosing needs it.
#[derive(Debug)]
pub struct Pool<'a> {
    /// The subnet.
    pub cidr: Cidr,
    /// Its gateway.
    pub gateway: Ipv4Addr,
    /// Never handed out.
    pub reserved: &'a [Ipv4Addr],
}

impl Pool<'_> {
    /// Whether a host may have the address.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, address: Ipv4Addr) -> Result<(), AddressError> {
        if !self.cidr.contains(address) {
            return Err(AddressError::Outside { address, cidr: self.cidr });
        }
        let role = match address {
            a if a == self.cidr.network => "network",
            a if a == self.cidr.broadcast() => "broadcast",
            a if a == self.gateway => "gateway",
            a if self.reserved.contains(&a) => "reserved",
            _ => return Ok(()),
        };
        Err(AddressError::Special { address, role })
    }

    /// The lowest address from `from` on that a host may have and that is neither among `taken` nor in `except`; none when
    /// none is left. `taken` comes ascending, and is read no further than needed.
    ///
    /// # Errors
    /// The first of `taken`.
    pub fn lowest_free<E>(
        &self,
        from: Ipv4Addr,
        taken: impl IntoIterator<Item = Result<Ipv4Addr, E>>,
        except: &HashSet<Ipv4Addr>,
    ) -> Result<Option<Ipv4Addr>, E> {
        let mut taken = taken.into_iter();
        let mut next = taken.next().transpose()?;
        for candidate in (from.to_bits()..self.cidr.broadcast().to_bits()).map(Ipv4Addr::from_bits) {
            while next.is_some_and(|taken| taken < candidate) {
                next = taken.next().transpose()?;
            }
            if next != Some(candidate) && !except.contains(&candidate) && self.check(candidate).is_ok() {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Ipv4Addr {
        text.parse().unwrap()
    }
    fn pool() -> Pool<'static> {
        Pool {
            cidr: "10.0.0.0/29".parse().unwrap(),
            gateway: Ipv4Addr::new(10, 0, 0, 1),
            reserved: const { &[Ipv4Addr::new(10, 0, 0, 2)] },
        }
    }

    fn free(from: &str, taken: &[&str], except: &[&str]) -> Option<Ipv4Addr> {
        let taken = taken.iter().map(|text| Ok::<_, std::convert::Infallible>(ip(text)));
        let except = except.iter().map(|text| ip(text)).collect();
        pool().lowest_free(ip(from), taken, &except).unwrap()
    }

    #[test]
    fn automatic_is_the_lowest_free_address_until_none_is_left() {
        for (from, taken, except, expected) in [
            ("10.0.0.0", &[][..], &[][..], Some("10.0.0.3")),
            ("10.0.0.0", &["10.0.0.3"], &[], Some("10.0.0.4")),
            ("10.0.0.0", &["10.0.0.3"], &["10.0.0.4"], Some("10.0.0.5")),
            ("10.0.0.0", &["10.0.0.4", "10.0.0.6"], &["10.0.0.3"], Some("10.0.0.5")),
            ("10.0.0.4", &["10.0.0.3"], &[], Some("10.0.0.4")),
            ("10.0.0.0", &["10.0.0.3", "10.0.0.4", "10.0.0.5"], &["10.0.0.6"], None),
            ("10.0.0.7", &[], &[], None),
        ] {
            assert_eq!(free(from, taken, except), expected.map(ip), "{from} {taken:?} {except:?}");
        }
    }

    #[test]
    fn no_more_of_what_is_taken_is_read_than_needed() {
        let taken = [Ok(ip("10.0.0.3")), Ok(ip("10.0.0.5")), Err("read too far")];
        assert_eq!(pool().lowest_free(ip("10.0.0.0"), taken, &HashSet::new()), Ok(Some(ip("10.0.0.4"))));
    }

    #[test]
    fn an_address_that_no_host_may_have_is_refused_with_its_role() {
        for (asked, role) in
            [("10.0.0.0", "network"), ("10.0.0.7", "broadcast"), ("10.0.0.1", "gateway"), ("10.0.0.2", "reserved")]
        {
            assert_eq!(pool().check(ip(asked)), Err(AddressError::Special { address: ip(asked), role }));
        }
        assert!(matches!(pool().check(ip("10.0.0.8")), Err(AddressError::Outside { .. })));
        assert_eq!(pool().check(ip("10.0.0.5")), Ok(()));
    }

    #[test]
    fn only_a_network_address_is_a_network() {
        for bad in ["10.0.0.1/24", "10.0.0.0/31", "10.0.0.0/0", "10.0.0.0", "x/8", "10.0.0.0/99"] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
        let (a, b): (Cidr, Cidr) = ("10.0.0.0/8".parse().unwrap(), "10.9.0.0/16".parse().unwrap());
        assert!(a.overlaps(b) && b.overlaps(a) && a.contains_network(b) && !b.contains_network(a));
    }
}
