//! From power to the right machine's enlisting.

use super::watch::{RAMDISK_SILENT, Watch};
use crate::{
    boot::BootEventKind,
    host::{failure::Failure, orders::Job, ramdisks::Call, state::Stage},
};
use billet_proto::{
    link::{Inventory, Step},
    manifest::Digest,
};
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tonic::Status;

/// From a boot's identity to its ramdisk's enlisting, which takes seconds; disks may take most of a minute to settle. Whatever
/// takes longer runs no ramdisk of ours.
const ENLISTS_WITHIN: Duration = Duration::from_secs(300);

/// The boot's identity was asked for again.
pub(super) const BOOT_VOIDED: &str = "boot_voided";

/// Waits for the right machine to enlist; answers the digest of its token, until its session is used.
pub(in crate::host::orders) async fn enlist(job: &Job, calls: &mut mpsc::Receiver<Call>) -> Result<Digest, Failure> {
    job.reporter.started(Step::Boot, "the firmware to ask for an address");
    let booted = job.within(Step::Boot, follow(job, calls)).await;
    if booted.is_err() {
        job.tools.boots.close(job.server_id());
    }
    booted
}

/// Somebody else may have this boot's identity: nothing more is done for whoever enlisted by it.
pub(super) fn voided(job: &Job) -> Failure {
    let message = "this boot's identity was asked for twice: the boot is void, for somebody else may have it";
    job.reporter.note("identity-asked-again", message);
    job.tools.ramdisks.close(job.server_id());
    Failure::new(job.reporter.step(), BOOT_VOIDED, message)
}

async fn follow(job: &Job, calls: &mut mpsc::Receiver<Call>) -> Result<Digest, Failure> {
    let mut events = job.tools.boots.watch(job.server_id());
    let (mut watch, mut late) = (Watch::new(), None);
    loop {
        tokio::select! {
            // A boot that is void enlists no one, even if both are known at once.
            biased;
            kind = events.next() => match kind {
                BootEventKind::Offered => job.reporter.started(Step::Boot, "the firmware to fetch the boot loader"),
                BootEventKind::LoaderFetched => job.reporter.started(Step::Boot, "the boot loader to fetch its script"),
                BootEventKind::ScriptFetched => job.reporter.started(Step::Boot, "the boot loader to fetch the ramdisk"),
                BootEventKind::KernelFetched => job.reporter.started(Step::Boot, "the boot loader to fetch this boot's identity"),
                BootEventKind::IdentityServed => {
                    late = Some(Instant::now() + ENLISTS_WITHIN);
                    job.reporter.started(Step::Boot, "the ramdisk to enlist");
                }
                BootEventKind::IdentityAskedAgain => return Err(voided(job)),
            },
            call = calls.recv() => match call {
                Some(Call::Enlist { inventory, uptime_ms, token, session, answer }) => {
                    if let Err(why) = right_machine(job, &inventory) {
                        let _ = answer.send(Err(Status::permission_denied(why.clone())));
                        return Err(Failure::new(Step::Boot, "wrong_machine", why));
                    }
                    let detail = described(&inventory, uptime_ms);
                    // Kept with the stage: it is not told again after a restart.
                    job.reporter.inspected(*inventory);
                    let kept = job.save(Step::Boot, Stage::Ramdisk { session, token: Some(token), installed: None });
                    let _ = answer.send(kept.clone().map_err(|f| Status::unavailable(f.message)));
                    kept?;
                    job.reporter.finished(Step::Boot, &detail);
                    return Ok(token);
                }
                Some(call) => call.refuse("nothing enlisted yet"),
                None => return Err(Failure::new(Step::Boot, "superseded", "a newer order took the server's place")),
            },
            () = sleep_until(late.unwrap_or_else(Instant::now)), if late.is_some() => {
                let message = format!("no ramdisk enlisted within {} s of its boot's identity", ENLISTS_WITHIN.as_secs());
                return Err(Failure::new(Step::Boot, RAMDISK_SILENT, message));
            },
            // Firmware says nothing for many minutes; whether it has power shows.
            lost = watch.lost(job, None) => return Err(lost),
        }
    }
}

/// A token alone is not enough: the machine must be the one that was configured.
pub(in crate::host::orders) fn right_machine(job: &Job, inventory: &Inventory) -> Result<(), String> {
    let server = &job.tools.server;
    if let Some(uuid) = server.uuid {
        let told = inventory.uuid.trim().parse::<uuid::Uuid>().ok();
        if told != Some(uuid) {
            return Err(format!("the machine that booted says UUID {:?}, not {uuid}", inventory.uuid.trim()));
        }
    }
    if let Some(serial) = server.serial.as_deref()
        && !inventory.serial.trim().eq_ignore_ascii_case(serial.trim())
    {
        return Err(format!("the machine that booted says serial number {:?}, not {serial}", inventory.serial.trim()));
    }
    let has = |mac: billet_proto::MacAddr| inventory.macs.iter().any(|told| told.parse() == Ok(mac));
    // A bond's members are NICs of their own here; an accelerator's own port is none.
    match server.visible_nics().find(|mac| !has(*mac)) {
        Some(mac) => Err(format!("the machine that booted has no NIC {mac}")),
        None => Ok(()),
    }
}

fn described(inventory: &Inventory, uptime_ms: u64) -> String {
    let disks: Vec<String> =
        inventory.disks.iter().take(16).map(|d| format!("{} {} GB", d.name, d.size_bytes / 1_000_000_000)).collect();
    format!(
        "enlisted {:.1} s after its kernel started: {} CPUs, {} MiB, {}, disks: {}",
        Duration::from_millis(uptime_ms).as_secs_f32(),
        inventory.cpus,
        inventory.memory_bytes >> 20,
        inventory.firmware,
        disks.join(", "),
    )
}
