//! A controller that is killed again and again, in a simulated fleet: what was accepted comes about, once.

use anyhow::{Context, Result, ensure};
use billet_fleet::{
    http::Connection,
    site::{Options, PROJECT, Site},
};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    fs,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

const INSTANCES: usize = 30;
/// More than instances: nobody has to get the last one.
const SERVERS: u32 = 40;
const AGENTS: u32 = 4;
/// Each step takes so long, so that every crash meets installations in every step.
const RULES: &str = "[[rule]]\nwork = \"install\"\ndelay_ms = 600\n";
const CRASHES: usize = 8;
const BETWEEN_CRASHES: Duration = Duration::from_millis(700);
const PATIENCE: Duration = Duration::from_secs(120);

fn path(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`")).into()
}

#[test]
#[ignore = "needs the binaries: cargo xtask test runs it"]
fn thirty_installations_in_flight_outlive_a_controller_that_is_killed_again_and_again() {
    const NAME: &str = "restarts";
    let options = Options {
        name: NAME.into(),
        dir: path("BILLET_FLEET_DIR").join(NAME),
        controller: path("BILLET_FLEET_CONTROLLER"),
        program: path("BILLET_FLEET_PROGRAM"),
        servers: SERVERS,
        agents: AGENTS,
        state_mib: None,
    };
    let mut site = Site::start(&options, |what| println!("    {what}")).unwrap();
    fs::write(site.rules_file(), RULES).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(outlive(&mut site)).unwrap();
}

async fn outlive(site: &mut Site) -> Result<()> {
    // Some are asked for in the middle of the crashes: their callers do not know what became of the first try.
    let bodies: Vec<Value> = (0..INSTANCES).map(|number| body(site, number)).collect();
    let (address, token) = (site.address, site.token.clone());
    let asking = tokio::spawn(async move {
        let mut made = Vec::new();
        for (number, body) in bodies.iter().enumerate() {
            made.push(ask(address, &token, body, &format!("restarts-{number}")).await?);
        }
        Ok::<_, anyhow::Error>(made)
    });
    for _ in 0..CRASHES {
        tokio::time::sleep(BETWEEN_CRASHES).await;
        site.crash_controller().await?;
    }
    let made = asking.await.context("ask")??;
    println!("    {} instances asked for, the controller was killed {CRASHES} times", made.len());
    let began = Instant::now();
    let mut tenant = Connection::open(site.address, &site.token).await?;
    loop {
        let all = instances(&mut tenant).await?;
        let running = all.iter().filter(|instance| instance["state"] == "running").count();
        if running == INSTANCES {
            return check(&all, &made);
        }
        let error = all.iter().find(|instance| instance["state"] == "error");
        ensure!(error.is_none(), "an instance ended in error: {}", error.unwrap_or(&Value::Null));
        ensure!(began.elapsed() < PATIENCE, "{running} of {INSTANCES} instances are running");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn body(site: &Site, number: usize) -> Value {
    json!({
        "name": format!("restarts-{number}"), "image_id": site.image, "vpc_id": site.vpc,
        "network_interfaces": [{ "subnet_id": site.subnets[0] }], "password": "Killed-again-1",
    })
}

/// Asks until there is an answer, in the name of the same token.
async fn ask(address: SocketAddr, token: &str, body: &Value, client_token: &str) -> Result<String> {
    let began = Instant::now();
    loop {
        let answer = match Connection::open(address, token).await {
            Ok(mut connection) => {
                connection.json_once("POST", &format!("/v1/{PROJECT}/instances"), body, client_token).await
            }
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => {
                let id = answer.expect(202)?["instance_id"].as_str().map(str::to_owned);
                return id.context("an instance has an id");
            }
            Err(error) => ensure!(began.elapsed() < PATIENCE, "nobody answers: {error:#}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn instances(tenant: &mut Connection) -> Result<Vec<Value>> {
    let page = tenant.get(&format!("/v1/{PROJECT}/instances?limit=1000")).await?.expect(200)?;
    page["instances"].as_array().cloned().context("a list of instances")
}

/// Each that was asked for is there once, on a server and an address of its own.
fn check(all: &[Value], made: &[String]) -> Result<()> {
    let different =
        |of: &dyn Fn(&Value) -> Value| all.iter().map(|one| of(one).to_string()).collect::<HashSet<_>>().len();
    let ids: HashSet<&str> = all.iter().filter_map(|instance| instance["id"].as_str()).collect();
    ensure!(all.len() == INSTANCES, "{} instances, and {INSTANCES} were asked for", all.len());
    ensure!(made.iter().all(|id| ids.contains(id.as_str())), "one that was accepted is gone");
    ensure!(different(&|one| one["server_id"].clone()) == INSTANCES, "two instances on one server");
    let address = |one: &Value| one["network_interfaces"][0]["ipv4_address"].clone();
    ensure!(different(&address) == INSTANCES, "two instances with one address");
    Ok(())
}
