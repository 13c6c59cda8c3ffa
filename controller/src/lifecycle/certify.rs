//! What ended well is certified, in the transaction in which it ended.

use crate::{
    receipt::{self, ReceiptKey},
    store::{Result, Transaction},
};
use billet_proto::{
    ServerId,
    link::{Report, report::What},
};

/// Makes the receipt of the instance that `report`, which was just recorded, brought to `running`.
pub(super) fn certify(tx: &mut dyn Transaction, key: &ReceiptKey, report: &Report) -> Result<()> {
    let (Some(What::Done(_)), Ok(server)) = (&report.what, report.server_id.parse::<ServerId>()) else { return Ok(()) };
    match tx.instance_on(server)? {
        Some(instance) if instance.generation == report.generation => receipt::renew(tx, key, &instance),
        _ => Ok(()),
    }
}
