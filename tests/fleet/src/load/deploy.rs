//! Instances come and go: creations alone, and whole deployments.

use super::{Sample, Target, hold::Hold, together};
use crate::http::Connection;
use anyhow::{Context, Result, bail, ensure};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Creations of one measurement; each costs a hash.
const CREATIONS: usize = 600;
/// The same, where the fleet is held: no deployment is behind them.
const ACCEPTED: usize = 2000;
/// Clients that fill and drain the fleet.
const FILLERS: usize = 16;
/// An instance settles, and the fleet drains, within this time.
const PATIENCE: Duration = Duration::from_secs(120);
/// As long as a page of instances may be.
const PAGE: usize = 1000;

/// Accepting over HTTP alone, hashing, orders and all: the servers take their time to power on, as real ones do, and what
/// they report of their deployment does not come between. Then they are given back.
pub(super) async fn accept(target: &Target, clients: usize) -> Result<Sample> {
    let held = Hold::on_powering_on(&target.rules_file)?;
    let sample = creations("accept", target, clients, ACCEPTED.min(target.servers / 2)).await?;
    held.let_go()?;
    drain(target).await?;
    Ok(sample)
}

/// Creations over HTTP with whole deployments behind each, which take no time; then the servers are given back.
pub(super) async fn create(target: &Target, clients: usize) -> Result<Sample> {
    let sample = creations("create", target, clients, CREATIONS.min(target.servers / 2)).await?;
    drain(target).await?;
    Ok(sample)
}

/// Gives so many servers an instance; answers all ids when they run, in order.
pub(super) async fn fill(target: &Target, count: usize) -> Result<Vec<String>> {
    creations("fill", target, FILLERS, count).await?;
    let mut connection = target.connect().await?;
    let began = Instant::now();
    loop {
        let states = states(target, &mut connection).await?;
        let running = states.iter().filter(|(_, state)| state == "running").count();
        if running == count {
            let mut ids: Vec<String> = states.into_iter().map(|(id, _)| id).collect();
            ids.sort_unstable();
            return Ok(ids);
        }
        ensure!(began.elapsed() < PATIENCE, "{running} of {count} instances are running");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn creations(name: &'static str, target: &Target, clients: usize, count: usize) -> Result<Sample> {
    let left = Arc::new(AtomicUsize::new(count));
    together(name, clients, |number| {
        let (target, left) = (target.clone(), left.clone());
        async move {
            let mut connection = target.connect().await?;
            let path = target.path("/instances");
            let mut times = Vec::new();
            let took =
                |left: &AtomicUsize| left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
            while took(&left).is_ok() {
                let body = target.create_body(&format!("bench-{number}-{}", times.len()));
                let called = Instant::now();
                let answer = connection.json("POST", &path, &body).await?;
                times.push(called.elapsed());
                answer.expect(202)?;
            }
            Ok(times)
        }
    })
    .await
}

/// Whole deployments, from the request to `running`; each client gives its server back before the next one, and that is
/// not counted.
pub(super) async fn deploy(target: &Target, clients: usize, time: Duration) -> Result<Sample> {
    // The more wait, the more seldom each asks: what is measured is the controller, not being asked.
    let pause = Duration::from_micros(250) * u32::try_from(clients).unwrap_or(u32::MAX);
    let pause = pause.max(Duration::from_millis(1));
    let sample = together("deploy", clients, |number| {
        let target = target.clone();
        async move {
            let mut connection = target.connect().await?;
            let (began, mut times) = (Instant::now(), Vec::new());
            while began.elapsed() < time {
                let body = target.create_body(&format!("deploy-{number}"));
                let called = Instant::now();
                let made = connection.json("POST", &target.path("/instances"), &body).await?.expect(202)?;
                let id = made["instance_id"].as_str().context("an instance has an id")?.to_owned();
                let status = target.path(&format!("/instances/{id}/status"));
                until(&mut connection, &status, "running", pause).await?;
                times.push(called.elapsed());
                let gone = connection.call("DELETE", &target.path(&format!("/instances/{id}")), "", &[]).await?;
                gone.expect(204)?;
            }
            Ok(times)
        }
    })
    .await?;
    drain(target).await?;
    Ok(sample)
}

async fn until(connection: &mut Connection, status: &str, wanted: &str, pause: Duration) -> Result<()> {
    let began = Instant::now();
    loop {
        let value = connection.get(status).await?.expect(200)?;
        match value["state"].as_str() {
            Some(state) if state == wanted => return Ok(()),
            Some("error") => bail!("{status}: {value}"),
            _ => {}
        }
        ensure!(began.elapsed() < PATIENCE, "{status} stays {value}");
        tokio::time::sleep(pause).await;
    }
}

/// Deletes every instance, and waits until every server is ready again.
pub(super) async fn drain(target: &Target) -> Result<()> {
    let mut connection = target.connect().await?;
    let ids: Vec<String> = states(target, &mut connection).await?.into_iter().map(|(id, _)| id).collect();
    let ids: Arc<[String]> = ids.into();
    together("drain", FILLERS, |number| {
        let (target, ids) = (target.clone(), ids.clone());
        async move {
            let mut connection = target.connect().await?;
            for id in ids.iter().skip(number).step_by(FILLERS) {
                let gone = connection.call("DELETE", &target.path(&format!("/instances/{id}")), "", &[]).await?;
                // What ended meanwhile is gone already.
                ensure!([204, 404].contains(&gone.status), "delete {id}: {}", String::from_utf8_lossy(&gone.body));
            }
            Ok(Vec::new())
        }
    })
    .await?;
    let mut operator = target.connect_operator().await?;
    let began = Instant::now();
    let path = target.path("/physicalservers?manage_state=ready&limit=10");
    loop {
        let ready = operator.get(&path).await?.expect(200)?["count"].as_u64().unwrap_or_default();
        if ready == target.servers as u64 {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "{ready} of {} servers are ready again", target.servers);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Every instance, and its state.
async fn states(target: &Target, connection: &mut Connection) -> Result<Vec<(String, String)>> {
    let (mut all, mut marker) = (Vec::new(), String::new());
    loop {
        let path = target.path(&format!("/instances?limit={PAGE}{marker}"));
        let page = connection.get(&path).await?.expect(200)?;
        for instance in page["instances"].as_array().context("a list of instances")? {
            let text = |name: &str| instance[name].as_str().unwrap_or_default().to_owned();
            all.push((text("id"), text("state")));
        }
        match page["page_info"]["next_marker"].as_str() {
            Some(next) => marker = format!("&marker={next}"),
            None => return Ok(all),
        }
    }
}
