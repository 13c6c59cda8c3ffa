//! `GET /physicalservers/{id}/hardware-attributes`.

use super::{find, of, summary};
use crate::{
    api::{error::ApiError, router::AppState, schema},
    auth::Caller,
    store::Transaction,
};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use billet_proto::{
    ProjectId,
    link::{Disk, MemoryModule, NetworkPort, Processor},
};
use serde_json::{Value, json};

/// Shows what a server is made of, as the ramdisk saw it; what needs the sensors of its BMC is `Unknown` or empty.
#[utoipa::path(
    get,
    path = "/physicalservers/{id}/hardware-attributes",
    operation_id = "ShowServerHardwareAttributes",
    tag = "Physical servers",
    params(("id" = String, Path, description = "The server's")),
    responses((status = 200, description = "As it was seen last", body = schema::server_parts::ServerHardware)),
)]
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let project = of(&caller, project);
    let look = move |tx: &mut dyn Transaction| {
        let server = find(tx, project.as_ref(), &id)?.server;
        Ok::<_, ApiError>((summary(&server), tx.inventory(server.id)?.unwrap_or_default()))
    };
    let (summary, seen) = state.store.view(look).await?;
    let all = |values: Vec<Value>| Value::from(values);
    Ok(Json(json!({
        "summary": summary,
        "memorys": all(seen.memory_modules.iter().map(memory).collect()),
        "processors": all(seen.processors.iter().enumerate().map(|(socket, one)| processor(socket, one)).collect()),
        "network_adapters": all(seen.ports.iter().map(adapter).collect()),
        "fans": [],
        "powers": [],
        "storage_controllers": all(controllers(&seen.disks)),
        "metrics": [],
    })))
}

fn memory(module: &MemoryModule) -> Value {
    json!({
        "name": module.slot,
        "position": module.slot,
        "capacity_mib": module.size_bytes >> 20,
        "manufacturer": module.manufacturer,
        "memory_device_type": module.kind,
        "operating_speed_mhz": module.mhz,
        "serial_number": module.serial,
        "part_number": module.part_number,
        "health": "Unknown",
    })
}

fn processor(socket: usize, processor: &Processor) -> Value {
    json!({
        "name": processor.slot,
        "manufacturer": processor.manufacturer,
        "model": processor.model,
        "total_cores": processor.cores,
        "total_threads": processor.threads,
        "socket": socket,
        "max_speed_mhz": processor.max_mhz,
        "health": "Unknown",
    })
}

fn adapter(port: &NetworkPort) -> Value {
    json!({
        "name": port.name,
        "position": port.bus,
        "driver_name": port.driver,
        "firmware_version": port.firmware_version,
        "health": "Unknown",
        "network_ports": [{
            "physical_port_number": "1",
            "link_status": if port.link { "LinkUp" } else { "LinkDown" },
            "associated_network_addresses": port.mac,
            "permanent_mac_address": port.mac,
            "port_max_speed": if port.mbps == 0 { String::new() } else { format!("{} Mbps", port.mbps) },
            "bdf": port.bus,
        }],
    })
}

/// The ramdisk sees disks and how they are attached, not the controllers: one for each transport.
fn controllers(disks: &[Disk]) -> Vec<Value> {
    let mut transports: Vec<&str> = disks.iter().map(|disk| disk.transport.as_str()).collect();
    transports.sort_unstable();
    transports.dedup();
    let controller = |transport: &&str| {
        let attached = disks.iter().filter(|disk| disk.transport == *transport);
        json!({
            "name": if transport.is_empty() { "unknown" } else { transport },
            "type": transport,
            "health": "Unknown",
            "drives": attached.map(|disk| disk.name.clone()).collect::<Vec<_>>(),
            // What the family has only of RAID volumes: size, model and serial number of each disk.
            "volumes": disks.iter().filter(|disk| disk.transport == *transport).map(volume).collect::<Vec<_>>(),
        })
    };
    transports.iter().map(controller).collect()
}

fn volume(disk: &Disk) -> Value {
    json!({
        "name": disk.name,
        "capacity_bytes": disk.size_bytes,
        "drives": [{
            "name": disk.name,
            "model": disk.model,
            "serial_number": disk.serial,
            "revision": disk.firmware_version,
            "media_type": if disk.rotational { "HDD" } else { "SSD" },
            "protocol": disk.transport,
            "capacity_bytes": disk.size_bytes,
            "health": "Unknown",
        }],
    })
}
