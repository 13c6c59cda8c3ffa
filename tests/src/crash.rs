//! The crash matrix: who is struck, at which step of an installation. Its cells are named `controller:write`.

use anyhow::{Context, Error, Result};
use std::{fmt, str::FromStr};

/// Who is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Victim {
    /// The controller is killed, and started again at once.
    Controller,
    /// So is the agent.
    Agent,
    /// So are both, together.
    Both,
    /// The server loses its power; its BMC does not.
    Power,
    /// The network between agent and controller is cut.
    ControllerLink,
    /// The network between agent and server, on which it is provisioned, is cut.
    ServerLink,
    /// The network between agent and BMC is cut.
    BmcLink,
    /// The disk of the agent's journal is full.
    Journal,
}

/// A step of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The request was answered with 202.
    Accept,
    /// The agent took the order: it is in its journal.
    Prepare,
    /// The BMC powered the server on.
    Power,
    /// Firmware and ramdisk start.
    Boot,
    /// The ramdisk looks at the machine.
    Inspect,
    /// A part of the image is on the disk.
    Write,
    /// The system on the disk is configured.
    Configure,
    /// The controller's word is asked for, ports are moved, the server is reset.
    HandOver,
    /// The host key is awaited.
    Verify,
}

/// The laboratories in which cells are run side by side: one keeps about one processor busy.
pub const LABORATORIES: [&str; 2] = ["crash0", "crash1"];
/// Those that are struck at each step.
pub const VICTIMS: [Victim; 4] = [Victim::Controller, Victim::Agent, Victim::Both, Victim::Power];
/// Networks, which are cut for a minute while the image is written; and the disk that is full for a moment when an order comes, and
/// while it is written.
pub const OTHERS: [Victim; 4] = [Victim::ControllerLink, Victim::ServerLink, Victim::BmcLink, Victim::Journal];
/// All, in their order.
pub const STEPS: [Step; 9] = [
    Step::Accept,
    Step::Prepare,
    Step::Power,
    Step::Boot,
    Step::Inspect,
    Step::Write,
    Step::Configure,
    Step::HandOver,
    Step::Verify,
];
/// Between the steps of two victims in a sample: nine samples that follow each other have every cell.
const STRIDE: usize = 2;

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cell {
    /// Who.
    pub victim: Victim,
    /// When.
    pub step: Step,
}

impl Victim {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Agent => "agent",
            Self::Both => "both",
            Self::Power => "power",
            Self::ControllerLink => "controller-link",
            Self::ServerLink => "server-link",
            Self::BmcLink => "bmc-link",
            Self::Journal => "journal",
        }
    }

    /// Its cells.
    #[must_use]
    pub fn cells(self) -> Vec<Cell> {
        let steps: &[Step] = match self {
            Self::ControllerLink | Self::ServerLink | Self::BmcLink => &[Step::Write],
            Self::Journal => &[Step::Accept, Step::Write],
            Self::Controller | Self::Agent | Self::Both | Self::Power => &STEPS,
        };
        steps.iter().map(|step| Cell { victim: self, step: *step }).collect()
    }
}

impl Step {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Prepare => "prepare",
            Self::Power => "power",
            Self::Boot => "boot",
            Self::Inspect => "inspect",
            Self::Write => "write",
            Self::Configure => "configure",
            Self::HandOver => "hand-over",
            Self::Verify => "verify",
        }
    }
}

impl Cell {
    /// Four cells, one for each of [`VICTIMS`], by the number of commits: victim `i` at step (`commits` + 2`i`) mod 9.
    #[must_use]
    pub fn sample(commits: usize) -> Vec<Self> {
        let step = |number: usize| STEPS[(commits + number * STRIDE) % STEPS.len()];
        VICTIMS.iter().enumerate().map(|(number, victim)| Self { victim: *victim, step: step(number) }).collect()
    }

    /// Cells with commas between them.
    ///
    /// # Errors
    /// Naming the first that is none.
    pub fn parse_list(text: &str) -> Result<Vec<Self>> {
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::parse).collect()
    }

    /// As [`Cell::parse_list`] reads them.
    #[must_use]
    pub fn list(cells: &[Self]) -> String {
        cells.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.victim.word(), self.step.word())
    }
}

impl FromStr for Cell {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut victims = VICTIMS.into_iter().chain(OTHERS);
        let found = text.split_once(':').and_then(|(victim, step)| {
            let victim = victims.find(|known| known.word() == victim)?;
            let step = STEPS.into_iter().find(|known| known.word() == step)?;
            Some(Self { victim, step })
        });
        found.with_context(|| format!("\"{text}\" is no cell: VICTIM:STEP, such as controller:write or power:boot"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_cell_has_a_name_by_which_it_is_found() {
        let all: Vec<Cell> = VICTIMS.into_iter().chain(OTHERS).flat_map(Victim::cells).collect();
        assert_eq!(all.len(), 36 + 5);
        assert_eq!(Cell::parse_list(&Cell::list(&all)).unwrap(), all);
        for text in ["controller", "controller:", ":write", "nobody:write", "agent:running", "agent: write"] {
            assert!(text.parse::<Cell>().is_err_and(|error| error.to_string().contains(&format!("\"{text}\""))));
        }
    }

    #[test]
    fn a_sample_has_each_victim_once_and_nine_that_follow_each_other_have_every_cell() {
        let sample = Cell::sample(287);
        assert_eq!(Cell::list(&sample), "controller:verify,agent:prepare,both:boot,power:write");
        let nine: HashSet<Cell> = (287..296).flat_map(Cell::sample).collect();
        assert_eq!(nine.len(), 36);
    }
}
