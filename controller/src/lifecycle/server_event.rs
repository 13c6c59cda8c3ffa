//! Lines of a server's timeline: the kinds of events there are, and recording one.

use super::rules::Rules;
use crate::{
    clock::Timestamp,
    store::{
        Result, ServerEventsWanted, Transaction,
        record::{self, Server},
    },
};
use std::time::Duration;

/// How much an event matters, in the family's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The server cannot be used, and nothing mends that by itself.
    Critical,
    /// Work on it failed.
    Major,
    /// Worth a look.
    Minor,
    /// As asked for.
    Info,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Critical, Self::Major, Self::Minor, Self::Info];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Info => "info",
        }
    }
    /// The level with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.word() == word)
    }
}

/// A kind of event, and what there is to be said of all events of the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Its word, such as `wipe-failed`.
    pub word: &'static str,
    /// How much it matters.
    pub level: Level,
    /// Its name, for people.
    pub name: &'static str,
    /// What it means for the server.
    pub effect: &'static str,
    /// What to do.
    pub suggestion: &'static str,
}

macro_rules! kinds {
    ($($name:ident: $word:literal, $level:ident, $title:literal, $effect:literal, $suggestion:literal;)*) => {
        $(pub(super) const $name: Kind = Kind {
            word: $word,
            level: Level::$level,
            name: $title,
            effect: $effect,
            suggestion: $suggestion,
        };)*
        /// All kinds.
        pub const KINDS: &[Kind] = &[$($name),*];
    };
}

kinds! {
    REGISTERED: "registered", Info, "Server registered",
        "Its registered agent may own it.", "None.";
    CLAIMED: "claimed", Info, "Server claimed by its agent",
        "The agent drives its BMC and its network boot.", "None.";
    CLAIM_LOST: "claim-lost", Major, "Agent lost the claim",
        "Nobody drives the server.", "Add it to an agent's configuration, or retire it.";
    CLAIM_REFUSED: "claim-refused", Major, "Claim refused",
        "The agent that claims it does not get it.",
        "Mend that agent's configuration, or register the server for it.";
    INSPECTION_BEGAN: "inspection-began", Info, "Inspection began",
        "The server boots the ramdisk, which only looks.", "None.";
    INSPECTION_ENDED: "inspection-ended", Info, "Inspection ended",
        "Its hardware is recorded.", "None.";
    INSPECTION_FAILED: "inspection-failed", Major, "Inspection failed",
        "The server stays where it was, or is kept out where it was to be used unwiped.", "Mend what the event names, and inspect again.";
    WIPE_BEGAN: "wipe-began", Info, "Wipe began",
        "The recorded disks are erased.", "None.";
    WIPE_ENDED: "wipe-ended", Info, "Wipe ended",
        "What was written on the recorded disks is erased, and that was read back.", "None.";
    WIPE_FAILED: "wipe-failed", Critical, "Wipe failed",
        "The server is kept out of use, because a tenant's data may be on it.",
        "Mend what the event names, wipe again, and put the server back.";
    DISKS_DIFFER: "disks-differ", Major, "Other disks than were recorded",
        "A wipe stops until the recorded disks are there and no others.",
        "Put the disks back; or take the server out for maintenance and inspect it, which records those that are there.";
    DISKS_UNMARKED: "disks-unmarked", Major, "Disks without a mark of their own",
        "They tell neither a serial number nor a WWN, so that nobody can know them again: each wipe stops while they are there.",
        "Take them out or replace them, and inspect again.";
    BASELINE_RECORDED: "baseline-recorded", Info, "Baseline recorded",
        "After each wipe the server is compared with what it is now.", "None.";
    BASELINE_RESTORED: "baseline-restored", Minor, "Put right",
        "What a tenant's system changed beside the disks is as it was.", "None.";
    BASELINE_MISSING: "baseline-missing", Minor, "No baseline",
        "What a tenant's system changed beside the disks is not noticed.",
        "Take the server out when it is free, and inspect it, accepting its baseline.";
    BASELINE_DIFFERS: "baseline-differs", Critical, "Not as it was when it was enrolled",
        "The server is kept out of use, because what its last tenant's system may have changed could harm the next.",
        "Mend what the event names and inspect or wipe it again; or inspect it accepting the baseline, where the change was yours. Then put it back.";
    MAINTENANCE_BEGAN: "maintenance-began", Info, "Taken out for maintenance",
        "No instance is placed on it.", "Put it back when it is mended.";
    MAINTENANCE_ENDED: "maintenance-ended", Info, "Put back from maintenance",
        "Instances may be placed on it again.", "None.";
    UNWIPED_ACCEPTED: "unwiped-accepted", Minor, "Accepted unwiped",
        "The next tenant may find what the one before wrote.", "Wipe it where that matters.";
    RESTORED: "database-restored", Major, "Database put back from a backup",
        "What was done with the server since the backup is not known, and nothing is done with it before an operator looked.",
        "Where an instance is on it, see that it is the one that is told, and put the server back; else wipe it and put it back, or accept it unwiped.";
    OFFBOARDING: "offboarding", Info, "Server retired",
        "No instance is placed on it any more.", "Delete it when it has left.";
    POWER_BEGAN: "power-began", Info, "Power action began",
        "The server is powered as was asked for.", "None.";
    POWER_ENDED: "power-ended", Info, "Power action ended",
        "The power is as was asked for.", "None.";
    POWER_FAILED: "power-failed", Major, "Power action failed",
        "The power may not be as was asked for.", "Look at the server's BMC.";
    TASK_CANCELLED: "task-cancelled", Minor, "Work on the server was given up",
        "The server was given to another agent meanwhile, or is gone.", "Ask again.";
    PLACED: "instance-placed", Info, "Instance placed",
        "The server is in use.", "None.";
    TERMINATED: "instance-terminated", Info, "Instance terminated",
        "The server is off, and is wiped next, or inspected where it may be used unwiped.", "None.";
    NOTE: "note", Info, "Note of the agent",
        "None.", "None.";
}

/// The kind with that word.
pub fn kind(word: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.word == word)
}

/// As [`record`], unless it is the server's newest event of that level already: what is reported again is told once.
pub(super) fn record_once(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &Server,
    kind: Kind,
    message: String,
) -> Result<()> {
    let wanted = ServerEventsWanted {
        servers: Some(vec![server.id]),
        from: Timestamp(0),
        to: rules.now.after(Duration::from_millis(1)),
        level: Some(kind.level.word().into()),
        offset: 0,
        limit: 1,
    };
    let (newest, _) = tx.server_events(&wanted)?;
    if newest.iter().any(|event| event.kind == kind.word && event.message == message) {
        return Ok(());
    }
    record(tx, rules, server, kind, message)
}

/// Records an event of that kind.
pub(super) fn record(
    tx: &mut dyn Transaction,
    rules: &Rules,
    server: &Server,
    kind: Kind,
    message: impl Into<String>,
) -> Result<()> {
    tx.insert_server_event(&record::ServerEvent {
        seq: 0,
        server_id: server.id,
        at: rules.now,
        level: kind.level.word().into(),
        kind: kind.word.into(),
        message: message.into(),
    })
    .map(drop)
}
