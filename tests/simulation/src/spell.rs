//! A time in which something of a machine fails. It is a fault once somebody meets it: one of a machine that nobody works with
//! shows nothing.

use crate::machine::World;

/// Such a time; none by default.
#[derive(Debug, Default)]
pub struct Spell {
    until: u64,
    is_met: bool,
}

impl Spell {
    /// From now until then, in milliseconds.
    #[must_use]
    pub fn until(end: u64) -> Self {
        Self { until: end, is_met: false }
    }

    /// Whether it goes on at that time.
    #[must_use]
    pub fn is_on(&self, now: u64) -> bool {
        self.until > now
    }

    /// Whether somebody who does something now meets it; the first of them makes it a fault of that kind.
    pub fn meet(&mut self, world: &World, (kind, whose): (&'static str, &str)) -> bool {
        let is_on = self.is_on(world.timeline.now());
        if is_on && !self.is_met {
            self.is_met = true;
            world.journal.fault(kind, whose);
        }
        is_on
    }
}
