//! Accepting several instances at once: as many as can be had, and none below the number that must be.

use super::{
    create::{self, New},
    refusal::Refusal,
    rules::Rules,
    secrets::InstanceSecrets,
};
use crate::{
    clock::{Edge, below},
    placement,
    request::CreateBatch,
    store::{Transaction, record::Instance},
};
use billet_proto::{ProjectId, ServerId};

/// Writes all that can be had; an error leaves it to the caller to roll back what was written.
pub(super) fn accept(
    tx: &mut dyn Transaction,
    rules: &Rules,
    edge: &Edge,
    secrets: &InstanceSecrets,
    (project, batch, password_hash): (&ProjectId, &CreateBatch, &str),
) -> Result<Vec<Instance>, Refusal> {
    let mut servers = match &batch.servers {
        Some(set) => Some(usable(tx, edge, project, batch, set)?),
        None => None,
    };
    let mut made: Vec<Instance> = Vec::new();
    for number in 1..=batch.max {
        let server_id = match &mut servers {
            Some(servers) => match servers.pop() {
                Some(id) => Some(id),
                None => break,
            },
            None => None,
        };
        let base = batch.each.name.as_str();
        let name = if batch.max > 1 { format!("{base}-{number:04}") } else { base.to_owned() };
        let new = New { project, request: &batch.each, name, server_id, password_hash };
        match create::accept(tx, rules, edge, secrets, new) {
            Ok(instance) => made.push(instance),
            // The first one had all that the request names: what the next one lacks is used up.
            Err(Refusal::ServersNotReady { .. } | Refusal::Quota { .. } | Refusal::Invalid(_))
                if number > batch.min =>
            {
                break;
            }
            Err(Refusal::ServersNotReady { ids, why }) => {
                let why = format!("{why}; at least {} are wanted, and {} could be had", batch.min, made.len());
                return Err(Refusal::ServersNotReady { ids, why });
            }
            Err(refusal) => return Err(refusal),
        }
    }
    if let ([only], true) = (&mut made[..], batch.max > 1) {
        only.name = batch.each.name.as_str().to_owned();
        tx.update_instance(only)?;
        only.version += 1;
    }
    Ok(made)
}

/// Those of the set that can be used now, in an order drawn by lot.
fn usable(
    tx: &mut dyn Transaction,
    edge: &Edge,
    project: &ProjectId,
    batch: &CreateBatch,
    set: &[ServerId],
) -> Result<Vec<ServerId>, Refusal> {
    let (mut usable, mut missing, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for id in set {
        match tx.server(*id)?.filter(|server| placement::may_use(server, project)) {
            None => missing.push(*id),
            Some(server) => match placement::why_not(&server, batch.each.nics.len()) {
                None => usable.push(*id),
                Some(why) => others.push((*id, why)),
            },
        }
    }
    if !missing.is_empty() {
        return Err(Refusal::ServersNotFound(missing));
    }
    if usable.len() < batch.min as usize {
        let why: Vec<String> = others.iter().map(|(id, why)| format!("{id}: {why}")).collect();
        let why = format!("{}; at least {} are wanted, and {} could be had", why.join(", "), batch.min, usable.len());
        return Err(Refusal::ServersNotReady { ids: others.into_iter().map(|(id, _)| id).collect(), why });
    }
    for last in (1..usable.len()).rev() {
        let drawn = below(&*edge.entropy, last as u64 + 1);
        usable.swap(last, usize::try_from(drawn).unwrap_or(last).min(last));
    }
    Ok(usable)
}
