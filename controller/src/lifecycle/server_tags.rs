//! Labels of servers: a tenant puts them on what is its own, or what it has an instance on.

use super::refusal::Refusal;
use crate::{request::TagChange, store::Transaction};
use billet_proto::{ProjectId, ServerId};

/// Adds, replaces or takes off labels.
pub(super) fn change(
    tx: &mut dyn Transaction,
    of: Option<&ProjectId>,
    id: ServerId,
    change: &TagChange,
) -> Result<(), Refusal> {
    let listed = tx.listed_server(id)?.filter(|listed| listed.is_seen_by(of));
    let mut server = listed.ok_or_else(|| Refusal::ServersNotFound(vec![id]))?.server;
    server.tags = change.apply(&server.tags)?;
    Ok(tx.update_server(&server)?)
}
