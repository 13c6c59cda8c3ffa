//! Which addresses a server's NICs get in the accelerators' network: pure decisions.

use crate::store::record::{InstanceNic, NicRole, PlaneSubnet, Server};
use billet_proto::MacAddr;
use std::{collections::HashSet, net::Ipv4Addr};

/// Why a NIC gets none; an operator can act on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaneError {
    /// The operator made no subnet.
    #[error("rail {rail} of the parameter plane has no subnet")]
    NoSubnet {
        /// Of the NIC.
        rail: u32,
    },
    /// All are taken.
    #[error("rail {rail} of the parameter plane has no free address in {cidr}")]
    Exhausted {
        /// Of the NIC.
        rail: u32,
        /// Its subnet's.
        cidr: crate::addresses::Cidr,
    },
}

/// A server's NICs in the parameter plane, by rail; NICs of one rail in port order.
pub fn nics(server: &Server) -> Vec<(u32, MacAddr)> {
    let ports = server.roles.iter().zip(&server.macs);
    let mut nics: Vec<_> = ports
        .filter_map(|(role, mac)| match role {
            NicRole::ParameterPlane { rail } => Some((*rail, *mac)),
            NicRole::Vpc | NicRole::Provisioning => None,
        })
        .collect();
    nics.sort_by_key(|(rail, _)| *rail);
    nics
}

/// Gives each of the NICs an address of its rail's subnet. `free(subnet, given)` answers a free address of the subnet that
/// is not among those given already.
///
/// # Errors
/// [`PlaneError`] for the first NIC that gets none, inside; what `free` answers, outside.
pub fn choose<E>(
    nics: &[(u32, MacAddr)],
    subnets: &[PlaneSubnet],
    mut free: impl FnMut(&PlaneSubnet, &HashSet<Ipv4Addr>) -> Result<Option<Ipv4Addr>, E>,
) -> Result<Result<Vec<InstanceNic>, PlaneError>, E> {
    let mut given = HashSet::new();
    let mut chosen = Vec::with_capacity(nics.len());
    for &(rail, mac) in nics {
        let Some(subnet) = subnets.iter().find(|subnet| subnet.rail == rail) else {
            return Ok(Err(PlaneError::NoSubnet { rail }));
        };
        let Some(address) = free(subnet, &given)? else {
            return Ok(Err(PlaneError::Exhausted { rail, cidr: subnet.cidr }));
        };
        given.insert(address);
        chosen.push(InstanceNic { subnet_id: subnet.id, address, mac, rail: Some(rail) });
    }
    Ok(Ok(chosen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use billet_proto::{ServerId, SubnetId};
    use std::convert::Infallible;
    use uuid::Uuid;

    fn mac(n: u8) -> MacAddr {
        MacAddr::new([2, 0, 0, 0, 0, n])
    }

    fn subnet(rail: u32) -> PlaneSubnet {
        PlaneSubnet {
            id: SubnetId::new(Uuid::from_u128(rail.into())),
            rail,
            cidr: format!("10.{rail}.0.0/24").parse().unwrap(),
            gateway: None,
            mtu: 9000,
            reserved: vec![],
            created_at: Timestamp(0),
        }
    }

    /// The first address of three that was not given.
    fn free(subnet: &PlaneSubnet, given: &HashSet<Ipv4Addr>) -> Result<Option<Ipv4Addr>, Infallible> {
        let first = subnet.cidr.network().to_bits() + 1;
        Ok((first..first + 3).map(Ipv4Addr::from_bits).find(|address| !given.contains(address)))
    }

    #[test]
    fn nics_come_by_rail_and_those_of_other_roles_not_at_all() {
        let plane = |rail| NicRole::ParameterPlane { rail };
        let mut server = Server::unheard_of(ServerId::new(Uuid::nil()), Timestamp(0));
        server.macs = (0..7).map(mac).collect();
        server.roles = vec![NicRole::Vpc, plane(3), NicRole::Provisioning, plane(0), plane(3), plane(1)];
        assert_eq!(nics(&server), [(0, mac(3)), (1, mac(5)), (3, mac(1)), (3, mac(4))]);
        server.macs.truncate(2);
        assert_eq!(nics(&server), [(3, mac(1))], "a role without a port is nobody's");
    }

    #[test]
    fn each_nic_gets_an_address_of_its_rail() {
        let chosen = choose(&[(0, mac(0)), (2, mac(2)), (2, mac(3))], &[subnet(0), subnet(2)], free).unwrap().unwrap();
        let got: Vec<_> = chosen.iter().map(|nic| (nic.rail, nic.address.to_string(), nic.mac)).collect();
        assert_eq!(
            got,
            [
                (Some(0), "10.0.0.1".into(), mac(0)),
                (Some(2), "10.2.0.1".into(), mac(2)),
                (Some(2), "10.2.0.2".into(), mac(3)),
            ]
        );
        assert_eq!(choose(&[], &[], free), Ok(Ok(vec![])));
    }

    #[test]
    fn a_rail_without_a_subnet_or_a_free_address_is_named() {
        let told = |nics: &[(u32, MacAddr)]| choose(nics, &[subnet(0)], free).unwrap().unwrap_err().to_string();
        assert_eq!(told(&[(0, mac(0)), (1, mac(1))]), "rail 1 of the parameter plane has no subnet");
        assert_eq!(told(&[(0, mac(0)); 4]), "rail 0 of the parameter plane has no free address in 10.0.0.0/24");
    }
}
