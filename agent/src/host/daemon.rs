//! Putting the daemon together, and taking it down.

use super::{
    bmc_password::BmcPassword,
    enroll,
    keyed::Keyed,
    notify,
    rack::{Around, Rack},
    ramdisk_door,
    renew::Renewer,
    secret_file,
    unopened::Unopened,
};
use crate::{
    bmc::{IpmiBmc, IpmiOptions, Peer, Rotate},
    boot::{BootConfig, BootServer, BootTable},
    causes::chain,
    config::{self, Config, Server},
    dial, network,
    probe::SshProbe,
};
use anyhow::Context;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

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

    let identity = tokio::select! {
        identity = enroll::load_or_join(&config) => identity?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let boots = BootTable::new();
    let boot = BootServer::bind(boot_config(&config), boots.clone()).await.context("open the boot services")?;
    let (address, interface) = (config.provisioning.grpc_address(), config.provisioning.interface.clone());
    let listener = ramdisk_door::listen(address, &interface);
    let listener = listener.with_context(|| format!("listen for ramdisks on {address}"))?;
    let around = Around {
        bmcs: config
            .servers
            .iter()
            .map(|server| Ok((server.id, bmc(&config, server)?)))
            .collect::<anyhow::Result<_>>()?,
        switch: network::switch(config.network.clone()),
        probe: Arc::new(SshProbe),
        dial: dial::over_tcp(),
        boots,
    };
    let rack = Rack::new(config.clone(), &identity, around)?;
    let (link, epoch) = (rack.link(), rack.epoch());
    let door = rack.door(listener, stopped.clone())?;
    let sessions = tokio::spawn(rack.run(stopped.clone()));
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

/// A secret that cannot be read now is its own server's trouble, and told with each order until it can be.
fn bmc(config: &Config, server: &Server) -> anyhow::Result<Arc<dyn Rotate>> {
    let bmc = &server.bmc;
    let kept = BmcPassword::open(&config.state_dir, server.id, &bmc.password_file).context("keep BMCs' passwords")?;
    let peer = Peer { address: bmc.address, user: bmc.user.clone() };
    let configured = bmc.clone();
    let unopened = Unopened::new(peer, move || open(&configured, &kept));
    if let Err(error) = unopened.opened() {
        tracing::error!(server = %server.id, error = chain(&error), "nothing can be done with it; others go on");
    }
    Ok(Arc::new(unopened))
}

fn open(bmc: &config::Bmc, kept: &BmcPassword) -> anyhow::Result<Arc<dyn Rotate>> {
    let password = kept.current()?;
    let kg = bmc.kg_file.as_deref().map(secret_file::read).transpose().context("read the BMC's key")?;
    let options = IpmiOptions { privilege: bmc.privilege, kg, quirks: bmc.quirks.clone(), ..IpmiOptions::default() };
    Ok(Arc::new(Keyed::new(Arc::new(IpmiBmc::new(bmc.address, bmc.user.clone(), password, options)), kept.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn a_password_or_a_key_that_cannot_be_read_keeps_no_agent_from_starting() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::parse(include_str!("../../../packaging/config/agent.toml")).unwrap();
        config.state_dir = dir.path().to_owned();
        let mut server = config.servers.remove(0);
        server.bmc.password_file = dir.path().join("password");
        let missing = bmc(&config, &server).unwrap();
        assert_eq!(missing.power_state().await.unwrap_err().cause(), "bmc_password_unreadable");
        std::fs::write(&server.bmc.password_file, "Zq7").unwrap();
        std::fs::set_permissions(&server.bmc.password_file, PermissionsExt::from_mode(0o600)).unwrap();
        server.bmc.kg_file = Some(dir.path().join("key"));
        let keyless = bmc(&config, &server).unwrap();
        assert_eq!(keyless.identity().await.unwrap_err().cause(), "bmc_password_unreadable");
    }

    #[test]
    fn the_status_tells_that_a_certificate_is_about_to_end() {
        assert_eq!(status(true, None, 3), "attached; 3 servers");
        assert_eq!(
            status(false, Some(12), 3),
            "reaching for the controller; the certificate ends in 12 days and is not renewed: see the log"
        );
    }
}
