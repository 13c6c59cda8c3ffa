//! What goes wrong, by chance.

use crate::{
    controller::Controller, machine::State, network::Node, ramdisk, random::Random, spell::Spell, world::World,
};
use billet_controller::store::record::ManageState;
use std::sync::atomic::Ordering;

/// Faults to come, and those that end.
pub struct Faults {
    random: Random,
    next: u64,
    ends: Vec<(u64, End)>,
    /// A machine was carried away already: once is enough, for it is gone for long.
    has_lost: bool,
}

/// What ends a fault.
enum End {
    Controller,
    Agent(usize),
    Cut(&'static str, Node, Node),
    Slow,
    Database,
    Gone(usize),
}

/// The operator says within so long that a machine is gone, and it comes back later than this.
const GONE_MS: u64 = 600_000;

/// All kinds, each as likely as it is often here.
const KINDS: [&str; 23] = [
    "controller-crash",
    "controller-crash",
    "controller-crash",
    "agent-crash",
    "agent-crash",
    "agent-crash",
    "both-crash",
    "power-cut",
    "power-cut",
    "machine-reset",
    "machine-reset",
    "bmc-silent",
    "bmc-silent",
    "bmc-deaf",
    "disk-fails",
    "cut-controller-agent",
    "cut-controller-agent",
    "cut-agent-machine",
    "slow-network",
    "clock-jump",
    "database-refuses",
    "stubborn-system",
    "machine-gone",
];

impl Faults {
    /// None yet.
    #[must_use]
    pub fn new(random: Random) -> Self {
        let next = random.within(10_000..90_000);
        Self { random, next, ends: Vec::new(), has_lost: false }
    }

    /// The next time that something ends or begins, in milliseconds.
    #[must_use]
    pub fn due(&self) -> u64 {
        self.ends.iter().map(|(at, _)| *at).min().unwrap_or(u64::MAX).min(self.next)
    }

    /// Begins what is due, and ends what is over.
    pub fn step(&mut self, world: &mut World) {
        self.end(world, world.timeline.now());
        if self.next <= world.timeline.now() {
            self.next = world.timeline.now() + self.random.within(15_000..170_000);
            self.begin(world);
        }
    }

    /// Ends all, and begins none any more.
    pub fn stop(&mut self, world: &mut World) {
        self.next = u64::MAX;
        self.end(world, u64::MAX);
        for machine in &world.machines.0 {
            let mut body = machine.lock();
            (body.silent, body.deaf) = (Spell::default(), Spell::default());
            (body.broken, body.stubborn) = (Spell::default(), Spell::default());
        }
    }

    fn end(&mut self, world: &mut World, until: u64) {
        let (over, on): (Vec<_>, Vec<_>) = std::mem::take(&mut self.ends).into_iter().partition(|(at, _)| *at <= until);
        self.ends = on;
        for (_, end) in over {
            match end {
                End::Controller => world.start_controller(),
                End::Agent(number) => world.start_agent(number),
                End::Cut(kind, one, other) => {
                    if world.network.heal(&one, &other) {
                        world.journal.fault(kind, &format!("{one} {other}"));
                    }
                }
                End::Slow => world.network.delay(1, 40),
                End::Database => {
                    world.site.disk_refuses.store(false, Ordering::Relaxed);
                    if world.site.has_refused.swap(false, Ordering::Relaxed) {
                        world.journal.fault("database-refuses", "");
                    }
                }
                End::Gone(number) => come_back(world, number),
            }
        }
    }

    fn begin(&mut self, world: &mut World) {
        let now = world.timeline.now();
        let agent = usize::try_from(self.random.within(0..world.agents.len() as u64)).unwrap_or(0);
        let machine = usize::try_from(self.random.within(0..world.machines.0.len() as u64)).unwrap_or(0);
        let kind = KINDS[usize::try_from(self.random.within(0..KINDS.len() as u64)).unwrap_or(0)];
        let body = world.machines.0[machine].clone();
        let of_machine = format!("m{machine}");
        match kind {
            "controller-crash" => self.crash_controller(world),
            "agent-crash" => self.crash_agent(world, agent),
            "both-crash" => {
                self.crash_controller(world);
                self.crash_agent(world, agent);
            }
            "power-cut" => {
                let mut body = body.lock();
                if body.is_on() {
                    world.journal.fault(kind, &of_machine);
                    body.power_off("cut");
                }
            }
            "machine-reset" => {
                let mut body = body.lock();
                if matches!(body.state, State::Ramdisk(_) | State::System | State::Network(..)) {
                    world.journal.fault(kind, &of_machine);
                    body.restart("reset by itself");
                }
            }
            "bmc-silent" => {
                world.journal.begin(kind, &of_machine);
                body.lock().silent = Spell::until(now + self.random.within(10_000..240_000));
            }
            "bmc-deaf" => {
                world.journal.begin(kind, &of_machine);
                body.lock().deaf = Spell::until(now + self.random.within(5_000..60_000));
            }
            "disk-fails" => {
                world.journal.begin(kind, &of_machine);
                body.lock().broken = Spell::until(now + self.random.within(10_000..90_000));
            }
            "cut-controller-agent" => {
                let node = world.agents[agent].node.clone();
                self.cut(world, kind, (Controller::node(), node));
            }
            "cut-agent-machine" => {
                let agent = world.agents[world.agent_of(machine)].node.clone();
                self.cut(world, kind, (agent, ramdisk::node(machine)));
            }
            "slow-network" => {
                world.journal.fault(kind, "");
                world.network.delay(50, 2_500);
                self.ends.push((now + self.random.within(10_000..60_000), End::Slow));
            }
            "clock-jump" => {
                let far = if self.random.happens(150) { 3_600_000 } else { 200_000 };
                let by = i64::try_from(self.random.within(0..2 * far)).unwrap_or(0) - i64::try_from(far).unwrap_or(0);
                world.journal.fault(kind, &format!("by {by} ms"));
                world.skew.jump(by);
            }
            "database-refuses" => {
                world.journal.begin(kind, "");
                world.site.disk_refuses.store(true, Ordering::Relaxed);
                self.ends.push((now + self.random.within(1_000..20_000), End::Database));
            }
            "machine-gone" if self.has_lost => {}
            "machine-gone" => {
                self.has_lost = true;
                let mut body = body.lock();
                world.journal.fault(kind, &of_machine);
                body.power_off("carried away");
                body.is_gone = true;
                world.ledger.lose(body.id, now + GONE_MS);
                self.ends.push((now + self.random.within(2 * GONE_MS..4 * GONE_MS), End::Gone(machine)));
            }
            _ => {
                let mut body = body.lock();
                if body.stubborn.is_on(now) {
                    body.stubborn = Spell::default();
                    body.say("its systems obey the power button again");
                } else {
                    body.stubborn = Spell::until(u64::MAX);
                    world.journal.begin(kind, &of_machine);
                }
            }
        }
    }

    fn crash_controller(&mut self, world: &mut World) {
        if world.controller.take().is_some() {
            world.journal.fault("controller-crash", "");
            self.ends.push((world.timeline.now() + self.random.within(500..60_000), End::Controller));
        }
    }

    fn crash_agent(&mut self, world: &mut World, number: usize) {
        if world.agents[number].running.take().is_some() {
            world.journal.fault("agent-crash", &world.agents[number].node.clone());
            self.ends.push((world.timeline.now() + self.random.within(500..90_000), End::Agent(number)));
        }
    }

    /// It is a fault where anything was held back, which is known at its end.
    fn cut(&mut self, world: &World, kind: &'static str, (one, other): (Node, Node)) {
        world.journal.begin(kind, &format!("{one} {other}"));
        world.network.cut(&one, &other);
        let until = world.timeline.now() + self.random.within(5_000..120_000);
        self.ends.push((until, End::Cut(kind, one, other)));
    }
}

/// A machine is brought back, without power. Where the operator said that it is gone, its cables were taken out too.
fn come_back(world: &World, number: usize) {
    let mut body = world.machines.0[number].lock();
    let mut servers = world.seen.servers.iter();
    if servers.any(|server| server.id == body.id && server.manage_state == ManageState::Offboarding) {
        body.segments.clear();
    }
    body.is_gone = false;
    body.say("is back");
    world.ledger.find(body.id);
}
