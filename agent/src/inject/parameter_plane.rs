//! The address plan of the parameter plane, as files: ours for any program, and the vendor's own where it has one.

use super::plan::{Accelerator, Nic};
use serde_json::{Value, json};

/// Ours.
pub(super) const PATH: &str = "/etc/billet/parameter-plane.json";
/// What Ascend's driver gives its NPUs' ports at each start (`hccn_tool`).
pub(super) const HCCN_PATH: &str = "/etc/hccn.conf";

/// By rail; a system without one has an empty list.
pub(super) fn plan(nics: &[Nic]) -> String {
    let mut rails: Vec<_> = nics.iter().filter_map(|nic| Some((nic.rail()?, nic))).collect();
    rails.sort_by_key(|(rail, _)| *rail);
    let rails: Vec<Value> = rails
        .into_iter()
        .map(|(rail, nic)| {
            json!({
                "rail": rail.number(),
                "mac": nic.mac.to_string(),
                "address": nic.address,
                "prefix_length": nic.prefix_length,
                "gateway": nic.gateway,
                "mtu": nic.mtu,
                "vlan": nic.vlan,
                "routing_table": nic.accelerator.is_none().then(|| rail.table()),
                "accelerator": nic.accelerator.map(|Accelerator::Ascend| "ascend"),
            })
        })
        .collect();
    let mut text =
        serde_json::to_string_pretty(&json!({ "version": 1, "rails": rails })).expect("a Value has a JSON form");
    text.push('\n');
    text
}

/// `address_N`, `netmask_N`, `netdetect_N` and `gateway_N`, N being the NPU's number, which is its rail's; none without such
/// ports. `netdetect` is whom the port asks whether it still has a network: its gateway.
pub(super) fn hccn(nics: &[Nic]) -> Option<String> {
    let own = |nic: &&Nic| nic.accelerator == Some(Accelerator::Ascend);
    let mut ports: Vec<_> = nics.iter().filter(own).filter_map(|nic| Some((nic.rail()?, nic))).collect();
    ports.sort_by_key(|(rail, _)| *rail);
    let each = |(rail, nic): &(super::plan::Rail, &Nic)| {
        let number = rail.number();
        let gateway = nic.gateway.map(|gateway| format!("netdetect_{number}={gateway}\ngateway_{number}={gateway}\n"));
        let (address, mask) = (nic.address, nic.netmask());
        format!("address_{number}={address}\nnetmask_{number}={mask}\n{}", gateway.unwrap_or_default())
    };
    (!ports.is_empty()).then(|| ports.iter().map(each).collect())
}
