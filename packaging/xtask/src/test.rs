//! `cargo xtask test`: everything that a merge must pass.

use std::time::Instant;

use anyhow::Result;
use billet_lab::{
    Firmware,
    crash::{OTHERS, Victim},
    daemons::write_private,
    site::Site,
};
use clap::Args;
use nix::unistd::geteuid;

use crate::step::{self, cargo};
use crate::{build, conformance, crash, lab, packages, simulate, stage, units};

/// What to run.
#[derive(Debug, Args)]
pub struct Options {
    /// Install missing Debian packages without asking.
    #[arg(long)]
    yes: bool,
    /// Every part, and thousands of made-up calls instead of hundreds.
    #[arg(long)]
    all: bool,
    /// Only these parts.
    #[arg(long, value_enum)]
    only: Vec<Part>,
}

/// A part of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Formatting, lints, documentation, units.
    Checks,
    /// Unit and integration tests.
    Unit,
    /// The public client library and made-up calls, against a simulated fleet.
    Conformance,
    /// A controller that is killed again and again, or whose disk is full, with a simulated fleet.
    Restarts,
    /// The controller and agents in virtual time, from seeds.
    Simulation,
    /// Bugs that are planted, one after the other, for the simulation to find. Only in --all.
    PlantedBugs,
    /// The controller with a real Keystone. Only in --all.
    Keystone,
    /// Whole installations in the laboratory, and an ordinary user's laboratory.
    Laboratory,
    /// The life of one server: inspected, changed, powered, installed again, wiped, and when it is not wiped; and the public client library
    /// on a real server. Only in --all.
    Operations,
    /// What must fail, and how. Only in --all.
    Failures,
    /// Rails, tags and bonds. Only in --all.
    Networks,
    /// Daemons killed, power and networks cut at the steps of an installation: four cells, chosen by the number of commits,
    /// or those in BILLET_CRASH_CELLS; every cell with --all.
    CrashMatrix,
    /// The controller killed at each step; this and the next four are what crash-matrix has in --all.
    CrashMatrixController,
    /// The agent killed at each step.
    CrashMatrixAgent,
    /// Both killed at each step.
    CrashMatrixBoth,
    /// The server's power cut at each step.
    CrashMatrixPower,
    /// Each network cut for a minute while the image is written; the disk of the agent's journal full.
    CrashMatrixOthers,
}

/// Of the crash matrix: each at most half an hour.
const MATRIX: [Part; 5] = [
    Part::CrashMatrixController,
    Part::CrashMatrixAgent,
    Part::CrashMatrixBoth,
    Part::CrashMatrixPower,
    Part::CrashMatrixOthers,
];

impl Part {
    /// What a merge must pass in any case; the rest takes too long.
    const fn is_always(self) -> bool {
        match self {
            Self::Checks
            | Self::Unit
            | Self::Conformance
            | Self::Restarts
            | Self::Simulation
            | Self::Laboratory
            | Self::CrashMatrix => true,
            Self::PlantedBugs
            | Self::Keystone
            | Self::Operations
            | Self::Failures
            | Self::Networks
            | Self::CrashMatrixController
            | Self::CrashMatrixAgent
            | Self::CrashMatrixBoth
            | Self::CrashMatrixPower
            | Self::CrashMatrixOthers => false,
        }
    }

    /// Of the crash matrix.
    const fn victims(self) -> &'static [Victim] {
        match self {
            Self::CrashMatrixController => &[Victim::Controller],
            Self::CrashMatrixAgent => &[Victim::Agent],
            Self::CrashMatrixBoth => &[Victim::Both],
            Self::CrashMatrixPower => &[Victim::Power],
            Self::CrashMatrixOthers => &OTHERS,
            _ => &[],
        }
    }

    /// Its stories, and their laboratories' names.
    const fn stories(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Laboratory => {
                &[("installing::two_powered_off_servers_become_the_machines_that_were_asked_for", "story")]
            }
            Self::Operations => &[
                (
                    "operations::an_installed_system_is_changed_powered_and_replaced_and_what_was_written_is_erased",
                    "ops",
                ),
                (
                    "wiping::a_disk_that_nobody_recorded_stops_the_wipe_and_metadata_alone_go_where_that_was_chosen",
                    "wipe",
                ),
            ],
            Self::Failures => &[("failing::what_cannot_work_ends_in_error_and_names_its_cause", "fails")],
            Self::Networks => &[
                ("wires::each_rail_has_its_own_table_and_leads_nowhere_else", "rails"),
                ("wires::a_bond_with_a_tag_lives_on_when_a_cable_is_pulled", "bond"),
            ],
            // Those of the crash matrix have one story, with other cells each.
            _ => &[],
        }
    }
}

/// Installs, checks and tests; stops at the first step that fails.
///
/// # Errors
/// Naming the step that failed.
pub fn run(options: &Options) -> Result<()> {
    let began = Instant::now();
    let wants = |part: Part| {
        if options.only.is_empty() { options.all || part.is_always() } else { options.only.contains(&part) }
    };
    packages::install(&[packages::TESTS.to_vec(), packages::for_lab()].concat(), options.yes)?;
    if wants(Part::Checks) {
        step::run("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
        step::run(
            "lints",
            &mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
        )?;
        let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
        step::run("documentation", doc.env("RUSTDOCFLAGS", "-D warnings"))?;
        units::verify()?;
    }
    if wants(Part::Unit) {
        step::run("tests", &mut cargo(&["test", "--workspace", "--locked"]))?;
    }
    if wants(Part::Conformance) {
        conformance::run(options.all)?;
    }
    if wants(Part::Restarts) {
        restarts()?;
    }
    if wants(Part::Simulation) {
        simulate::seeds()?;
    }
    if wants(Part::PlantedBugs) {
        simulate::find_planted_bugs()?;
    }
    if wants(Part::Keystone) {
        // Of the whole workspace, here and below: what the unit tests were built with serves again.
        let words = ["test", "--locked", "--workspace", "--test", "keystone", "--", "--ignored"];
        step::run("Keystone", &mut cargo(&words))?;
    }
    for part in [Part::Laboratory, Part::Operations, Part::Failures, Part::Networks] {
        if wants(part) {
            laboratory(part)?;
        }
    }
    let has_all = options.all && wants(Part::CrashMatrix);
    let parts = MATRIX.iter().filter(|part| has_all || wants(**part));
    let mut cells: Vec<_> =
        parts.map(|part| part.victims().iter().flat_map(|victim| victim.cells()).collect()).collect();
    if wants(Part::CrashMatrix) && !options.all {
        cells.insert(0, crash::chosen()?);
    }
    crash::run(&cells)?;
    println!("\nall passed in {:.0} min", began.elapsed().as_secs_f32() / 60.0);
    Ok(())
}

/// A real controller and a simulated fleet.
fn restarts() -> Result<()> {
    let binaries = build::binaries()?;
    for title in ["restarts", "full_disk"] {
        let words = ["test", "--locked", "--workspace", "--test", title, "--", "--ignored", "--nocapture"];
        let mut test = cargo(&words);
        test.env("BILLET_FLEET_CONTROLLER", &binaries.controller).env("BILLET_FLEET_PROGRAM", &binaries.fleet);
        step::run(title, test.env("BILLET_FLEET_DIR", stage::cache()))?;
    }
    Ok(())
}

/// The stories of a part, one after the other: each has a laboratory of its own.
fn laboratory(part: Part) -> Result<()> {
    let stage = stage::prepare()?;
    if geteuid().is_root() && part == Part::Laboratory {
        let mut story = cargo(&["test", "--locked", "--workspace", "--test", "ordinary", "--", "--ignored"]);
        step::run("laboratory: an ordinary user's", story.envs(stage.environment()))?;
    }
    for (test, lab) in part.stories() {
        stage::with_labs(std::slice::from_ref(lab), || {
            let words = ["test", "--locked", "--workspace", "--test", "stories", "--"];
            let mut story = cargo(&[&words[..], &["--ignored", "--exact", "--nocapture", test]].concat());
            story.envs(stage.environment());
            step::run(&format!("laboratory: {lab}"), &mut story)
        })?;
    }
    if part == Part::Operations {
        from_outside(&stage)?;
    }
    Ok(())
}

/// The public client library on a real server.
fn from_outside(stage: &stage::Stage) -> Result<()> {
    const LAB: &str = "sdk";
    stage::with_labs(&[LAB], || {
        println!("\n==> laboratory: {LAB}");
        let site = Site::start(stage.site(LAB, vec![stage::server(Firmware::Bios)], 1))?;
        let file = stage::lab_dir(LAB).join("site.json");
        write_private(&file, &format!("{}\n", lab::json_of(&site, stage.program())?))?;
        conformance::laboratory(&file)
    })
}
