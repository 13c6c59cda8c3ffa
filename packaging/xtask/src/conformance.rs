//! Looking at the API from outside: the public client library, and calls that are made up from our own OpenAPI.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::fleet::{self, Fleet};
use crate::{build, step};

const NAME: &str = "conform";
const SERVERS: u32 = 40;
const AGENTS: u32 = 4;
/// Made-up calls of each operation, and in `--all`.
const CALLS: u32 = 10;
const ALL_CALLS: u32 = 200;

/// Runs both against a simulated fleet of its own.
///
/// # Errors
/// Naming the step that failed.
pub fn run(all: bool) -> Result<()> {
    let python = Python::prepare()?;
    let file = fleet::dir(NAME).join("site.json");
    let fleet = Fleet::up(&build::binaries()?, NAME, SERVERS, AGENTS, &file)?;
    python.client(&file, "the public client library", &["--ignore", "test_laboratory.py"])?;
    python.made_up_calls(&fleet, if all { ALL_CALLS } else { CALLS })
}

/// The public client library against a real laboratory, whose file `site` is: one instance comes and goes.
///
/// # Errors
/// Naming the step that failed.
pub fn laboratory(site: &Path) -> Result<()> {
    Python::prepare()?.client(site, "the public client library, on a real server", &["test_laboratory.py"])
}

/// A Python with what the tests need, pinned, apart from the system's.
struct Python {
    dir: PathBuf,
    tests: PathBuf,
}

impl Python {
    fn prepare() -> Result<Self> {
        let (dir, tests) = (build::target_dir().join("conformance"), step::root().join("tests/conformance"));
        let wanted = fs::read_to_string(tests.join("requirements.txt")).context("read requirements.txt")?;
        let installed = dir.join("installed.txt");
        let python = Self { dir, tests };
        if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
            return Ok(python);
        }
        let mut venv = Command::new("python3");
        step::run("a Python of its own", venv.args(["-m", "venv", "--clear"]).arg(&python.dir))?;
        let mut pip = python.program("pip");
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        step::run("pinned packages", pip.arg(python.tests.join("requirements.txt")))?;
        fs::write(&installed, wanted).with_context(|| format!("write {}", installed.display()))?;
        Ok(python)
    }

    fn program(&self, name: &str) -> Command {
        Command::new(self.dir.join("bin").join(name))
    }

    fn client(&self, site: &Path, title: &str, words: &[&str]) -> Result<()> {
        // pytest is told where the tests are by a full path: a step runs at the top of the checkout.
        let here = |word: &&str| match word.strip_suffix(".py") {
            Some(_) => self.tests.join(word).display().to_string(),
            None => (*word).to_owned(),
        };
        let mut pytest = self.program("pytest");
        pytest.args(["-q", "-p", "no:cacheprovider", "--rootdir"]).arg(&self.tests).args(words.iter().map(here));
        if words.first().is_some_and(|word| word.starts_with('-')) {
            pytest.arg(&self.tests);
        }
        pytest.env("BILLET_SITE", site).env("PYTHONDONTWRITEBYTECODE", "1");
        step::run(title, &mut pytest)
    }

    /// No answer may be a 500, nor one that our own OpenAPI does not have.
    fn made_up_calls(&self, fleet: &Fleet, each: u32) -> Result<()> {
        let mut program = self.program("schemathesis");
        program.env("SCHEMATHESIS_HOOKS", self.tests.join("known.py")).env("BILLET_SITE", &fleet.file);
        program.env("PYTHONDONTWRITEBYTECODE", "1");
        program.arg("--config-file").arg(self.tests.join("schemathesis.toml"));
        program.args(["run", &format!("{}/openapi.json", fleet.text("endpoint")?)]);
        program.args(["--header", &format!("X-Auth-Token: {}", fleet.text("operator_token")?)]);
        program.args(["--max-examples", &each.to_string(), "--request-timeout", "40", "--no-color"]);
        program.args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance",
        ]);
        step::run("made-up calls", &mut program)
    }
}
