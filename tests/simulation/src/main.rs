//! `billet-simulation`: runs seeds, and tells which failed and what all of them saw.

mod apart;

use apart::Life;
use billet_proto::planted::Bug;
use billet_simulation::world::Outcome;
use clap::Parser;
use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

/// So many instances run in each seed at least, whatever goes wrong: in most it is half of them.
const LEAST_RAN: usize = 5;

/// Controller, agents and machines in one process, in virtual time.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// With a bug in it that is to be found: ends well at the first seed that finds it.
    #[arg(long, value_parser = bug)]
    bug: Option<Bug>,
    /// With each bug in its turn, each of which is to be found.
    #[arg(long, conflicts_with = "bug")]
    all_bugs: bool,
    /// Seeds at once; as many as there are cores where it is not given.
    #[arg(long)]
    jobs: Option<usize>,
    /// Print each seed's journal.
    #[arg(long)]
    journal: bool,
    /// Print what the programs log, by this filter of tracing's.
    #[arg(long)]
    log: Option<String>,
    /// Live the first seed's life in this process, and print what it showed, as JSON.
    #[arg(long = apart::ALONE, hide = true)]
    alone: bool,
}

impl Arguments {
    fn life(&self, seed: u64, bug: Option<Bug>) -> Life {
        Life { seed, bug, journal: self.journal, log: self.log.clone() }
    }
}

fn bug(word: &str) -> Result<Bug, String> {
    let words: Vec<&str> = Bug::ALL.iter().map(|bug| bug.word()).collect();
    let found = Bug::ALL.into_iter().find(|bug| bug.word() == word);
    found.ok_or_else(|| format!("must be one of {}", words.join(", ")))
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What all seeds saw.
#[derive(Default)]
struct Totals {
    seeds: u64,
    failed: Vec<u64>,
    instances: usize,
    ran: usize,
    least_ran: Option<usize>,
    virtual_ms: u64,
    faults: BTreeMap<String, u64>,
    slips: BTreeMap<String, u64>,
    vain: BTreeMap<String, u64>,
    poor: Vec<u64>,
}

fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    if arguments.alone {
        return arguments.life(arguments.from, arguments.bug).live().map(|()| true);
    }
    if arguments.all_bugs {
        return Ok(Bug::ALL.into_iter().filter(|bug| !is_found(arguments, *bug)).count() == 0);
    }
    let began = Instant::now();
    let totals = sweep(arguments, arguments.bug);
    summary(&totals, began.elapsed().as_secs_f64());
    Ok(match arguments.bug {
        Some(_) => !totals.failed.is_empty(),
        None => totals.failed.is_empty() && totals.poor.is_empty(),
    })
}

/// Plants a bug, and tells which seed finds it.
fn is_found(arguments: &Arguments, bug: Bug) -> bool {
    let totals = sweep(arguments, Some(bug));
    let found = !totals.failed.is_empty();
    let how = if found { "found" } else { "NOT FOUND" };
    println!("{}: {how} after {} seeds", bug.word(), totals.seeds);
    found
}

/// Runs the seeds; with a bug, until one finds it.
fn sweep(arguments: &Arguments, bug: Option<Bug>) -> Totals {
    let jobs = arguments.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let (next, found) = (AtomicU64::new(arguments.from), AtomicBool::new(false));
    let totals = Mutex::new(Totals::default());
    let end = arguments.from.saturating_add(arguments.seeds);
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || (bug.is_some() && found.load(Ordering::Relaxed)) {
                        return;
                    }
                    let outcome = arguments.life(seed, bug).start();
                    let failed = tell(seed, &outcome, &mut totals.lock().unwrap_or_else(PoisonError::into_inner));
                    found.fetch_or(failed, Ordering::Relaxed);
                }
            });
        }
    });
    totals.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Prints one seed's end, and counts it; true where it failed.
fn tell(seed: u64, outcome: &anyhow::Result<Outcome>, totals: &mut Totals) -> bool {
    totals.seeds += 1;
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            println!("seed {seed} FAILED: {error:#}");
            totals.failed.push(seed);
            return true;
        }
    };
    for line in &outcome.lines {
        println!("{line}");
    }
    let faults: u64 = outcome.faults.values().sum();
    totals.instances += outcome.instances;
    totals.ran += outcome.ran;
    totals.least_ran = Some(totals.least_ran.map_or(outcome.ran, |least| least.min(outcome.ran)));
    totals.virtual_ms += outcome.virtual_ms;
    for (all, here) in
        [(&mut totals.faults, &outcome.faults), (&mut totals.slips, &outcome.slips), (&mut totals.vain, &outcome.vain)]
    {
        for (kind, count) in here {
            *all.entry(kind.clone()).or_default() += count;
        }
    }
    // A seed that saw little shows little.
    if outcome.instances < 20 || outcome.ran < LEAST_RAN || faults < 10 || outcome.virtual_ms < 3_600_000 {
        println!("seed {seed} saw too little: {} instances, {} ran, {faults} faults", outcome.instances, outcome.ran);
        totals.poor.push(seed);
    }
    if !outcome.violations.is_empty() {
        println!("seed {seed} FAILED (digest {}):", &outcome.digest[..16]);
        outcome.violations.iter().take(20).for_each(|what| println!("    {what}"));
        totals.failed.push(seed);
    } else if !outcome.lines.is_empty() {
        println!("seed {seed}: digest {}", outcome.digest);
    }
    !outcome.violations.is_empty()
}

fn summary(totals: &Totals, seconds: f64) {
    #[allow(clippy::cast_precision_loss, reason = "for a person")]
    let hours = totals.virtual_ms as f64 / 3_600_000.0;
    println!(
        "{} seeds in {seconds:.1} s: {} failed {:?}; {} instances, of which {} ran, at least {} in each seed; {hours:.1} virtual hours, {} faults",
        totals.seeds,
        totals.failed.len(),
        totals.failed.iter().take(20).collect::<Vec<_>>(),
        totals.instances,
        totals.ran,
        totals.least_ran.unwrap_or_default(),
        totals.faults.values().sum::<u64>(),
    );
    tell_kinds("of these", &totals.faults);
    tell_kinds("beside them, calls and messages that went wrong", &totals.slips);
    tell_kinds("not among them, as nobody met them", &totals.vain);
}

fn tell_kinds(which: &str, kinds: &BTreeMap<String, u64>) {
    println!("{which}:");
    for (kind, count) in kinds {
        println!("    {count:>8} {kind}");
    }
}
