//! The crash matrix: daemons that are killed, a server that loses its power, networks that are cut, at each step of an
//! installation. A crash costs time and nothing else: the instance comes to run, by itself, with the right bytes.
//!
//! Which cells, `BILLET_CRASH_CELLS` says: `controller:write,power:boot`. What became of each goes into
//! `crash-matrix.tsv` beside the laboratory's folder as well: cell, outcome, seconds.

#[path = "crash_matrix/contents.rs"]
mod contents;
#[path = "crash_matrix/moment.rs"]
mod moment;
#[path = "crash_matrix/strike.rs"]
mod strike;

use crate::stage::{PASSWORD, events, site_with};
use anyhow::{Context, Result, bail, ensure};
use billet_lab::{
    Firmware, ServerSpec, chassis,
    crash::{Cell, LABORATORIES},
    hook, process,
    site::{Site, retry},
};
use contents::Contents;
use serde_json::Value;
use std::{
    collections::VecDeque,
    fmt, fs,
    io::Write,
    path::PathBuf,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

/// A struck installation is running, or in error, within this time; one that nobody strikes takes about 90 s, and several times as
/// long on a machine that does other things.
const BOUND: Duration = Duration::from_secs(900);
/// Its server, which is inspected, is ready again after its deletion.
const READY: Duration = Duration::from_secs(600);
/// A step that does not go on is given up well within the bound; and a server that gives no sign of life is reset at half
/// of `verify`.
const SETTINGS: &str = "[policy]\nallow_unwiped_reuse = true\n\n\
                        [deadlines]\nboot = 240\nwrite = 300\nconfigure = 180\nhand_over = 180\nverify = 480\n";
/// Cells that may end in `error`, each with the cause that it then has and the reason.
const MAY_FAIL: [(&str, &str, &str); 2] = [
    ("journal:accept", "agent_state", "an agent that cannot keep an order must not take it"),
    ("journal:write", "agent_state", "an agent that cannot keep how far an order came must not go on with it"),
];

#[test]
#[ignore = "needs the laboratory: cargo xtask test runs it"]
fn a_crash_at_any_step_costs_time_and_nothing_else() {
    let cells = std::env::var("BILLET_CRASH_CELLS").expect("BILLET_CRASH_CELLS is not set: run `cargo xtask test`");
    let cells = Cell::parse_list(&cells).unwrap();
    println!("    {:<24} {:<46} {:>7}", "cell", "outcome", "seconds");
    let laboratories = LABORATORIES.iter().take(cells.len());
    let (waiting, red) = (Mutex::new(VecDeque::from(cells)), Mutex::new(Vec::new()));
    let work = |laboratory: &str| {
        if let Err(error) = one_after_the_other(laboratory, &waiting, &red) {
            red.lock().unwrap().push(format!("{laboratory}: {error:#}"));
        }
    };
    thread::scope(|scope| {
        for laboratory in laboratories {
            scope.spawn(move || work(laboratory));
        }
    });
    let (waiting, red) = (waiting.into_inner().unwrap(), red.into_inner().unwrap());
    assert!(red.is_empty() && waiting.is_empty(), "{red:#?}, and not run: {waiting:?}");
}

/// Runs in one laboratory what waits, until nothing does; what went wrong is red.
fn one_after_the_other(laboratory: &str, waiting: &Mutex<VecDeque<Cell>>, red: &Mutex<Vec<String>>) -> Result<()> {
    let server = ServerSpec { firmware: Firmware::Bios, nics: 1, ..ServerSpec::default() };
    let mut matrix = Matrix::new(site_with(&["plain"], laboratory, vec![server], 1, SETTINGS));
    let next = || waiting.lock().unwrap().pop_front();
    while let Some(cell) = next() {
        let (outcome, seconds) = matrix.run(cell);
        matrix.note(cell, &outcome, seconds);
        println!("    {:<24} {:<46} {:>7.1}", cell.to_string(), outcome.to_string(), seconds);
        if !matches!(outcome, Outcome::Running | Outcome::Allowed(_)) {
            red.lock().unwrap().push(format!("{cell}: {outcome}"));
        }
        matrix.clear().with_context(|| format!("after {cell}"))?;
    }
    Ok(())
}

#[test]
fn the_document_has_each_cell_that_may_fail_and_no_other() {
    let document = include_str!("../../../packaging/doc/crash-matrix.md");
    let (_, section) = document.split_once("## Cells that may end in `error`").unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let told: Vec<Vec<&str>> = rows.map(|row| row.split('`').skip(1).step_by(2).collect()).collect();
    assert_eq!(told, MAY_FAIL.map(|(cell, cause, _)| vec![cell, cause]));
}

/// How a cell ended.
enum Outcome {
    /// As it should.
    Running,
    /// In an error that is listed, with the server safe.
    Allowed(String),
    /// Otherwise.
    Red(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Allowed(cause) => write!(f, "error, as listed: {cause}"),
            Self::Red(why) => write!(f, "RED: {why}"),
        }
    }
}

/// A laboratory, with one server that is installed again and again.
struct Matrix {
    site: Site,
    password: PathBuf,
    contents: Contents,
    /// The present instance, while there is one.
    instance: Option<String>,
}

impl Matrix {
    fn new(site: Site) -> Self {
        let password = site.password_file(PASSWORD).unwrap();
        let contents = Contents::of_image(&crate::stage::path("BILLET_LAB_PLAIN"), &site.lab.servers[0].disks[0]);
        Self { site, password, contents, instance: None }
    }

    fn run(&mut self, cell: Cell) -> (Outcome, f32) {
        // Before the clock runs: a whole image's worth is written.
        let fouled = self.contents.foul();
        let began = Instant::now();
        let outcome =
            fouled.and_then(|()| self.strike(cell)).unwrap_or_else(|error| Outcome::Red(format!("{error:#}")));
        (outcome, began.elapsed().as_secs_f32())
    }

    /// One installation, struck once, and what became of it.
    fn strike(&mut self, cell: Cell) -> Result<Outcome> {
        let name = format!("crash-{}-{}", cell.victim.word(), cell.step.word());
        strike::before(&mut self.site, cell)?;
        let before = moment::order(&self.site);
        let id = self.site.create(&name, "plain", &self.password, &["--nic", &self.site.subnets[0]])?;
        self.instance = Some(id.clone());
        moment::wait(&self.site, &id, cell.step, before)?;
        strike::at(&mut self.site, cell)?;
        let instance = self.site.settled(&id, BOUND)?;
        if instance["state"] == "running" {
            self.is_right(&instance, &name)?;
            return Ok(Outcome::Running);
        }
        let cause = instance["error"]["error_code"].as_str().unwrap_or_default().to_owned();
        let listed = MAY_FAIL.iter().any(|(allowed, code, _)| *allowed == cell.to_string() && *code == cause);
        if !listed {
            let told = instance["error"]["error_msg"].as_str().unwrap_or_default();
            return Ok(Outcome::Red(format!("{cause}: {told}")));
        }
        self.is_safe()?;
        Ok(Outcome::Allowed(cause))
    }

    /// Installed once, reachable by its password and the host key that the API tells, and off again with the right bytes.
    fn is_right(&mut self, instance: &Value, name: &str) -> Result<()> {
        let id = instance["id"].as_str().context("an instance has an id")?;
        let told = self.site.ssh(instance, &self.password, "hostname; cat /etc/machine-id")?;
        let mut lines = told.lines();
        ensure!(lines.next() == Some(name), "the system says {told:?}, not {name}");
        ensure!(lines.next().is_some_and(|id| id.len() == 32), "the system has no machine id: {told:?}");
        let ends = events(&self.site, id).iter().filter(|event| event["kind"] == "running").count();
        ensure!(ends == 1, "it was told to be running {ends} times");
        // Everything that it wrote is on its disk before the power goes.
        self.site.ssh(instance, &self.password, "sync")?;
        self.delete()?;
        self.contents.check()
    }

    /// What ended in error runs nowhere, and is on no network.
    fn is_safe(&self) -> Result<()> {
        let server = &self.site.lab.servers[0];
        ensure!(self.site.lab.power_status(0)?.contains("is off"), "it ended in error, and is on");
        for tap in &server.taps {
            let bridge = hook::master(&self.site.lab.names.fabric(), tap)?;
            ensure!(bridge.is_none(), "it ended in error, and {tap} is on {bridge:?}");
        }
        Ok(())
    }

    fn delete(&mut self) -> Result<()> {
        let Some(id) = self.instance.take() else { return Ok(()) };
        self.site.text(false, &["instance", "delete", &id, "--wait"])?;
        self.is_ready()?;
        let power = chassis::ask(&self.site.lab.servers[0].dir, "get power")?;
        ensure!(power.contains("power:0"), "it was deleted, and its server is on");
        Ok(())
    }

    /// Everything runs, and the server is ready for the next cell, whatever became of this one.
    fn clear(&mut self) -> Result<()> {
        strike::mend(&self.site)?;
        for what in ["controller", "agent0"] {
            let runs = self.site.lab.process(what).is_some_and(|process| process::is_running(&process));
            match what {
                _ if runs => {}
                "controller" => drop(self.site.start_controller()?),
                _ => drop(self.site.start_agent(0)?),
            }
        }
        self.delete()?;
        self.is_ready()
    }

    /// It is, within that time.
    fn is_ready(&self) -> Result<()> {
        let id = self.site.lab.servers[0].id.clone();
        retry(READY, "the server to be ready", || {
            let server = self.site.json(true, &["server", "show", &id])?;
            let state = server["manage_state"].as_str().unwrap_or_default();
            if state != "ready" {
                bail!("it is {state}: {}", server["error"]);
            }
            Ok(())
        })
    }

    /// For whoever prints all parts together.
    fn note(&self, cell: Cell, outcome: &Outcome, seconds: f32) {
        let file = crate::stage::path("BILLET_LAB_DIR").join("crash-matrix.tsv");
        let line = format!("{cell}\t{outcome}\t{seconds:.1}\n");
        let opened = fs::OpenOptions::new().append(true).create(true).open(file);
        opened.and_then(|mut file| file.write_all(line.as_bytes())).unwrap();
    }
}
