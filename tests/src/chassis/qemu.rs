//! QEMU's command line for a server.

use super::BootOnce;
use crate::{
    server::{Firmware, Server},
    trunk,
};
use anyhow::{Context, Result};
use std::{
    fs,
    process::{Command, Stdio},
};

const OVMF_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const OVMF_VARS: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";
/// Of each server.
const MEMORY_MIB: u32 = 1024;

/// The command. Firmware's own order is disk, then network; `once` goes before it.
pub(super) fn command(server: &Server, once: BootOnce) -> Result<Command> {
    let dir = &server.dir;
    let _ = fs::remove_file(dir.join("qmp.sock"));
    let mut command = Command::new("qemu-system-x86_64");
    let mut words: Vec<String> = Vec::new();
    let mut add = |text: &str| words.extend(text.split_whitespace().map(str::to_owned));
    add("-machine q35 -accel tcg,thread=multi -cpu max -smp 2 -display none -no-reboot -nodefaults");
    add(&format!("-name server{} -m {MEMORY_MIB} -uuid {}", server.number, server.uuid));
    add(&format!("-smbios type=1,serial={},uuid={}", server.serial, server.uuid));
    add(&format!("-serial file:{}", server.console().display()));
    add(&format!("-qmp unix:{},server=on,wait=off", dir.join("qmp.sock").display()));
    if let Ok(time) = fs::read_to_string(server.clock()) {
        add(&format!("-rtc base={}", time.trim()));
    }
    if server.firmware == Firmware::Uefi {
        let vars = dir.join("vars.fd");
        // Fresh at each start: what decides is the BMC's setting, as bootindex says it.
        fs::copy(OVMF_VARS, &vars).with_context(|| format!("copy {OVMF_VARS} (package ovmf)"))?;
        add(&format!("-drive if=pflash,format=raw,unit=0,readonly=on,file={OVMF_CODE}"));
        add(&format!("-drive if=pflash,format=raw,unit=1,file={}", vars.display()));
    }
    let (first_disk, first_nic) = if once == BootOnce::Network { (10, 0) } else { (0, 10) };
    let known = server.disks.iter().enumerate().map(|(index, disk)| (disk.clone(), server.disk_serial(index)));
    let strange = Some((server.strange_disk(), server.strange_serial())).filter(|(disk, _)| disk.exists());
    for (index, (disk, serial)) in known.chain(strange).enumerate() {
        let file = disk.display();
        add(&format!("-drive if=none,id=d{index},format=raw,cache=unsafe,discard=unmap,file={file}"));
        add(&format!("-device virtio-blk-pci,drive=d{index},serial={serial},bootindex={}", first_disk + index));
    }
    for (index, (mac, tap)) in server.macs.iter().zip(&server.taps).enumerate() {
        if server.vlan(index).is_some() {
            let (own, port) = trunk::sockets(dir, index);
            let (own, port) = (own.display(), port.display());
            add(&format!(
                "-netdev dgram,id=n{index},local.type=unix,local.path={own},remote.type=unix,remote.path={port}"
            ));
        } else {
            add(&format!("-netdev tap,id=n{index},ifname={tap},script=no,downscript=no"));
        }
        // Without the ROM OVMF uses its own drivers; the first NIC alone is booted from.
        let rom = match (server.firmware, index) {
            (Firmware::Bios, 0) => "",
            _ => ",romfile=",
        };
        let boot = if index == 0 { format!(",bootindex={first_nic}") } else { String::new() };
        add(&format!("-device virtio-net-pci,netdev=n{index},mac={mac}{rom}{boot}"));
    }
    // Entropy from the start: keys are made in the first second.
    add("-device virtio-rng-pci");
    if server.dead_switch().exists() {
        add("-S");
    }
    command.args(words).stdin(Stdio::null());
    Ok(command)
}
