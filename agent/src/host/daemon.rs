//! Putting the daemon together, and taking it down.

use super::{
    certificate::BootCertificate,
    enroll,
    link::Link,
    notify,
    orders::Tools,
    ramdisk_door,
    ramdisks::Ramdisks,
    renew::Renewer,
    secret_file,
    state::{Records, Stage, replace},
    worker,
};
use crate::{
    bmc::{IpmiBmc, IpmiOptions},
    boot::{BootConfig, BootServer, BootTable},
    config::{Config, Server},
    network::{self, Provider},
    probe::SshProbe,
};
use anyhow::Context;
use billet_proto::{ServerId, link::Order};
use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
};

/// Orders that wait for one worker; it takes them at once.
const ORDERS: usize = 8;
/// How long the doors may take to close.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// Runs the daemon until SIGTERM or SIGINT.
///
/// # Errors
/// When a file, a port or the controller's consent cannot be had, or a door fails.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let config = Arc::new(config);
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).context("take SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("take SIGINT")?;
    let watchdog = tokio::spawn(notify::watchdog());
    notify::status("joining the controller");

    let records = Records::open(&config.state_dir)?;
    let epoch = next_epoch(&config.state_dir).context("count this start")?;
    let certificate = BootCertificate::load_or_create(&config.state_dir)?;
    let identity = tokio::select! {
        identity = enroll::load_or_join(&config) => identity?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let link = Link::new(&config, &identity).context("use the agent's certificate")?;
    let (boots, ramdisks) = (BootTable::new(), Ramdisks::default());
    let boot = BootServer::bind(boot_config(&config), boots.clone()).await.context("open the boot services")?;
    let door = ramdisk_door::Door { ramdisks: ramdisks.clone(), link: link.clone() };
    let (address, interface) = (config.provisioning.grpc_address(), config.provisioning.interface.clone());
    let door = ramdisk_door::open(door, address, &interface, &certificate, stopped.clone()).await?;

    let mut workers = HashMap::new();
    for server in &config.servers {
        let tools = Tools {
            config: config.clone(),
            server: Arc::new(server.clone()),
            bmc: Arc::new(bmc(server)?),
            provider: Provider::over(network::switch(config.network.clone()), server),
            probe: Arc::new(SshProbe),
            boots: boots.clone(),
            ramdisks: ramdisks.clone(),
            records: records.clone(),
            link: link.clone(),
            boot_ca: certificate.ca_pem.as_str().into(),
        };
        if let Some(Stage::Ramdisk { session, token, .. }) = records.load(server.id)?.map(|record| record.stage) {
            ramdisks.await_order(server.id, (token, session));
        }
        let (orders, taken) = mpsc::channel(ORDERS);
        tokio::spawn(worker::run(tools, taken));
        workers.insert(server.id, orders);
    }
    let sessions = link.clone().run(config.clone(), epoch, move |order| route(&workers, order), stopped.clone());
    let sessions = tokio::spawn(sessions);
    let (alarm, alarming) = watch::channel(None);
    let renewer = Renewer {
        controller: link.clone(),
        identity,
        state_dir: config.state_dir.clone(),
        now: Arc::new(SystemTime::now),
        alarm,
    };
    tokio::spawn(renewer.run(stopped.clone()));
    let status = tokio::spawn(tell_status(link.connected(), alarming, config.servers.len()));
    tracing::info!(servers = config.servers.len(), epoch, interface, "the agent is ready");
    notify::ready();

    let mut boot = tokio::spawn(boot.run(stopped.clone()));
    let mut door = tokio::spawn(door);
    let ended = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        ended = &mut boot => Err(anyhow::anyhow!("the boot services ended: {ended:?}")),
        ended = &mut door => Err(anyhow::anyhow!("the ramdisks' door ended: {ended:?}")),
    };
    tracing::info!("stopping; orders go on where they stand at the next start");
    notify::stopping();
    stop.send_replace(true);
    // What does not end by itself is ended with the process: every stage is on disk.
    let _ = tokio::time::timeout(STOP_DEADLINE, sessions).await;
    status.abort();
    watchdog.abort();
    ended
}

fn route(workers: &HashMap<ServerId, mpsc::Sender<Order>>, order: Order) {
    let worker = order.server_id.parse().ok().and_then(|id: ServerId| workers.get(&id));
    match worker {
        Some(worker) if worker.try_send(order).is_ok() => {}
        Some(_) => tracing::error!("a worker does not take its order; the controller sends it again"),
        None => tracing::error!("an order for a server that this agent does not own"),
    }
}

async fn tell_status(mut connected: watch::Receiver<bool>, mut alarming: watch::Receiver<Option<u64>>, servers: usize) {
    loop {
        let (now, days) = (*connected.borrow_and_update(), *alarming.borrow_and_update());
        notify::status(&status(now, days, servers));
        let changed = tokio::select! {
            changed = connected.changed() => changed,
            changed = alarming.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

fn status(attached: bool, alarming_days: Option<u64>, servers: usize) -> String {
    let link = if attached { format!("attached; {servers} servers") } else { "reaching for the controller".into() };
    match alarming_days {
        Some(days) => format!("{link}; the certificate ends in {days} days and is not renewed: see the log"),
        None => link,
    }
}

fn boot_config(config: &Config) -> BootConfig {
    let p = &config.provisioning;
    BootConfig {
        interface: p.interface.clone(),
        address: p.address,
        prefix_length: p.prefix_length,
        http_port: p.http_port,
        loader_dir: p.loader_dir.clone(),
        ramdisk_dir: p.ramdisk_dir.clone(),
    }
}

fn bmc(server: &Server) -> anyhow::Result<IpmiBmc> {
    let bmc = &server.bmc;
    let password = secret_file::read(&bmc.password_file).context("read the BMC's password")?;
    let kg = bmc.kg_file.as_deref().map(secret_file::read).transpose().context("read the BMC's key")?;
    let options = IpmiOptions { privilege: bmc.privilege, kg, ..IpmiOptions::default() };
    Ok(IpmiBmc::new(bmc.address, bmc.user.clone(), password, options))
}

/// Grows with each start, so that the controller knows an older process by its number.
fn next_epoch(state_dir: &Path) -> anyhow::Result<u64> {
    let path = state_dir.join("epoch");
    let last = match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse::<u64>().with_context(|| format!("read {}", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    let epoch = last + 1;
    replace(&path, epoch.to_string().as_bytes(), 0o600).with_context(|| format!("write {}", path.display()))?;
    Ok(epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_tells_that_a_certificate_is_about_to_end() {
        assert_eq!(status(true, None, 3), "attached; 3 servers");
        assert_eq!(
            status(false, Some(12), 3),
            "reaching for the controller; the certificate ends in 12 days and is not renewed: see the log"
        );
    }
}
