//! What ended well is certified, in the transaction in which it ended.

use crate::{
    receipt::{self, ReceiptKey},
    store::{Result, Transaction},
};
use billet_proto::{
    ServerId,
    link::{Report, report::What},
};

/// Makes the receipt of the instance that `report`, which was just recorded, brought to `running`, or those of the
/// disks that it told as erased.
pub(super) fn certify(tx: &mut dyn Transaction, key: &ReceiptKey, report: &Report) -> Result<()> {
    let (Some(What::Done(_)), Ok(server)) = (&report.what, report.server_id.parse::<ServerId>()) else { return Ok(()) };
    if let Some(server) = tx.server(server)?
        && let Some(wipe) = server.last_wipe.as_ref().filter(|wipe| wipe.generation == report.generation)
    {
        return receipt::erased(tx, key, &server, wipe);
    }
    match tx.instance_on(server)? {
        Some(instance) if instance.generation == report.generation => receipt::renew(tx, key, &instance),
        _ => Ok(()),
    }
}
