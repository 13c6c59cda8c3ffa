//! Calls that change nothing.

use super::{Sample, Target, together};
use anyhow::{Result, ensure};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Entries of a list's page.
const PAGE: usize = 100;

pub(super) async fn status(target: &Target, ids: &[String], clients: usize, time: Duration) -> Result<Sample> {
    let paths = ids.iter().map(|id| target.path(&format!("/instances/{id}/status"))).collect();
    again_and_again("status", target, paths, clients, time).await
}

pub(super) async fn instances(target: &Target, ids: &[String], clients: usize, time: Duration) -> Result<Sample> {
    // Pages from everywhere, all full.
    let full = ids.len().saturating_sub(PAGE).max(1);
    let path = |marker: &String| target.path(&format!("/instances?limit={PAGE}&marker={marker}"));
    let paths = ids[..full].iter().step_by(37).map(path).collect();
    again_and_again("list", target, paths, clients, time).await
}

pub(super) async fn servers(target: &Target, clients: usize, time: Duration) -> Result<Sample> {
    let mut connection = target.connect().await?;
    let (mut paths, mut marker) = (Vec::new(), String::new());
    loop {
        let path = target.path(&format!("/physicalservers?limit={PAGE}{marker}"));
        let page = connection.get(&path).await?.expect(200)?;
        paths.push(path);
        match page["page_info"]["next_marker"].as_str() {
            Some(next) if paths.len() < PAGE => marker = format!("&marker={next}"),
            _ => break,
        }
    }
    again_and_again("servers", target, paths, clients, time).await
}

async fn again_and_again(
    name: &'static str,
    target: &Target,
    paths: Vec<String>,
    clients: usize,
    time: Duration,
) -> Result<Sample> {
    ensure!(!paths.is_empty(), "there is nothing to ask for");
    let paths: Arc<[String]> = paths.into();
    together(name, clients, |number| {
        let (target, paths) = (target.clone(), paths.clone());
        async move {
            let mut connection = target.connect().await?;
            let (began, mut times) = (Instant::now(), Vec::new());
            // Each client walks through all in an order of its own.
            let mut at = number * 7919;
            while began.elapsed() < time {
                let path = &paths[at % paths.len()];
                at += 7;
                let called = Instant::now();
                let answer = connection.get(path).await?;
                times.push(called.elapsed());
                ensure!(answer.status == 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
            }
            Ok(times)
        }
    })
    .await
}
