//! What a server does with an order, step for step, and what it says meanwhile.

use crate::{
    agent::Link,
    inventory,
    machine::Hardware,
    reporter::{Ended, Reporter},
    rules::{Asked, Rules},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use billet_proto::link::{
    ByteRange, Disk, Done, Failed, Inspect, PowerAction, Progress, Step, WipeMethod, WipedDisk, WordRequest,
    order::Work, report::What,
};
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use std::{sync::Arc, time::Duration};

/// A controller that is away is asked again so often, with this pause.
const WORD_TRIES: u32 = 240;
const WORD_PAUSE: Duration = Duration::from_millis(500);

/// What an order works with.
pub(super) struct Job {
    pub(super) hardware: Arc<Hardware>,
    pub(super) link: Link,
    pub(super) rules: Arc<Rules>,
    pub(super) reporter: Reporter,
    pub(super) generation: u64,
}

/// One order, as the rules know it.
struct Ordered<'a> {
    job: &'a Job,
    work: &'static str,
    instance: String,
}

/// Why an order ended early.
struct Failure {
    step: Step,
    failed: Failed,
}

impl Failure {
    fn new(step: Step, cause: &str, message: impl Into<String>) -> Self {
        Self { step, failed: Failed { cause: cause.to_owned(), message: message.into() } }
    }
}

type Result<T> = std::result::Result<T, Failure>;

/// Does an order; how it ended.
pub(super) async fn run(job: &Job, work: Option<Work>) -> Ended {
    let ordered = |work, instance: &str| Ordered { job, work, instance: instance.to_owned() };
    let booted = matches!(work, Some(Work::Install(_) | Work::Reconfigure(_) | Work::Inspect(_) | Work::Wipe(_)));
    let done = match work {
        Some(Work::Install(order)) => {
            let size = order.image.as_ref().map_or(0, |image| image.size_bytes);
            ordered("install", &order.instance_id).install(size).await
        }
        Some(Work::PowerOff(_)) => ordered("power-off", "").power_off("the network to detach its ports").await,
        Some(Work::Reconfigure(order)) => ordered("reconfigure", &order.instance_id).reconfigure().await,
        Some(Work::Power(order)) => ordered("power", &order.instance_id).power(order.action()).await,
        Some(Work::Inspect(order)) => ordered("inspect", "").inspect(order).await,
        Some(Work::Wipe(order)) => ordered("wipe", "").wipe(order.method(), &order.disks).await,
        None => Err(Failure::new(Step::Power, "order_unknown", "an order of a kind that this version does not know")),
    };
    match done {
        Ok((step, done)) => Ended::Done(step, done),
        Err(Failure { step, failed }) => {
            if is_powered_off(booted, step, &failed.cause) {
                job.hardware.power(false);
                job.reporter.power_read(false).await;
            }
            Ended::Failed(step, failed)
        }
    }
}

/// As the real agent does after a failure (`agent/src/host/orders/boot/abandon.rs`): where a ramdisk was to boot, unless the
/// system is the tenant's already, a newer order has the server, or whatever runs there was not to be touched.
fn is_powered_off(booted: bool, step: Step, cause: &str) -> bool {
    let is_untouched = step == Step::Power && matches!(cause, "server_is_on" | "bmc_auth_failed" | "bmc_wrong_machine");
    booted && step != Step::Verify && cause != "hand_over_refused" && !is_untouched
}

impl Ordered<'_> {
    async fn install(&self, size_bytes: u64) -> Result<(Step, Done)> {
        self.network_boot().await?;
        self.look().await?;
        self.step(Step::Write, "the image to be written").await?;
        for tenth in [size_bytes / 10, size_bytes] {
            let progress = Progress {
                done_bytes: tenth,
                total_bytes: size_bytes,
                bytes_per_second: 1_000_000_000,
                waiting_for: "the disk".into(),
            };
            self.job.reporter.tell(Step::Write, What::Progress(progress)).await;
        }
        self.job.reporter.finished(Step::Write, "the image is on the disk, and was read back").await;
        let key = new_host_key().map_err(|why| Failure::new(Step::Configure, "host_key", why))?;
        let disk_serial = self.disk_serial();
        self.configured(key, disk_serial).await
    }

    async fn reconfigure(&self) -> Result<(Step, Done)> {
        self.network_boot().await?;
        self.look().await?;
        let key = self.job.hardware.host_key();
        let missing = || Failure::new(Step::Configure, "no_installed_system", "there is no system on the disk");
        let key = key.ok_or_else(missing)?;
        self.configured(key, String::new()).await
    }

    /// From the configuration of the installed system to the host key that answers.
    async fn configured(&self, key: String, disk_serial: String) -> Result<(Step, Done)> {
        let reporter = &self.job.reporter;
        self.step(Step::Configure, "the system on the disk to be configured").await?;
        reporter.host_key(&key).await;
        reporter.finished(Step::Configure, "the system on the disk is configured").await;
        self.step(Step::HandOver, "the BMC to take the order to boot from disk").await?;
        reporter.started(Step::HandOver, "the controller's word").await;
        self.word().await?;
        reporter.started(Step::HandOver, "the ramdisk to leave").await;
        reporter.started(Step::HandOver, "the controller's word, before its ports are moved").await;
        self.word().await?;
        reporter.started(Step::HandOver, "the network to attach its ports to the tenant's").await;
        reporter.started(Step::HandOver, "the BMC to reset the server").await;
        reporter.finished(Step::HandOver, "its ports are the tenant's; the server was reset to boot from disk").await;
        self.job.hardware.keep_host_key(Some(key.clone()));
        reporter.host_key(&key).await;
        self.step(Step::Verify, "the host key to answer at its address").await?;
        reporter.finished(Step::Verify, "the host key answered").await;
        let (proof, boot_trust) = ("ssh-host-key".into(), "lan".into());
        Ok((Step::Verify, Done { host_key: key, proof, boot_trust, disk_serial, ..Done::default() }))
    }

    async fn power(&self, action: PowerAction) -> Result<(Step, Done)> {
        let done = match action {
            PowerAction::Off => return self.power_off("the operating system to go down").await,
            PowerAction::On => self.power_on("the BMC to say that the server is on").await,
            PowerAction::Reboot => {
                self.power_off("the operating system to go down").await?;
                self.power_on("the BMC to say that the server is on").await
            }
            PowerAction::Unspecified => Err(Failure::new(Step::Power, "order_malformed", "no action")),
        };
        done.map(|()| (Step::Power, Done::default()))
    }

    async fn power_off(&self, then: &str) -> Result<(Step, Done)> {
        self.step(Step::PowerOff, "the BMC to say that the server is off").await?;
        self.job.hardware.power(false);
        self.job.reporter.power_read(false).await;
        self.job.reporter.started(Step::PowerOff, then).await;
        Ok((Step::PowerOff, Done::default()))
    }

    async fn inspect(&self, Inspect { allow_reset, .. }: Inspect) -> Result<(Step, Done)> {
        if self.job.hardware.is_on() && !allow_reset {
            self.job.reporter.started(Step::Power, "the BMC to say that the server is off").await;
            self.job.reporter.power_read(true).await;
            return Err(Failure::new(Step::Power, "server_is_on", "it is on, and may not be powered off"));
        }
        self.network_boot().await?;
        self.look().await?;
        self.off_again().await;
        Ok((Step::Inspect, Done { boot_trust: "lan".into(), ..Done::default() }))
    }

    async fn wipe(&self, method: WipeMethod, disks: &[Disk]) -> Result<(Step, Done)> {
        self.network_boot().await?;
        self.look().await?;
        let present = inventory::of(&self.job.hardware.plan).disks;
        let known = |disk: &Disk| present.iter().any(|there| there.serial == disk.serial);
        if let Some(unknown) = disks.iter().find(|disk| !known(disk)) {
            let message = format!("disk {} ({}) is not there", unknown.name, unknown.serial);
            return Err(Failure::new(Step::Inspect, "disks_not_recorded", message));
        }
        self.step(Step::Wipe, "the disks to be erased").await?;
        self.job.hardware.keep_host_key(None);
        let word = if method == WipeMethod::Metadata { "metadata" } else { "write-zeroes" };
        let wiped = |disk: &Disk| WipedDisk {
            disk: Some(disk.clone()),
            method: word.into(),
            bytes: disk.size_bytes,
            read_back: 64,
            ranges: vec![ByteRange { from: 0, bytes: disk.size_bytes }],
            ..WipedDisk::default()
        };
        self.job.reporter.finished(Step::Wipe, "every disk is erased, and was read back").await;
        self.off_again().await;
        let wiped = disks.iter().map(wiped).collect();
        Ok((Step::Wipe, Done { boot_trust: "lan".into(), wiped, ..Done::default() }))
    }

    /// Off, then on to boot from the network, until the ramdisk enlists.
    async fn network_boot(&self) -> Result<()> {
        let (reporter, hardware) = (&self.job.reporter, &self.job.hardware);
        self.step(Step::Power, "the BMC to say which machine it is in").await?;
        reporter.started(Step::Power, "the BMC to say that the server is off").await;
        hardware.power(false);
        reporter.power_read(false).await;
        reporter.started(Step::Power, "the network to attach its ports for booting").await;
        reporter.started(Step::Power, "the BMC to take the order to boot from the network").await;
        reporter.started(Step::Power, "the BMC to say that the server is on").await;
        hardware.power(true);
        reporter.power_read(true).await;
        reporter.finished(Step::Power, "the server is on, to boot from the network").await;
        self.step(Step::Boot, "the firmware to ask for an address").await?;
        for waiting in [
            "the firmware to fetch the boot loader",
            "the boot loader to fetch its script",
            "the boot loader to fetch the ramdisk",
            "the boot loader to fetch this boot's identity",
            "the ramdisk to enlist",
        ] {
            reporter.started(Step::Boot, waiting).await;
        }
        let inventory = inventory::of(&hardware.plan);
        let (cpus, mib) = (inventory.cpus, inventory.memory_bytes >> 20);
        reporter.tell(Step::Boot, What::Inspected(inventory)).await;
        let detail = format!("enlisted 9.0 s after its kernel started: {cpus} CPUs, {mib} MiB, uefi");
        reporter.finished(Step::Boot, &detail).await;
        Ok(())
    }

    async fn look(&self) -> Result<()> {
        self.step(Step::Inspect, "the ramdisk to look at the machine").await?;
        self.job.reporter.finished(Step::Inspect, "it is the machine that was configured").await;
        Ok(())
    }

    async fn power_on(&self, waiting: &str) -> Result<()> {
        self.step(Step::Power, waiting).await?;
        self.job.hardware.power(true);
        self.job.reporter.power_read(true).await;
        Ok(())
    }

    async fn off_again(&self) {
        self.job.hardware.power(false);
        self.job.reporter.power_read(false).await;
    }

    /// A step begins, and meets its fate.
    async fn step(&self, step: Step, waiting_for: &str) -> Result<()> {
        self.job.reporter.started(step, waiting_for).await;
        let server = self.job.hardware.plan.id.as_str();
        let fate =
            self.job.rules.fate(Asked { server, instance: &self.instance, work: self.work, step: word_of(step) });
        if !fate.delay.is_zero() {
            tokio::time::sleep(fate.delay).await;
        }
        if fate.silent {
            std::future::pending::<()>().await;
        }
        match fate.fail {
            Some(cause) => Err(Failure::new(step, &cause, format!("a rule says that it fails with {cause}"))),
            None => Ok(()),
        }
    }

    /// Asks until the controller answers, as the real agent does: not knowing is answered by asking again.
    async fn word(&self) -> Result<()> {
        let failed = |why: &str| Failure::new(Step::HandOver, "hand_over_refused", why);
        let mut nonce = vec![0; 16];
        let mut unknown = "";
        for _ in 0..WORD_TRIES {
            SystemRandom::new().fill(&mut nonce).map_err(|_| failed("no randomness"))?;
            let server_id = self.job.hardware.plan.id.clone();
            let asked = WordRequest { server_id, generation: self.job.generation, nonce: nonce.clone() };
            match self.job.link.word(asked).await {
                Ok(word) if word.granted => return Ok(()),
                Ok(word) => return Err(failed(&word.reason)),
                Err(why) => unknown = why,
            }
            tokio::time::sleep(WORD_PAUSE).await;
        }
        Err(failed(unknown))
    }

    fn disk_serial(&self) -> String {
        inventory::of(&self.job.hardware.plan).disks.swap_remove(0).serial
    }
}

fn word_of(step: Step) -> &'static str {
    match step {
        Step::Unspecified => "",
        Step::Power => "power",
        Step::Boot => "boot",
        Step::Inspect => "inspect",
        Step::Write => "write",
        Step::Configure => "configure",
        Step::HandOver => "hand-over",
        Step::Verify => "verify",
        Step::PowerOff => "power-off",
        Step::Wipe => "wipe",
    }
}

/// A new Ed25519 key's public half, as OpenSSH writes it (RFC 4253 §6.6, RFC 8709 §4).
fn new_host_key() -> std::result::Result<String, &'static str> {
    const KIND: &str = "ssh-ed25519";
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).map_err(|_| "no randomness")?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| "no key")?;
    let mut blob = Vec::new();
    for part in [KIND.as_bytes(), pair.public_key().as_ref()] {
        blob.extend(u32::try_from(part.len()).unwrap_or_default().to_be_bytes());
        blob.extend(part);
    }
    Ok(format!("{KIND} {}", STANDARD.encode(blob)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn after_a_failure_power_stays_where_a_real_agent_leaves_it() {
        for (booted, step, cause, off) in [
            (true, Step::Write, "disk_error", true),
            (true, Step::Wipe, "disk_read_back", true),
            (true, Step::Configure, "no_installed_system", true),
            (true, Step::Verify, "host_key_not_seen", false),
            (true, Step::HandOver, "hand_over_refused", false),
            (true, Step::Power, "server_is_on", false),
            (true, Step::Power, "bmc_auth_failed", false),
            (false, Step::PowerOff, "bmc_refused", false),
        ] {
            assert_eq!(is_powered_off(booted, step, cause), off, "{step:?} {cause}");
        }
    }

    #[test]
    fn ssh_keygen_knows_a_host_key_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key.pub");
        std::fs::write(&file, new_host_key().unwrap()).unwrap();
        let output = Command::new("ssh-keygen").arg("-lf").arg(&file).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains("ED25519"), "{output:?}");
    }
}
