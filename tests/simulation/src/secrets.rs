//! Secrets are looked for in all that a person may see: what the programs log, events, errors, refusals, and what is waited for.

use crate::{controller::Site, ledger::Ledger};
use billet_controller::{
    clock::Timestamp,
    store::{ServerEventsWanted, record::Instance},
};
use std::io;
use tracing::{
    dispatcher,
    subscriber::{DefaultGuard, NoSubscriber, set_default},
};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Every tenant's password.
pub const PASSWORD: &str = "Aa1-Bb2-Cc3";
/// How each hash of it begins.
pub const HASH: &str = "$6$s$";
/// In the metadata of every instance.
pub const METADATA: &str = "Mm4-Nn5-Oo6";
/// The user data of every instance.
pub const USER_DATA: &str = "Uu7-Vv8-Ww9!";
/// The same, as the API takes it.
pub const USER_DATA_BASE64: &str = "VXU3LVZ2OC1Xdzkh";
/// The same, as `Debug` has bytes.
pub const USER_DATA_BYTES: &str = "85, 117, 55, 45, 86, 118, 56, 45, 87, 119, 57, 33";
/// What these are, and how they are known.
pub const WORDS: [(&str, &str); 6] = [
    ("a password", PASSWORD),
    ("a password's hash", HASH),
    ("metadata", METADATA),
    ("user data", USER_DATA),
    ("user data", USER_DATA_BASE64),
    ("user data", USER_DATA_BYTES),
];
/// What each program may be asked to log.
const FILTER: &str = "warn,billet_controller=debug,billet_agent=debug,billet_proto=debug";

/// The hash of the password that an instance of that name was created with: all that were created together have the same.
#[must_use]
pub fn first_hash(name: &str) -> String {
    let of_all = name.match_indices('-').nth(1).map_or(name, |(end, _)| &name[..end]);
    format!("{HASH}{of_all}-0")
}

/// Looks into all that this thread logs, as long as the guard is kept; not where a person wants to read it.
#[must_use]
pub fn look_into_logs(ledger: &Ledger) -> Option<DefaultGuard> {
    if !dispatcher::get_default(|current| current.is::<NoSubscriber>()) {
        return None;
    }
    let filter = EnvFilter::new(FILTER);
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).without_time().with_ansi(false);
    Some(set_default(subscriber.with_writer(Lines(ledger.clone())).finish()))
}

/// Looks into every event and every error that is in the database.
///
/// # Errors
/// When the store fails.
pub fn look_into_records(site: &Site, instances: &[Instance], ledger: &Ledger) -> anyhow::Result<()> {
    for instance in instances {
        let id = instance.id;
        for recorded in site.write(move |tx| tx.events(id, 0, u32::MAX))? {
            ledger.look_for_secrets("an event", &recorded.event.message);
        }
    }
    let wanted = ServerEventsWanted {
        servers: None,
        from: Timestamp(0),
        to: Timestamp(1 << 62),
        level: None,
        offset: 0,
        limit: u32::MAX,
    };
    for recorded in site.write(move |tx| tx.server_events(&wanted))?.0 {
        ledger.look_for_secrets("a server's event", &recorded.message);
    }
    Ok(())
}

#[derive(Clone)]
struct Lines(Ledger);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.look_for_secrets("a log", &String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
