//! A ramdisk at work in a machine: the real one's calls to its agent, with a disk of a few words.

use crate::{
    machine::{Body, DISK_BYTES, Disk, Machine, System},
    network::{Network, Node},
    process::Process,
    stream::dial,
};
use billet_agent::{
    probe::HostKey,
    ramdisk::{Agent, Heartbeat, StepError, hand_over},
};
use billet_proto::{
    identity::BootIdentity,
    link::{
        self, Failed, Finished, Inspect, Install, Inventory, NetworkPort, Progress, Reconfigure, Started, Step, Wipe,
        WipedDisk,
    },
    ramdisk::{Configured, PutBack, Wiped, enlist_reply::Task, ramdisk_report::What},
};
use std::{sync::MutexGuard, time::Duration};

/// The name of a machine on the network.
#[must_use]
pub fn node(machine: usize) -> Node {
    format!("machine-{machine}").into()
}

/// Boots it in that machine.
#[must_use]
pub fn boot(machine: &Machine, identity: BootIdentity, network: &Network) -> Process {
    let (number, life) = {
        let body = machine.lock();
        (body.number, body.life)
    };
    let node = node(number);
    network.appear(&node);
    let (machine, dial) = (machine.clone(), dial(network, &node));
    let (process, ()) = Process::start(|| ());
    process.spawn(async move {
        let began = tokio::time::Instant::now();
        let delay = machine.lock().world().random.within(2_000..7_000);
        tokio::time::sleep(Duration::from_millis(delay)).await;
        let inventory = inventory(&machine.lock());
        let Ok((agent, reply)) = Agent::enlist(&identity, &dial, inventory, began.elapsed()).await else { return };
        let ledger = machine.lock().world().ledger;
        ledger.keep_secret("a ramdisk's session", reply.session.clone());
        machine.lock().say(&format!("enlisted for generation {}", reply.generation));
        let _heartbeat = Heartbeat::spawn(agent.clone());
        let mut work = Work { machine: machine.clone(), life, agent, step: Step::Inspect };
        let done = match reply.task {
            Some(Task::Install(order)) => work.install(&order).await,
            Some(Task::Reconfigure(order)) => work.reconfigure(&order).await,
            Some(Task::Inspect(order)) => work.inspect(&order).await,
            Some(Task::Wipe(order)) => work.wipe(&order).await,
            None => return,
        };
        if let Err(error) = done {
            machine.lock().say(&format!("its ramdisk failed: {}", error.cause()));
            let failed = Failed { cause: error.cause().into(), message: error.to_string() };
            // Where even that cannot be told, the agent's deadline tells it.
            let _ = work.agent.report(work.step, What::Failed(failed)).await;
        }
    });
    process
}

struct Work {
    machine: Machine,
    life: u64,
    agent: Agent,
    step: Step,
}

fn failed(cause: &'static str) -> StepError {
    StepError::Other { cause, message: "as the simulation has it".into() }
}

impl Work {
    /// The machine, as long as this ramdisk runs in it.
    async fn body(&self) -> MutexGuard<'_, Body> {
        if self.machine.lock().life != self.life {
            // Its power is gone; so is whoever would go on from here.
            std::future::pending::<()>().await;
        }
        self.machine.lock()
    }

    async fn begin(&mut self, step: Step) -> Result<(), StepError> {
        self.step = step;
        let waiting_for = format!("the ramdisk's {}", step.as_str_name());
        Ok(self.agent.report(step, What::Started(Started { waiting_for, ..Started::default() })).await?)
    }

    async fn end(&self) -> Result<(), StepError> {
        Ok(self.agent.report(self.step, What::Finished(Finished { detail: "done".into() })).await?)
    }

    async fn inspect(&mut self, order: &Inspect) -> Result<(), StepError> {
        self.begin(Step::Inspect).await?;
        self.end().await?;
        if order.baseline.is_some() {
            self.agent.report(Step::Inspect, What::PutBack(PutBack { boot_variables: None })).await?;
        }
        Ok(())
    }

    /// Takes a while, and tells how far it came.
    async fn progress(&self, seconds: u64) -> Result<(), StepError> {
        for second in 1..=seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if !self.body().await.disk_works() {
                return Err(failed("disk_error"));
            }
            if second % 10 == 0 {
                let (done_bytes, total_bytes) = (second << 20, seconds << 20);
                let waiting_for = "the disk".into();
                let progress = Progress { done_bytes, total_bytes, bytes_per_second: 1 << 20, waiting_for };
                self.agent.mention(self.step, What::Progress(progress)).await;
            }
        }
        Ok(())
    }

    async fn install(&mut self, order: &Install) -> Result<(), StepError> {
        let instance = order.instance_id.parse().map_err(|_| failed("order_malformed"))?;
        self.begin(Step::Inspect).await?;
        self.end().await?;
        self.begin(Step::Write).await?;
        if !self.body().await.begin_write(instance) {
            return Err(failed("disk_error"));
        }
        let seconds = self.machine.lock().world().random.within(15..70);
        self.progress(seconds).await?;
        self.body().await.disk = Disk::Image(instance);
        self.end().await?;
        self.begin(Step::Configure).await?;
        let nic = order.nics.first().ok_or_else(|| failed("order_malformed"))?;
        let image = order.image.as_ref().and_then(|image| image.image_id.parse().ok());
        let image = image.ok_or_else(|| failed("order_malformed"))?;
        let host_key = {
            let mut body = self.body().await;
            let world = body.world();
            let mut key = [0; 32];
            world.random.fill(&mut key);
            let host_key = HostKey::from_bytes(key).to_string();
            body.disk = Disk::System(System {
                instance,
                writes: world.ledger.writes(instance),
                image,
                hostname: order.hostname.clone(),
                address: nic.address.parse().map_err(|_| failed("order_malformed"))?,
                vpc: nic.vpc_id.parse().map_err(|_| failed("order_malformed"))?,
                password_hash: order.password_hash.clone(),
                host_key: host_key.clone(),
                is_used: false,
                is_proven: false,
            });
            host_key
        };
        self.leave(host_key).await
    }

    async fn reconfigure(&mut self, order: &Reconfigure) -> Result<(), StepError> {
        self.begin(Step::Inspect).await?;
        self.end().await?;
        self.begin(Step::Configure).await?;
        let host_key = {
            let mut body = self.body().await;
            let Disk::System(system) = &mut body.disk else { return Err(failed("no_installed_system")) };
            if system.instance.to_string() != order.instance_id {
                return Err(failed("no_installed_system"));
            }
            if let Some(nic) = order.nics.first().filter(|_| order.rewrite_network) {
                system.address = nic.address.parse().map_err(|_| failed("order_malformed"))?;
                system.vpc = nic.vpc_id.parse().map_err(|_| failed("order_malformed"))?;
            }
            if !order.password_hash.is_empty() {
                system.password_hash.clone_from(&order.password_hash);
            }
            system.is_proven = false;
            system.host_key.clone()
        };
        self.leave(host_key).await
    }

    async fn leave(&mut self, host_key: String) -> Result<(), StepError> {
        self.end().await?;
        let disk_serial = disk(&*self.body().await).serial;
        self.agent.report(Step::Configure, What::Configured(Configured { host_key, disk_serial })).await?;
        self.begin(Step::HandOver).await?;
        hand_over::run(&self.agent).await
    }

    async fn wipe(&mut self, order: &Wipe) -> Result<(), StepError> {
        self.begin(Step::Inspect).await?;
        let known = disk(&*self.body().await);
        if order.disks.len() != 1 || order.disks[0].serial != known.serial {
            return Err(failed("disk_missing"));
        }
        self.end().await?;
        self.begin(Step::Wipe).await?;
        if !self.body().await.begin_wipe() {
            return Err(failed("disk_error"));
        }
        let seconds = self.machine.lock().world().random.within(10..40);
        self.progress(seconds).await?;
        self.body().await.end_wipe();
        self.end().await?;
        let wiped = WipedDisk {
            disk: order.disks.first().cloned(),
            method: "overwrite".into(),
            bytes: DISK_BYTES,
            read_back: 64,
            ..WipedDisk::default()
        };
        Ok(self.agent.report(Step::Wipe, What::Wiped(Wiped { disks: vec![wiped], boot_variables: None })).await?)
    }
}

fn disk(body: &Body) -> link::Disk {
    link::Disk {
        name: "vda".into(),
        size_bytes: DISK_BYTES,
        serial: format!("DISK-{}", body.serial),
        transport: "virtio".into(),
        direct: true,
        ..link::Disk::default()
    }
}

fn inventory(body: &Body) -> Inventory {
    let mac = body.mac.to_string();
    Inventory {
        uuid: body.uuid.to_string(),
        serial: body.serial.clone(),
        macs: vec![mac.clone()],
        disks: vec![disk(body)],
        memory_bytes: 64 << 30,
        cpus: 32,
        firmware: "uefi".into(),
        ports: vec![NetworkPort { name: "eth0".into(), mac, link: true, ..NetworkPort::default() }],
        ..Inventory::default()
    }
}
