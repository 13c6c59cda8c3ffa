//! What a receipt says, and when one is made.

use super::{ReceiptKey, jws};
use crate::{
    host_key::fingerprint,
    lifecycle::table::{Operation, Phase},
    store::{
        Result, Transaction,
        record::{Instance, InstanceNic, PlaneSubnet, Subnet, Wipe},
    },
};
use serde_json::{Map, Value, json};

/// Counts up when a field changes its meaning.
const VERSION: u32 = 1;
/// Events are read so many at a time.
const PAGE: u32 = 1000;

/// Makes the receipt of an instance that has just become running by an operation that changes what a receipt says; of
/// another it changes nothing. Another receipt that it had is replaced.
///
/// # Errors
/// When the store fails.
pub fn renew(tx: &mut dyn Transaction, key: &ReceiptKey, instance: &Instance) -> Result<()> {
    use Operation as O;
    let installs = matches!(instance.operation, O::Install | O::Reinstall | O::SwitchInstall | O::ModifyIp);
    if instance.phase != Phase::Running || !installs {
        return Ok(());
    }
    let payload = content(tx, instance)?;
    let receipt = Some(key.sign(payload.to_string().as_bytes()));
    tx.update_instance(&Instance { receipt, ..instance.clone() })
}

/// A receipt as the API shows it: the JWS, and what it says.
#[must_use]
pub fn show(receipt: &str) -> Value {
    json!({ "jws": receipt, "receipt": jws::payload(receipt) })
}

fn content(tx: &mut dyn Transaction, instance: &Instance) -> Result<Value> {
    let mut network = Vec::with_capacity(instance.nics.len());
    let plane = tx.plane_subnets()?;
    for nic in &instance.nics {
        let mut value = applied(nic);
        if nic.rail.is_none() {
            tx.subnet(nic.subnet_id)?.iter().for_each(|subnet| in_vpc(&mut value, subnet));
        } else {
            plane.iter().filter(|subnet| subnet.id == nic.subnet_id).for_each(|subnet| on_plane(&mut value, subnet));
        }
        network.push(value);
    }
    let mut image = json!({ "id": instance.image_id.to_string() });
    if let Some(row) = tx.image(instance.image_id)? {
        image["name"] = row.name.into();
        image["os_type"] = row.os_type.into();
        image["size_bytes"] = row.size_bytes.into();
        image["sha256"] = row.sha256.into();
        image["manifest_blake3"] = hex::encode(row.manifest_digest).into();
    }
    let mut server = json!({ "id": instance.server_id.to_string(), "disk_serial": instance.disk_serial });
    if let Some(row) = tx.server(instance.server_id)? {
        server["uuid"] = row.uuid.into();
        server["serial"] = row.serial.into();
    }
    let host_key = instance.host_key.as_deref();
    Ok(json!({
        "version": VERSION,
        "instance": {
            "id": instance.id.to_string(),
            "name": instance.name,
            "project_id": instance.project_id.as_str(),
            "vpc_id": instance.vpc_id.to_string(),
        },
        "image": image,
        "server": server,
        "network": network,
        "host_key": { "openssh": host_key, "fingerprint": host_key.and_then(fingerprint) },
        "boot_trust": instance.boot_trust,
        "proof": instance.proof,
        "wipe_before": instance.wipe_before.as_ref().map(wiped),
        "operation": instance.operation.word(),
        "generation": instance.generation,
        "times": {
            "accepted": instance.operation_began_at.to_string(),
            "steps": steps(tx, instance)?,
            "running": instance.updated_at.to_string(),
        },
    }))
}

fn applied(nic: &InstanceNic) -> Value {
    json!({
        "mac": nic.mac.to_string(),
        "address": nic.address.to_string(),
        "subnet_id": nic.subnet_id.to_string(),
        "rail": nic.rail,
    })
}

fn in_vpc(nic: &mut Value, subnet: &Subnet) {
    nic["cidr"] = subnet.cidr.to_string().into();
    nic["gateway"] = subnet.gateway.to_string().into();
    nic["dns"] = subnet.dns.iter().map(ToString::to_string).collect::<Vec<_>>().into();
}

/// There are no name servers there, and a gateway only between racks.
fn on_plane(nic: &mut Value, subnet: &PlaneSubnet) {
    nic["cidr"] = subnet.cidr.to_string().into();
    nic["mtu"] = subnet.mtu.into();
    if let Some(gateway) = subnet.gateway {
        nic["gateway"] = gateway.to_string().into();
    }
}

fn wiped(wipe: &Wipe) -> Value {
    let disks = wipe.disks.iter().map(|wiped| {
        let disk = wiped.disk.clone().unwrap_or_default();
        json!({
            "serial": disk.serial,
            "wwn": disk.wwn,
            "size_bytes": disk.size_bytes,
            "method": wiped.method,
            "bytes": wiped.bytes,
            "samples_read_back": wiped.read_back,
        })
    });
    json!({ "at": wipe.at.to_string(), "policy": wipe.policy.as_str(), "disks": disks.collect::<Vec<_>>() })
}

/// When each step of this operation began; where one was started over, its last start.
fn steps(tx: &mut dyn Transaction, instance: &Instance) -> Result<Map<String, Value>> {
    let (mut steps, mut after) = (Map::new(), 0);
    loop {
        let page = tx.events(instance.id, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(steps) };
        after = last.seq;
        let began = page.iter().map(|event| &event.event);
        for event in began.filter(|event| event.kind == "started" && event.at >= instance.operation_began_at) {
            steps.insert(event.step.clone(), event.at.to_string().into());
        }
    }
}
