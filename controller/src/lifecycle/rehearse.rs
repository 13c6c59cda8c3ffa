//! A creation that is tried out: everything is written, answered, and rolled back.

use super::{create::Planned, refusal::Refusal};
use crate::store::{
    StoreError,
    record::{Instance, InstanceNic},
};
use billet_proto::ServerId;
use std::net::Ipv4Addr;

/// What a creation would choose now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Would {
    /// For each instance, its server and its addresses in the VPC.
    pub instances: Vec<(ServerId, Vec<Ipv4Addr>)>,
}

impl Would {
    /// Of instances that were written.
    pub(super) fn of(instances: &[Instance]) -> Self {
        Self { instances: instances.iter().map(|instance| (instance.server_id, in_vpc(&instance.nics))).collect() }
    }

    /// Of one that was not.
    pub(super) fn planned(Planned { server, nics }: &Planned) -> Self {
        Self { instances: vec![(server.id, in_vpc(nics))] }
    }
}

fn in_vpc(nics: &[InstanceNic]) -> Vec<Ipv4Addr> {
    nics.iter().filter(|nic| nic.rail.is_none()).map(|nic| nic.address).collect()
}

/// How a rehearsal ends: always as an error, so that the store keeps nothing of it.
#[derive(Debug)]
pub(super) enum End {
    /// It would have been accepted.
    Accepted(Would),
    /// It would have been refused.
    Refused(Refusal),
}

impl End {
    /// Of what the creation answered.
    pub(super) fn of(answered: Result<Vec<Instance>, Refusal>) -> Result<(), Self> {
        Err(match answered {
            Ok(instances) => Self::Accepted(Would::of(&instances)),
            Err(refusal) => Self::Refused(refusal),
        })
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

/// The answer to the rehearsal.
pub(super) fn answer(ended: Result<(), End>) -> Result<Would, Refusal> {
    match ended {
        Err(End::Accepted(would)) => Ok(would),
        Err(End::Refused(refusal)) => Err(refusal),
        Ok(()) => Ok(Would::default()),
    }
}
