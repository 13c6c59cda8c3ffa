//! A server as a thing: power, firmware, disk, and where its ports are.

use crate::{journal::Journal, ledger::Ledger, random::Random, spell::Spell, time::Timeline};
use billet_agent::{
    bmc::{BootEnabled, BootOverride, BootTarget, ResetType},
    network::{Action, Move, Network as Segment},
};
use billet_proto::{ImageId, InstanceId, MacAddr, ServerId, VpcId};
use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// Its disk, in bytes.
pub const DISK_BYTES: u64 = 20_000_000_000;
/// How long firmware looks for a network boot before it takes the disk, in milliseconds.
const NETWORK_PATIENCE: u64 = 90_000;

/// A machine; clones are the same.
#[derive(Clone)]
pub struct Machine(Arc<Mutex<Body>>);

/// What it is made of.
pub struct Body {
    /// Its place in the fleet.
    pub number: usize,
    /// As the operator registered it.
    pub id: ServerId,
    /// SMBIOS UUID.
    pub uuid: Uuid,
    /// Serial number.
    pub serial: String,
    /// The only NIC.
    pub mac: MacAddr,
    /// What it does.
    pub state: State,
    /// Grows whenever whatever ran has ended.
    pub life: u64,
    /// What the BMC was told.
    pub boots_by: BootOverride,
    /// What is on its disk.
    pub disk: Disk,
    /// Networks that its port is on.
    pub segments: Vec<Segment>,
    /// The BMC answers nothing.
    pub silent: Spell,
    /// The BMC takes actions and does nothing.
    pub deaf: Spell,
    /// The disk takes no bytes.
    pub broken: Spell,
    /// No system of this machine obeys the power button.
    pub stubborn: Spell,
    /// When it lost power last, in milliseconds.
    pub off_at: u64,
    /// When it got power last, in milliseconds.
    pub on_at: u64,
    /// When its port came to a tenant's network last, in milliseconds.
    pub attached_at: u64,
    /// It was carried away, with its BMC.
    pub is_gone: bool,
    /// What its BMC was told to do since that was looked at last.
    pub told: Vec<ResetType>,
    world: World,
}

/// What all machines share.
#[derive(Clone)]
pub struct World {
    /// The time.
    pub timeline: Timeline,
    /// What happens by chance.
    pub random: Random,
    /// What was asked for.
    pub ledger: Ledger,
    /// What happened.
    pub journal: Journal,
}

/// What a machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No power.
    Off,
    /// Firmware starts, until then.
    Firmware(u64),
    /// Firmware asks the network since then, and asks again then.
    Network(u64, u64),
    /// A ramdisk of ours starts, until then, or runs.
    Ramdisk(u64),
    /// The disk's system starts, until then.
    Starting(u64),
    /// The disk's system runs.
    System,
    /// The disk's system shuts down, until then.
    Stopping(u64),
    /// Nothing to boot.
    Stuck,
}

/// What is on a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disk {
    /// Zeros.
    Blank,
    /// Half an image, of that instance.
    Half(InstanceId),
    /// A system that was written and not configured.
    Image(InstanceId),
    /// A system.
    System(System),
}

/// An installed system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// Whose it is.
    pub instance: InstanceId,
    /// The how-many-th writing of it.
    pub writes: u32,
    /// What was written.
    pub image: ImageId,
    /// Its host name.
    pub hostname: String,
    /// What its NIC is configured with.
    pub address: Ipv4Addr,
    /// In which VPC.
    pub vpc: VpcId,
    /// Its administrator's.
    pub password_hash: String,
    /// Its SSH host key.
    pub host_key: String,
    /// It ran: since then it is the tenant's.
    pub is_used: bool,
    /// It answered with its host key since it was written or changed last.
    pub is_proven: bool,
}

impl Machine {
    /// A machine without power and with zeros on its disk.
    #[must_use]
    pub fn new(number: usize, world: World) -> Self {
        let tail = u32::try_from(number).unwrap_or_default() + 1;
        let [_, _, high, low] = tail.to_be_bytes();
        let body = Body {
            number,
            id: ServerId::new(Uuid::from_u128(0x019b_0000_0000_7000_8000_0000_0000_0000 + u128::from(tail))),
            uuid: Uuid::from_u128(0x5e7e_0000_0000_4000_8000_0000_0000_0000 + u128::from(tail)),
            serial: format!("SIM{tail:04}"),
            mac: format!("52:54:00:00:{high:02x}:{low:02x}").parse().expect("six octets"),
            state: State::Off,
            life: 0,
            boots_by: BootOverride::disabled(),
            disk: Disk::Blank,
            segments: Vec::new(),
            silent: Spell::default(),
            deaf: Spell::default(),
            broken: Spell::default(),
            stubborn: Spell::default(),
            off_at: 0,
            on_at: 0,
            attached_at: 0,
            is_gone: false,
            told: Vec::new(),
            world,
        };
        Self(Arc::new(Mutex::new(body)))
    }

    /// The machine itself.
    pub fn lock(&self) -> MutexGuard<'_, Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body {
    /// Its short name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("m{}", self.number)
    }

    /// Whether it has power.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.state != State::Off
    }

    /// Power comes; nothing where it is on.
    pub fn power_on(&mut self) {
        if !self.is_on() {
            self.on_at = self.world.timeline.now();
            self.restart("on");
        }
    }

    /// Power goes.
    pub fn power_off(&mut self, why: &str) {
        if self.is_on() {
            self.life += 1;
            self.state = State::Off;
            self.off_at = self.world.timeline.now();
            self.say(&format!("off ({why})"));
        }
    }

    /// Everything starts over.
    pub fn restart(&mut self, why: &str) {
        self.life += 1;
        let world = &self.world;
        self.state = State::Firmware(world.timeline.now() + world.random.within(15_000..40_000));
        self.say(why);
    }

    /// The power button; a system obeys it after a while, or never.
    pub fn press_button(&mut self) {
        let name = self.name();
        if self.state == State::System && !self.stubborn.meet(&self.world, ("stubborn-system", &name)) {
            self.state = State::Stopping(self.world.timeline.now() + self.world.random.within(2_000..9_000));
        }
    }

    /// Goes on by itself; true when firmware asks the network now.
    pub fn step(&mut self) -> bool {
        let now = self.world.timeline.now();
        match self.state {
            State::Firmware(until) if until <= now => {
                if self.boots_by.target == BootTarget::Pxe && self.boots_by.enabled != BootEnabled::Disabled {
                    if self.boots_by.enabled == BootEnabled::Once {
                        self.boots_by = BootOverride::disabled();
                    }
                    self.state = State::Network(now, now);
                } else {
                    self.boot_disk();
                }
            }
            State::Network(since, _) if now >= since + NETWORK_PATIENCE => self.boot_disk(),
            State::Network(since, next) if next <= now => {
                self.state = State::Network(since, now + 4_000);
                return self.segments.contains(&Segment::Provisioning);
            }
            State::Starting(until) if until <= now => {
                self.state = State::System;
                // Before it is on its network nobody can have used it.
                if let Disk::System(system) = &mut self.disk {
                    system.is_used |= self.segments.contains(&Segment::Vpc { vpc_id: system.vpc });
                }
                self.say("its system runs");
            }
            State::Stopping(until) if until <= now => self.power_off("its system shut down"),
            State::Off
            | State::Firmware(_)
            | State::Network(..)
            | State::Ramdisk(_)
            | State::Starting(_)
            | State::System
            | State::Stopping(_)
            | State::Stuck => {}
        }
        false
    }

    fn boot_disk(&mut self) {
        let now = self.world.timeline.now();
        self.state = match self.disk {
            Disk::System(_) => State::Starting(now + self.world.random.within(10_000..35_000)),
            Disk::Blank | Disk::Half(_) | Disk::Image(_) => State::Stuck,
        };
        let next = if self.state == State::Stuck { "nothing to boot" } else { "boots from disk" };
        self.say(next);
    }

    /// A port is moved.
    pub fn plug(&mut self, wanted: &Move) {
        let there = self.segments.contains(&wanted.network);
        match wanted.action {
            Action::Attach if !there => {
                self.segments.push(wanted.network);
                if wanted.network != Segment::Provisioning {
                    self.attached_at = self.world.timeline.now();
                }
            }
            Action::Detach => self.segments.retain(|segment| *segment != wanted.network),
            Action::Attach => {}
        }
        let both = self.segments.contains(&Segment::Provisioning) && self.segments.len() > 1;
        if both {
            self.world.ledger.violate(format!("{}: its port is on a tenant's network and where it boots", self.name()));
        }
    }

    /// The system that answers on a VPC, if one does.
    #[must_use]
    pub fn answers_in(&self, vpc: VpcId) -> Option<&System> {
        let Disk::System(system) = &self.disk else { return None };
        let attached = self.segments.contains(&Segment::Vpc { vpc_id: vpc });
        let runs = matches!(self.state, State::System | State::Stopping(_));
        (runs && attached && system.vpc == vpc).then_some(system)
    }

    /// The first byte of an image is written for `instance`; false where the disk fails.
    pub fn begin_write(&mut self, instance: InstanceId) -> bool {
        let ledger = &self.world.ledger;
        let writes = ledger.writes(instance);
        match &self.disk {
            Disk::System(system) if system.instance == instance => {
                if system.is_used && system.writes >= writes {
                    ledger.violate(format!(
                        "{}: {} was written over while it was in use, and nobody asked for it",
                        self.name(),
                        ledger.name(instance)
                    ));
                }
            }
            Disk::Blank => {}
            Disk::Half(other) | Disk::Image(other) if *other == instance => {}
            Disk::Half(other) | Disk::Image(other) | Disk::System(System { instance: other, .. }) => {
                ledger.violate(format!(
                    "{}: {} was written where {} had not been wiped",
                    self.name(),
                    ledger.name(instance),
                    ledger.name(*other)
                ));
            }
        }
        if !self.disk_works() {
            return false;
        }
        self.disk = Disk::Half(instance);
        true
    }

    /// Whether the disk takes bytes that are written now.
    pub fn disk_works(&mut self) -> bool {
        let name = self.name();
        !self.broken.meet(&self.world, ("disk-fails", &name))
    }

    /// Whether the BMC answers nothing to who calls it now.
    pub fn is_silent(&mut self) -> bool {
        let name = self.name();
        self.silent.meet(&self.world, ("bmc-silent", &name))
    }

    /// Whether the BMC does nothing of what it is told now.
    pub fn is_deaf(&mut self) -> bool {
        let name = self.name();
        self.deaf.meet(&self.world, ("bmc-deaf", &name))
    }

    /// The first byte of a wipe is written; false where the disk fails.
    pub fn begin_wipe(&mut self) -> bool {
        let ledger = &self.world.ledger;
        if let Disk::Half(owner) | Disk::Image(owner) | Disk::System(System { instance: owner, .. }) = &self.disk {
            if !ledger.is_released(*owner) {
                ledger.violate(format!("{}: {} was wiped, and nobody released it", self.name(), ledger.name(*owner)));
            }
            let owner = *owner;
            if !self.disk_works() {
                return false;
            }
            self.disk = Disk::Half(owner);
        }
        self.disk_works()
    }

    /// All is zeros.
    pub fn end_wipe(&mut self) {
        self.disk = Disk::Blank;
        self.say("wiped");
    }

    /// Writes into the journal.
    pub fn say(&self, what: &str) {
        self.world.journal.write(&format!("{} {what}", self.name()));
    }

    /// What it shares with the others.
    #[must_use]
    pub fn world(&self) -> World {
        self.world.clone()
    }
}
