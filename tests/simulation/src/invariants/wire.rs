//! Who answers on tenants' networks.

use crate::{ledger::Ledger, machine::Machine};
use billet_agent::network::Network as Segment;
use billet_controller::{lifecycle::table::Phase, store::record::Instance};
use billet_proto::{InstanceId, VpcId};
use std::{collections::HashMap, net::Ipv4Addr};

/// No address twice, and nobody who was terminated.
pub(super) fn look(by_id: &HashMap<InstanceId, &Instance>, machines: &[Machine], ledger: &Ledger) {
    let mut owners: HashMap<(VpcId, Ipv4Addr), InstanceId> = HashMap::new();
    for machine in machines {
        let body = machine.lock();
        let vpcs = body.segments.iter().filter_map(|segment| match segment {
            Segment::Vpc { vpc_id } => Some(*vpc_id),
            Segment::Provisioning => None,
        });
        for vpc in vpcs {
            let Some(system) = body.answers_in(vpc) else { continue };
            let name = ledger.name(system.instance);
            if let Some(other) = owners.insert((vpc, system.address), system.instance) {
                ledger.violate(format!("{name} and {} answer at one address", ledger.name(other)));
            }
            if by_id.get(&system.instance).is_none_or(|instance| instance.phase == Phase::Terminated) {
                ledger.violate(format!("{}: {name} runs on its network after it was terminated", body.name()));
            }
        }
    }
}
