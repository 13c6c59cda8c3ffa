//! The crash matrix: which cells are run, and what became of them, in one table.

use std::{collections::BTreeMap, fs, process::Command, time::Instant};

use anyhow::{Context, Result, ensure};
use billet_lab::crash::{Cell, LABORATORIES, OTHERS, STEPS, VICTIMS, Victim};

use crate::stage;
use crate::step::{self, cargo};

/// Names the cells, for whoever wants certain ones.
const CELLS: &str = "BILLET_CRASH_CELLS";
/// What the story writes: cell, outcome, seconds.
const RESULTS: &str = "crash-matrix.tsv";

/// The cells that BILLET_CRASH_CELLS names; else four, by the number of commits, so that each change has others. They are printed.
///
/// # Errors
/// When a name is none, or git cannot count.
pub fn chosen() -> Result<Vec<Cell>> {
    if let Some(named) = std::env::var_os(CELLS) {
        return Cell::parse_list(&named.to_string_lossy()).context(CELLS);
    }
    let counted = Command::new("git").args(["rev-list", "--count", "HEAD"]).current_dir(step::root()).output();
    let counted = counted.context("count the commits by git")?;
    // What was unpacked from an archive has none.
    let commits = String::from_utf8_lossy(&counted.stdout).trim().parse().unwrap_or(0);
    let cells = Cell::sample(commits);
    println!("\n==> crash matrix: after {commits} commits it is the turn of {}", Cell::list(&cells));
    Ok(cells)
}

/// Runs each part in laboratories of its own; all are run, whatever becomes of one, and printed together.
///
/// # Errors
/// Naming the parts that failed.
pub fn run(parts: &[Vec<Cell>]) -> Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let stage = stage::prepare()?;
    let results = stage::cache().join(RESULTS);
    let _ = fs::remove_file(&results);
    let mut failed = Vec::new();
    for cells in parts {
        let (names, began) = (Cell::list(cells), Instant::now());
        let done = stage::with_labs(&LABORATORIES, || {
            let words =
                ["test", "--locked", "--workspace", "--test", "stories", "--", "--ignored", "--exact", "--nocapture"];
            let mut story =
                cargo(&[&words[..], &["crash_matrix::a_crash_at_any_step_costs_time_and_nothing_else"]].concat());
            step::run(&format!("crash matrix: {names}"), story.envs(stage.environment()).env(CELLS, &names))
        });
        if let Err(error) = done {
            println!("    after {:.0} s: {error:#}", began.elapsed().as_secs_f32());
            failed.push(names);
        }
    }
    print(&fs::read_to_string(&results).unwrap_or_default());
    ensure!(failed.is_empty(), "step \"crash matrix\": {}", failed.join("; "));
    Ok(())
}

/// A row for each step, a column for each victim; then what was not `running`.
fn print(results: &str) {
    println!("\n==> crash matrix");
    let mut of_cell = BTreeMap::new();
    for line in results.lines() {
        let mut words = line.split('\t');
        if let (Some(cell), Some(outcome), Some(seconds)) = (words.next(), words.next(), words.next()) {
            of_cell.insert(cell.to_owned(), (outcome.to_owned(), seconds.to_owned()));
        }
    }
    let victims: Vec<Victim> = VICTIMS
        .into_iter()
        .chain(OTHERS)
        .filter(|victim| victim.cells().iter().any(|cell| of_cell.contains_key(&cell.to_string())))
        .collect();
    print!("    {:<10}", "");
    victims.iter().for_each(|victim| print!(" {:>16}", victim.word()));
    println!();
    for step in STEPS {
        print!("    {:<10}", step.word());
        for victim in &victims {
            let told = of_cell.get(&Cell { victim: *victim, step }.to_string());
            let told = told.map_or("-".into(), |(outcome, seconds)| {
                format!("{} {seconds} s", outcome.split([':', ',']).next().unwrap_or_default())
            });
            print!(" {told:>16}");
        }
        println!();
    }
    for (cell, (outcome, _)) in of_cell.iter().filter(|(_, (outcome, _))| outcome != "running") {
        println!("    {cell}: {outcome}");
    }
}
