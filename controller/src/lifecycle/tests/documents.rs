//! What the operators' documents say of states, against the code: each is named, and each way out is a command that there is.

use crate::{
    cli::Arguments,
    lifecycle::{
        rules::{GRACE, Rules},
        server_table::{self, ServerEvent},
        table::{self, Event, OPERATIONS, Operation, PHASES, Phase, Standing},
        task,
    },
    store::record::{Cause, ManageState, Server, TaskKind, WipePolicy},
};
use billet_proto::AgentId;
use clap::Parser;
use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::Path,
    time::Duration,
};
use uuid::Uuid;

pub(super) const STUCK: &str = include_str!("../../../../packaging/doc/stuck.md");
const STATES: &str = include_str!("../../../../packaging/doc/states.md");

/// The rows of the table under a heading, cell by cell, without the two lines of its head.
pub(super) fn rows(document: &'static str, heading: &str) -> Vec<Vec<&'static str>> {
    let (_, section) = document.split_once(&format!("## {heading}\n")).unwrap_or_else(|| panic!("{heading}"));
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    lines.skip(2).map(cells).collect()
}

/// What stands between backticks.
pub(super) fn words(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split('`').skip(1).step_by(2)
}

/// The first word of each row, once for the rows that follow one another; each row has one command in its last cell.
fn states_with_a_way_out(heading: &str) -> Vec<&'static str> {
    let rows = rows(STUCK, heading);
    let state = |row: &Vec<&'static str>| {
        assert_eq!(row.len(), 5, "{row:?}");
        let commands: Vec<&str> = words(row[4]).filter(|word| word.starts_with("billet ")).collect();
        assert_eq!(commands.len(), 1, "one way out: {row:?}");
        words(row[0]).next().unwrap_or_else(|| panic!("{row:?}"))
    };
    let mut states: Vec<&str> = rows.iter().map(state).collect();
    states.dedup();
    states
}

#[test]
fn every_command_is_one_that_the_client_takes() {
    const ID: &str = "0198170e-4ca7-7000-8000-000000000001";
    let commands: Vec<&str> = words(STUCK).filter(|word| word.starts_with("billet ")).collect();
    assert!(commands.len() > 30, "{commands:?}");
    for command in commands {
        let words = command.split(' ').map(|word| if matches!(word, "INSTANCE" | "SERVER") { ID } else { word });
        if let Err(error) = Arguments::try_parse_from(words) {
            panic!("{command}: {error}");
        }
    }
}

#[test]
fn every_phase_in_progress_has_one_way_out() {
    let told = states_with_a_way_out("An instance with something in progress");
    let all: Vec<&str> = PHASES.iter().filter(|phase| phase.has_order()).map(|phase| phase.word()).collect();
    assert_eq!(told, all);
    let config = crate::config::Config::default();
    let rules = Rules { now: crate::clock::Timestamp(0), deadlines: config.deadlines, policy: config.policy };
    assert!(PHASES.iter().all(|phase| rules.duration(*phase).is_some() == phase.has_order()), "each has a deadline");
}

/// The deadlines that a cell names.
fn deadlines_in(cell: &'static str) -> Vec<Duration> {
    let d = crate::config::Config::default().deadlines;
    let of = |word: &str| match word {
        "dispatch" => d.dispatch,
        "power" => d.power,
        "boot" => d.boot,
        "inspect" => d.inspect,
        "write" => d.write,
        "configure" => d.configure,
        "hand_over" => d.hand_over,
        "verify" => d.verify,
        "power_off" => d.power_off,
        other => panic!("no deadline is called {other}"),
    };
    words(cell).map(of).collect()
}

#[test]
fn every_phase_and_every_power_action_ends_at_the_deadlines_that_the_document_names() {
    let config = crate::config::Config::default();
    let rules = Rules { now: crate::clock::Timestamp(0), deadlines: config.deadlines, policy: config.policy };
    for row in rows(STUCK, "An instance with something in progress") {
        let phase = words(row[0]).next().and_then(Phase::from_word).unwrap();
        assert_eq!(Some(deadlines_in(row[2]).iter().sum()), rules.duration(phase), "{row:?}");
    }
    for (row, kind) in rows(STUCK, "A server with a task in progress")[2..].iter().zip(POWER) {
        let steps = kind.steps().iter().map(|step| task::word(*step).replace('-', "_"));
        let named: Vec<String> = std::iter::once("dispatch".to_owned()).chain(steps).collect();
        assert_eq!(words(row[2]).collect::<Vec<_>>(), named, "{row:?}");
    }
    let earlier = format!("{} s before, and tells the nearer cause", GRACE.as_secs());
    assert!(STUCK.replace('\n', " ").contains(&earlier), "{earlier}");
}

const POWER: [TaskKind; 3] = [TaskKind::PowerOn, TaskKind::PowerOff, TaskKind::Reboot];

#[test]
fn what_stays_of_an_operation_that_ended_in_error_is_told_for_each_step_that_makes_a_difference() {
    for (row, operation) in rows(STUCK, "An instance whose operation failed").iter().zip(OPERATIONS) {
        let is_error = words(row[1]).eq(["error"]);
        let told: HashSet<&str> = words(row[2]).collect();
        // From the first on the disk is another, and the last leaves its system on.
        for phase in [Phase::Write, Phase::Verify] {
            let matters = is_error && operation.steps().contains(&phase);
            assert_eq!(told.contains(phase.word()), matters, "{} of {row:?}", phase.word());
        }
    }
}

#[test]
fn every_operation_that_fails_has_one_way_out_and_stands_where_the_document_says() {
    let told = states_with_a_way_out("An instance whose operation failed");
    assert_eq!(told, OPERATIONS.map(|operation| operation.word()));
    for (row, operation) in rows(STUCK, "An instance whose operation failed").iter().zip(OPERATIONS) {
        let in_progress = PHASES.into_iter().filter(|phase| phase.has_order());
        let ends = in_progress.filter_map(|phase| table::next(Standing { operation, phase }, Event::Failed).ok());
        let ends: BTreeSet<&str> = ends.map(Standing::state).collect();
        assert_eq!(words(row[1]).collect::<BTreeSet<_>>(), ends, "{row:?}");
    }
}

#[test]
fn every_state_and_task_of_a_server_has_one_way_out() {
    let told = states_with_a_way_out("A server");
    let told: HashSet<&str> = told.into_iter().collect();
    assert_eq!(told, ManageState::ALL.iter().map(|state| state.as_str()).collect());
    let told = states_with_a_way_out("A server with a task in progress");
    let inspect = TaskKind::Inspect { allow_reset: false, accept_baseline: false, accept_unwiped: false };
    let all = [inspect, TaskKind::Wipe { policy: WipePolicy::Full }].into_iter().chain(POWER).map(TaskKind::word);
    assert!(told.iter().copied().eq(all), "{told:?}");
}

/// Every cause that stands in the source: after `cause: "`, as a failure's second argument, as a step's, in a table of causes, or in a
/// constant.
fn causes_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() && !entry.ends_with("tests") {
            causes_in(&entry, found);
        }
        if entry.extension().is_none_or(|end| end != "rs") {
            continue;
        }
        let source = fs::read_to_string(&entry).unwrap();
        let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let table =
            source.split_once("fn cause(&self)").map_or("", |(_, rest)| rest.split("\n    }\n").next().unwrap());
        let parts = source.split("Failure::new(").skip(1).map(|rest| rest.split(')').next().unwrap());
        let parts = parts.chain(source.split("cause: ").skip(1).map(|rest| rest.lines().next().unwrap()));
        let parts = parts.chain(source.split("StepError::other(").skip(1).map(|rest| rest.split(',').next().unwrap()));
        let parts = parts.chain(source.split(": &str = ").skip(1).map(|rest| rest.split(';').next().unwrap()));
        let parts = parts.chain(table.split("=> ").skip(1).map(|rest| rest.lines().next().unwrap()));
        let first = parts.filter_map(|part| part.split('"').nth(1).map(str::to_owned));
        let is_word = |word: &String| word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        found.extend(first.filter(is_word));
    }
}

#[test]
fn every_cause_in_the_source_is_explained() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    for folder in ["agent/src", "controller/src/lifecycle"] {
        causes_in(&top.join(folder), &mut found);
    }
    for known in ["bmc_unreachable", "wipe_incomplete", "baseline_differs", "hand_over_late"] {
        assert!(found.contains(known), "{known} is not found: {found:?}");
    }
    let told: Vec<&str> = rows(STUCK, "Why it failed").into_iter().flat_map(|row| words(row[0])).collect();
    let is_told = |cause: &str| {
        told.iter().any(|told| match (told.strip_prefix('*'), told.strip_suffix('*')) {
            (Some(end), _) => cause.ends_with(end),
            (_, Some(begin)) => cause.starts_with(begin),
            (None, None) => cause == *told,
        })
    };
    let missing: Vec<&String> = found.iter().filter(|cause| !is_told(cause)).collect();
    assert!(missing.is_empty(), "stuck.md does not explain {missing:?}");
}

/// The table of an instance's operations, from the code.
fn operations() -> String {
    let mut text = String::from(
        "| operation | may be asked for in | steps | ends | fails | given up |\n|---|---|---|---|---|---|\n",
    );
    let phase_after = |standing, event| table::next(standing, event).ok().map(|to| to.phase.word());
    for operation in OPERATIONS {
        let began = PHASES.into_iter().filter_map(|phase| {
            let of = OPERATIONS.into_iter().filter(|of| {
                let standing = Standing { operation: *of, phase };
                table::may_begin(standing, operation)
            });
            let of: Vec<&str> = of.map(|of| of.word()).collect();
            match of.len() {
                0 => None,
                all if all == OPERATIONS.len() => Some(phase.word().to_owned()),
                _ => Some(format!("{} of {}", phase.word(), of.join(" or "))),
            }
        });
        let began: Vec<String> = began.collect();
        let began = if began.is_empty() { "–, it creates the instance".to_owned() } else { began.join(", ") };
        let steps: Vec<&str> = operation.steps().iter().map(|step| step.word()).collect();
        let last = *operation.steps().last().unwrap();
        let ends = phase_after(Standing { operation, phase: last }, Event::Done).unwrap();
        let in_steps = |event| {
            let all = operation
                .steps()
                .iter()
                .filter_map(|phase| Some((phase_after(Standing { operation, phase: *phase }, event)?, phase.word())));
            let all: Vec<_> = all.collect();
            let usual = all.first().map(|(to, _)| *to);
            let odd = all.iter().filter(|(to, _)| Some(*to) != usual).map(|(to, at)| {
                let at = Phase::from_word(at).unwrap();
                let left_on = phase_after(Standing { operation, phase: at }, Event::LeftOn).unwrap();
                let or = if left_on == *to { String::new() } else { format!(", or {left_on} where it may be on") };
                format!("; in {} {to}{or}", at.word())
            });
            usual.map(|usual| format!("{usual}{}", odd.collect::<String>()))
        };
        let fails = in_steps(Event::Failed).unwrap();
        let given_up = in_steps(Event::Cancelled).map_or("–".to_owned(), |to| {
            let standing = Standing { operation, phase: Phase::Cancelling };
            let [done, failed] = [Event::Done, Event::Failed].map(|event| phase_after(standing, event).unwrap());
            let failed = if failed == done { String::new() } else { format!(", or {failed} where it may be on") };
            format!("{to}, then {done}{failed}")
        });
        let steps = steps.join(", ");
        text.push_str(&format!("| {} | {began} | {steps} | {ends} | {fails} | {given_up} |\n", operation.word()));
    }
    text
}

/// Wherever an instance can come, from its creation on.
pub(super) fn reachable() -> HashSet<Standing> {
    let mut events = vec![Event::Done, Event::Failed, Event::LeftOn, Event::Cancelled, Event::Removed];
    events.extend(PHASES.map(Event::StepStarted));
    events.extend(OPERATIONS.map(Event::Asked));
    let mut open = vec![Standing { operation: Operation::Install, phase: Phase::Waiting }];
    let mut found = HashSet::new();
    while let Some(standing) = open.pop() {
        if found.insert(standing) {
            open.extend(events.iter().filter_map(|event| table::next(standing, *event).ok()));
        }
    }
    found
}

/// The states of an instance by operation and phase, from the code.
fn public() -> String {
    let reachable = reachable();
    let mut text = String::from("| state | where it stands |\n|---|---|\n");
    for state in ["pending", "running", "stopped", "shutting-down", "terminated", "error"] {
        let of = OPERATIONS.into_iter().filter_map(|operation| {
            let standings = PHASES.map(|phase| Standing { operation, phase }).into_iter();
            let phases = standings.filter(|standing| standing.state() == state && reachable.contains(standing));
            let phases: Vec<&str> = phases.map(|standing| standing.phase.word()).collect();
            (!phases.is_empty()).then(|| format!("{}: {}", operation.word(), phases.join(", ")))
        });
        text.push_str(&format!("| {state} | {} |\n", of.collect::<Vec<_>>().join("; ")));
    }
    text
}

const SERVER_EVENTS: [(ServerEvent, &str); 11] = [
    (ServerEvent::Settled, "registered, claimed or inspected"),
    (ServerEvent::Taken, "an instance is placed on it"),
    (ServerEvent::Released, "its instance is deleted, and it need not be wiped"),
    (ServerEvent::Wiped, "wiped"),
    (ServerEvent::WipeFailed, "its wipe failed"),
    (ServerEvent::UnwipedAccepted, "`accept-unwiped`"),
    (ServerEvent::Accepted, "inspected, and accepted unwiped before"),
    (ServerEvent::TakenOut, "`maintain`"),
    (ServerEvent::PutBack, "`ready`"),
    (ServerEvent::Retired, "`offboard`"),
    (ServerEvent::Removed, "`offboard --confirm-off`"),
];

/// A server in every condition that a move depends on.
fn servers(state: ManageState) -> impl Iterator<Item = Server> {
    (0..32_u8).map(move |bits| {
        let [vouched, inspected, unwiped, busy, aside] = [0, 1, 2, 3, 4].map(|bit| bits >> bit & 1 == 1);
        let (agent, now) = (AgentId::new(Uuid::from_u128(7)), crate::clock::Timestamp(1));
        let mut server = Server {
            manage_state: state,
            registered_agent: Some(agent),
            owner: vouched.then_some(agent),
            inspected_at: inspected.then_some(now),
            unwiped,
            error: aside.then(|| Cause { cause: crate::lifecycle::maintain::CAUSE.into(), message: "x".into() }),
            ..Server::unheard_of(Uuid::from_u128(1).to_string().parse().unwrap(), now)
        };
        if busy {
            let waiting = crate::store::record::Waiting::default();
            server.task = Some(crate::store::record::Task {
                kind: TaskKind::PowerOn,
                generation: 1,
                step: String::new(),
                waiting_for: String::new(),
                waiting,
                began_at: now,
                progress: None,
                disks: vec![],
                is_told: false,
            });
        }
        server
    })
}

/// The table of a server's moves, from the code: every state that may follow, under whatever condition.
fn server_moves() -> String {
    let states = ManageState::ALL.map(ManageState::as_str);
    let mut text = format!("| | {} |\n|---|{}\n", states.join(" | "), "---|".repeat(states.len()));
    for (event, name) in SERVER_EVENTS {
        let cells = ManageState::ALL.map(|state| {
            let to: BTreeSet<&str> = servers(state)
                .filter_map(|server| server_table::next(&server, event))
                .map(ManageState::as_str)
                .collect();
            if to.is_empty() { "–".to_owned() } else { to.into_iter().collect::<Vec<_>>().join(" or ") }
        });
        text.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
    }
    text
}

#[test]
fn the_drawn_tables_are_those_of_the_code() {
    for (what, table) in [("operations", operations()), ("public states", public()), ("servers", server_moves())] {
        assert!(STATES.contains(&table), "states.md has another table of {what}; the code's is:\n{table}");
    }
}

#[test]
fn a_servers_states_are_the_familys_words() {
    // The family has `os-ready` beside them, which no server is ever in.
    let words = ["onboard", "ready", "in-use", "maintain", "offboarding"];
    assert_eq!(ManageState::ALL.map(ManageState::as_str), words);
}
