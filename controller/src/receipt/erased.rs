//! What the receipt of an erased disk says.

use super::ReceiptKey;
use crate::{
    clock::Timestamp,
    store::{
        Result, Transaction,
        record::{Server, Wipe, WipePolicy, WipeReceipt},
    },
};
use billet_proto::link::{ByteRange, WipedDisk};
use serde_json::{Value, json};

/// Counts up when a field changes its meaning.
const VERSION: u32 = 1;

/// Makes a receipt for each disk that the wipe, which has just ended well, erased and read back, and records them.
///
/// # Errors
/// When the store fails.
pub fn erased(tx: &mut dyn Transaction, key: &ReceiptKey, server: &Server, wipe: &Wipe) -> Result<()> {
    for wiped in &wipe.disks {
        let payload = content(server, wipe, wiped);
        tx.insert_wipe_receipt(&WipeReceipt {
            seq: 0,
            server_id: server.id,
            generation: wipe.generation,
            disk_serial: wiped.disk.as_ref().map(|disk| disk.serial.clone()).unwrap_or_default(),
            recorded_at: wipe.at,
            jws: key.sign(payload.to_string().as_bytes()),
        })?;
    }
    Ok(())
}

fn content(server: &Server, wipe: &Wipe, wiped: &WipedDisk) -> Value {
    let disk = wiped.disk.clone().unwrap_or_default();
    // An older ramdisk tells how much alone, which is all of it.
    let whole = [ByteRange { from: 0, bytes: wiped.bytes }];
    let tells_none = wiped.ranges.is_empty() && wipe.policy == WipePolicy::Full;
    let ranges = if tells_none { &whole[..] } else { wiped.ranges.as_slice() };
    let ranges = ranges.iter().map(|range| json!({ "from": range.from, "bytes": range.bytes }));
    let places = Some(&wiped.samples_blake3).filter(|digest| !digest.is_empty());
    json!({
        "version": VERSION,
        "kind": "wipe",
        "server": { "id": server.id.to_string(), "uuid": server.uuid, "serial": server.serial },
        "disk": {
            "serial": disk.serial,
            "wwn": disk.wwn,
            "model": disk.model,
            "firmware_version": disk.firmware_version,
            "transport": disk.transport,
            "size_bytes": disk.size_bytes,
        },
        "policy": wipe.policy.as_str(),
        "method": wiped.method,
        "zeroed_after": wiped.zeroed_after,
        "refused": wiped.refused,
        "ranges": ranges.collect::<Vec<_>>(),
        "bytes": wiped.bytes,
        "samples": { "count": wiped.read_back, "places_blake3": places },
        "generation": wipe.generation,
        "times": {
            "accepted": wipe.began_at.map(|at: Timestamp| at.to_string()),
            "recorded": wipe.at.to_string(),
            "erase_ms": wiped.erase_ms,
            "read_back_ms": wiped.read_back_ms,
        },
    })
}
