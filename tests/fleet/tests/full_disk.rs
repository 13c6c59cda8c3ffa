//! A controller whose disk is full, in a simulated fleet: what it accepted is kept and comes about, what it cannot keep it
//! does not accept, and with room again it goes on.

use anyhow::{Context, Result, ensure};
use billet_fleet::{
    http::{Answer, Connection},
    site::{Options, PROJECT, Site},
};
use billet_lab::process;
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

const INSTANCES: usize = 8;
/// More than the database and an image need.
const DISK_MIB: u32 = 24;
/// Each step takes so long, so that the disk is full in the middle of the installations.
const RULES: &str = "[[rule]]\nwork = \"install\"\ndelay_ms = 700\n";
/// The write-ahead log is used again from its beginning, as long as that fits: no more calls than this write nothing new.
const MOST_CALLS: usize = 2000;
/// So long nothing can be written.
const FULL: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);

fn path(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`")).into()
}

#[test]
#[ignore = "needs the binaries: cargo xtask test runs it"]
fn a_full_disk_loses_nothing_that_was_accepted_and_with_room_again_all_goes_on() {
    const NAME: &str = "fulldisk";
    let options = Options {
        name: NAME.into(),
        dir: path("BILLET_FLEET_DIR").join(NAME),
        controller: path("BILLET_FLEET_CONTROLLER"),
        program: path("BILLET_FLEET_PROGRAM"),
        servers: 10,
        agents: 2,
        state_mib: Some(DISK_MIB),
    };
    let mut site = Site::start(&options, |what| println!("    {what}")).unwrap();
    fs::write(site.rules_file(), RULES).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(fill_and_free(&mut site)).unwrap();
}

async fn fill_and_free(site: &mut Site) -> Result<()> {
    for number in 0..INSTANCES {
        let body = json!({
            "name": format!("full-{number}"), "image_id": site.image, "vpc_id": site.vpc,
            "network_interfaces": [{ "subnet_id": site.subnets[0] }], "password": "Disk-is-full-1",
        });
        call(site, "POST", &format!("/v1/{PROJECT}/instances"), &body).await?.expect(202)?;
    }
    let disk = site.disk.clone().context("the site has a disk of its own")?;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    disk.fill()?;

    let (made, refused) = until_refused(site).await?;
    println!("    {made} networks were made, and the next was refused: {refused}");
    let log = fs::read_to_string(site.dir.join("controller.log")).context("read the controller's log")?;
    ensure!(log.contains("disk is full"), "the log does not say why: {log}");
    let began = Instant::now();
    let mut starts = 0;
    while began.elapsed() < FULL {
        starts += usize::from(revive(site)?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("    in {} s with a full disk the controller was started again {starts} times", FULL.as_secs());

    disk.free()?;
    revive(site)?;
    let began = Instant::now();
    while let Err(error) = site.wait_for_api().await {
        ensure!(began.elapsed() < PATIENCE, "with room again the controller does not answer: {error:#}");
        revive(site)?;
    }
    networks_are(site, made).await?;
    all_run(site).await?;
    let another = json!({ "vpc": { "name": "another", "cidr": "10.0.0.0/8" } });
    call(site, "POST", &format!("/v1/{PROJECT}/vpcs"), &another).await?.expect(201).map(drop)
}

/// Makes networks until one is not accepted; answers how many were, and what was said to the last.
async fn until_refused(site: &mut Site) -> Result<(usize, String)> {
    for made in 0..MOST_CALLS {
        let body = json!({ "vpc": { "name": format!("full-{made}"), "cidr": "10.0.0.0/8" } });
        match call(site, "POST", &format!("/v1/{PROJECT}/vpcs"), &body).await {
            Ok(answer) if answer.status == 201 => {}
            Ok(answer) => {
                let told = format!("{} {}", answer.status, answer.json());
                ensure!(answer.status >= 500, "a full disk is nobody's fault: {told}");
                return Ok((made, told));
            }
            // It ended: nobody was told that this one is there.
            Err(error) => return Ok((made, format!("no answer: {error:#}"))),
        }
    }
    anyhow::bail!("the disk is full, and {MOST_CALLS} networks were made")
}

async fn call(site: &Site, method: &str, path: &str, body: &Value) -> Result<Answer> {
    Connection::open(site.address, &site.token).await?.json(method, path, body).await
}

/// Starts the controller again where it ended, as systemd does.
fn revive(site: &mut Site) -> Result<bool> {
    let has_ended = !process::is_running(&site.controller);
    if has_ended {
        process::end(&site.controller)?;
        site.start_controller()?;
    }
    Ok(has_ended)
}

/// Each that was accepted is there; the one that was refused may be, if nobody could be told.
async fn networks_are(site: &Site, made: usize) -> Result<()> {
    let path = format!("/v1/{PROJECT}/vpcs?limit=1000");
    let page = call(site, "GET", &path, &Value::Null).await?.expect(200)?;
    let all = page["vpcs"].as_array().context("a list of networks")?;
    let names: Vec<&str> = all.iter().filter_map(|vpc| vpc["name"].as_str()).collect();
    for number in 0..made.min(900) {
        let name = format!("full-{number}");
        ensure!(names.contains(&name.as_str()), "{name} was accepted, and is gone; {} are there", names.len());
    }
    Ok(())
}

async fn all_run(site: &mut Site) -> Result<()> {
    let began = Instant::now();
    loop {
        let page = call(site, "GET", &format!("/v1/{PROJECT}/instances?limit=100"), &Value::Null).await?.expect(200)?;
        let all = page["instances"].as_array().context("a list of instances")?;
        let error = all.iter().find(|instance| instance["state"] == "error");
        ensure!(error.is_none(), "an instance ended in error: {}", error.unwrap_or(&Value::Null));
        let running = all.iter().filter(|instance| instance["state"] == "running").count();
        if running == INSTANCES {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "{running} of {INSTANCES} instances are running");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
