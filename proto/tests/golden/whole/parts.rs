//! What several messages are made of: what 0.1.0 left out is here.

use crate::parts::{self, disk, nic};
use billet_proto::link::{
    Baseline, BmcFacts, BmcSetting, BmcUser, BmcUserState, BondMode, BootVariables, ByteRange, DiskCapacity, Erasure,
    FirmwareVersion, Inspect, Install, Inventory, LoadOption, LoadOrder, NicConfig, Progress, Reconfigure, Started,
    Wipe, WipedDisk, Wiring,
};

pub fn started() -> Started {
    Started { waiting_for: "the BMC's answer".into(), attempt: 2, next_try_ms: 5000 }
}

pub fn progress() -> Progress {
    Progress { done_bytes: 1 << 20, total_bytes: 10 << 30, bytes_per_second: 1 << 19, waiting_for: "the disk".into() }
}

pub fn boot_variables() -> BootVariables {
    let option = LoadOption {
        name: "Boot0001".into(),
        description: "debian".into(),
        device_path_sha256: "00ff".into(),
        content: "0100".into(),
        not_whole: true,
    };
    let order = LoadOrder { name: "BootOrder".into(), options: vec!["Boot0001".into()], not_whole: true };
    BootVariables { options: vec![option], orders: vec![order], next: "Boot0001".into() }
}

pub fn bmc_facts() -> BmcFacts {
    let user = BmcUser {
        slot: 2,
        name: Some("billet".into()),
        state: BmcUserState::Enabled.into(),
        privilege: 4,
        ipmi_messaging: true,
        link_authentication: true,
        callback_only: true,
    };
    // A name that is told and empty is another thing than one that is not told.
    let nobody = BmcUser {
        slot: 3,
        name: Some(String::new()),
        state: BmcUserState::Disabled.into(),
        privilege: 15,
        ..BmcUser::default()
    };
    BmcFacts {
        firmware_version: "2.17 (00000003)".into(),
        users: vec![user, nobody],
        lan: vec![BmcSetting { name: "address".into(), value: "192.0.2.1".into() }],
        boot_override: "network once uefi".into(),
        not_told: vec!["gateway".into()],
    }
}

fn baseline() -> Baseline {
    Baseline {
        bmc: Some(bmc_facts()),
        boot_variables: Some(boot_variables()),
        secure_boot: true,
        versions: vec![FirmwareVersion { part: "BIOS".into(), version: "2.5".into() }],
        capacities: vec![DiskCapacity { disk: "vda-1".into(), size_bytes: 10 << 30 }],
    }
}

pub fn inspect() -> Inspect {
    Inspect { allow_reset: true, baseline: Some(baseline()) }
}

pub fn wipe() -> Wipe {
    let ways =
        [Erasure::NvmeSanitize, Erasure::NvmeFormat, Erasure::AtaSecureErase, Erasure::WriteZeroes, Erasure::Overwrite];
    Wipe { allowed: ways.map(i32::from).to_vec(), baseline: Some(baseline()), ..parts::wipe() }
}

pub fn wiped() -> WipedDisk {
    WipedDisk {
        disk: Some(disk()),
        method: "nvme-format".into(),
        bytes: 10 << 30,
        read_back: 64,
        ranges: vec![ByteRange { from: 1 << 20, bytes: 10 << 30 }],
        samples_blake3: "00ff".into(),
        zeroed_after: true,
        erase_ms: 90_000,
        read_back_ms: 1200,
        refused: vec!["nvme-sanitize: the drive has no such command".into()],
    }
}

pub fn inventory() -> Inventory {
    Inventory { boot_variables: Some(boot_variables()), ..parts::inventory() }
}

pub fn install() -> Install {
    Install { old_nics: vec![nic("10.20.0.9")], ..parts::install() }
}

pub fn reconfigure() -> Reconfigure {
    let wiring = Wiring { bond_mode: BondMode::ActiveBackup.into(), members: parts::macs(), ..Wiring::default() };
    let old = NicConfig { wiring: Some(wiring), ..nic("10.20.0.9") };
    Reconfigure { old_nics: vec![old], ..parts::reconfigure() }
}
