//! The agent's own logic, put together. What touches the world (BMCs, switches, probes, connections) is given, so that all of
//! this can run in a simulation too.

use super::{
    certificate::BootCertificate,
    identity::Identity,
    link::{Link, Told},
    orders::Tools,
    ramdisk_door,
    ramdisks::Ramdisks,
    state::{Records, Stage, replace},
    worker,
};
use crate::{
    bmc::Rotate,
    boot::BootTable,
    config::Config,
    dial::Dial,
    network::{Provider, Switch},
    probe::Probe,
};
use anyhow::Context;
use billet_proto::ServerId;
use std::{collections::HashMap, fs, io::ErrorKind, path::Path, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{mpsc, watch},
};
use tokio_stream::Stream;
use tonic::transport::server::Connected;

/// What waits for one worker; it takes it at once.
const WAITING: usize = 8;

/// The world around an agent.
pub struct Around {
    /// Of each server that the configuration names.
    pub bmcs: HashMap<ServerId, Arc<dyn Rotate>>,
    /// Moves NICs.
    pub switch: Arc<dyn Switch>,
    /// Asks installed systems for their host keys.
    pub probe: Arc<dyn Probe>,
    /// The way to the controller.
    pub dial: Dial,
    /// What the boot services answer from.
    pub boots: BootTable,
}

/// An agent with a worker for each of its servers.
pub struct Rack {
    config: Arc<Config>,
    certificate: BootCertificate,
    epoch: u64,
    link: Link,
    ramdisks: Ramdisks,
    workers: HashMap<ServerId, mpsc::Sender<Told>>,
}

impl Rack {
    /// Counts a start in the state folder, and starts the workers there where their orders stand.
    ///
    /// # Errors
    /// When the state folder or the certificate cannot be used, or a server has no BMC.
    pub fn new(config: Arc<Config>, identity: &Identity, around: Around) -> anyhow::Result<Self> {
        let Around { bmcs, switch, probe, dial, boots } = around;
        let records = Records::open(&config.state_dir)?;
        let epoch = next_epoch(&config.state_dir).context("count this start")?;
        let certificate = BootCertificate::load_or_create(&config.state_dir)?;
        let link = Link::new(&config, identity, dial).context("use the agent's certificate")?;
        let ramdisks = Ramdisks::default();
        let mut workers = HashMap::new();
        for server in &config.servers {
            let tools = Tools {
                config: config.clone(),
                server: Arc::new(server.clone()),
                bmc: bmcs.get(&server.id).with_context(|| format!("server {}: it has no BMC", server.id))?.clone(),
                provider: Provider::over(switch.clone(), server),
                probe: probe.clone(),
                boots: boots.clone(),
                ramdisks: ramdisks.clone(),
                records: records.clone(),
                link: link.clone(),
                boot_ca: certificate.ca_pem.as_str().into(),
            };
            await_ramdisk(&records, &ramdisks, server.id);
            let (told, taken) = mpsc::channel(WAITING);
            tokio::spawn(worker::run(tools, taken));
            workers.insert(server.id, told);
        }
        Ok(Self { config, certificate, epoch, link, ramdisks, workers })
    }

    /// The way to the controller.
    pub fn link(&self) -> Link {
        self.link.clone()
    }

    /// How often this agent was started, this time included.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Serves ramdisks, which come by `incoming`, until `stop`.
    ///
    /// # Errors
    /// When the certificate cannot be used; the future's when serving fails.
    pub fn door<I, C>(
        &self,
        incoming: I,
        stop: watch::Receiver<bool>,
    ) -> anyhow::Result<impl Future<Output = Result<(), tonic::transport::Error>> + Send + use<I, C>>
    where
        I: Stream<Item = std::io::Result<C>> + Send + 'static,
        C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let door = ramdisk_door::Door { ramdisks: self.ramdisks.clone(), link: self.link.clone() };
        ramdisk_door::open(door, incoming, &self.certificate, stop)
    }

    /// Has sessions with the controller, one after the other, until `stop`.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let Self { config, epoch, link, workers, .. } = self;
        link.run(config, epoch, move |server, told| route(&workers, server, told), stop).await;
    }
}

/// A ramdisk of the time before this start may call before its order comes again. A record that does not read back is its own
/// server's trouble: its worker tells it when an order comes, and all others go on.
fn await_ramdisk(records: &Records, ramdisks: &Ramdisks, server: ServerId) {
    match records.load(server).map(|record| record.map(|record| record.stage)) {
        Ok(Some(Stage::Ramdisk { session, token, .. })) => ramdisks.await_order(server, (token, session)),
        Ok(_) => {}
        Err(error) => {
            let error = crate::causes::chain(&error);
            tracing::error!(%server, error, "where its order stands cannot be read: it is not gone on with");
        }
    }
}

/// Whether its worker took it, or there is none.
fn route(workers: &HashMap<ServerId, mpsc::Sender<Told>>, server: &str, told: Told) -> bool {
    let Some(worker) = server.parse().ok().and_then(|id: ServerId| workers.get(&id)) else {
        tracing::error!(server, "something was told of a server that this agent's configuration does not have");
        return true;
    };
    let is_taken = worker.try_send(told).is_ok();
    if !is_taken {
        tracing::error!(server, "a worker does not take what it is told; the controller tells it again");
    }
    is_taken
}

/// How far it grows with one start at most.
const MOST_STARTS: u64 = 1_000_000;

/// Grows with each start, so that the controller knows an older process by its number; by how much is drawn by lot, so that of two copies of
/// one agent, which both count on from the same number, one is older. Where the last one cannot be read no number is
/// safe: one too low is an older process's, and one made up could be higher than that of the agent that has this one's place.
fn next_epoch(state_dir: &Path) -> anyhow::Result<u64> {
    let path = state_dir.join("epoch");
    let last = match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse::<u64>().ok(),
        Err(error) if error.kind() == ErrorKind::NotFound => Some(0),
        Err(error) if error.kind() == ErrorKind::InvalidData => None,
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    let step = rand::random_range(1..=MOST_STARTS);
    let epoch = last.and_then(|last| last.checked_add(step)).with_context(|| {
        let path = path.display();
        format!("read {path}: it is damaged; write into it what certificates.md says of a damaged `epoch`")
    })?;
    replace(&path, epoch.to_string().as_bytes(), 0o600).with_context(|| format!("write {}", path.display()))?;
    Ok(epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::state::Record;
    use billet_proto::manifest::Digest;

    #[test]
    fn starts_are_counted_and_a_number_that_does_not_read_back_is_not_counted_on_from() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (next_epoch(dir.path()).unwrap(), next_epoch(dir.path()).unwrap());
        assert!(0 < first && first < second, "{first} {second}");
        let path = dir.path().join("epoch");
        for damaged in [&b""[..], b"-3", b"4\0\0", b"\xff\xff", b"18446744073709551615"] {
            fs::write(&path, damaged).unwrap();
            let error = format!("{:#}", next_epoch(dir.path()).unwrap_err());
            assert!(error.contains("it is damaged") && error.contains("certificates.md"), "{error}");
            assert_eq!(fs::read(&path).unwrap(), damaged, "for whoever wants to know");
        }
        // As the document says.
        fs::write(&path, "41\n").unwrap();
        assert!(next_epoch(dir.path()).unwrap() > 41);
    }

    #[test]
    fn two_copies_of_an_agent_do_not_count_alike() {
        let copies = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        copies.iter().for_each(|dir| fs::write(dir.path().join("epoch"), "41").unwrap());
        // By chance they do once in a million starts, and never three times one after the other.
        let alike = (0..3).all(|_| {
            let [one, other] = [0, 1].map(|copy| next_epoch(copies[copy].path()).unwrap());
            one == other
        });
        assert!(!alike);
    }

    #[test]
    fn a_record_that_does_not_read_back_keeps_no_other_server_from_going_on() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(dir.path()).unwrap();
        let id = |last: u8| -> ServerId { format!("0198170e-4ca7-7000-8000-00000000000{last}").parse().unwrap() };
        fs::write(dir.path().join(format!("servers/{}.json", id(1))), b"{").unwrap();
        let session = Digest::of(b"s");
        records.save(id(2), &Record::new(1, Stage::Ramdisk { session, token: None, installed: None })).unwrap();
        let ramdisks = Ramdisks::default();
        [id(1), id(2)].into_iter().for_each(|id| await_ramdisk(&records, &ramdisks, id));
        let waits = ramdisks.session("s").err().map(|status| status.code());
        assert_eq!(waits, Some(tonic::Code::Unavailable), "it is to come again when its order is there");
    }
}
