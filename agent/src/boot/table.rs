//! The open boots: the only state of the boot services.

use billet_proto::{MacAddr, ServerId, identity::BootIdentity};
use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;
use uuid::Uuid;

/// One boot of one server.
#[derive(Debug, Clone)]
pub struct Boot {
    pub(super) server_id: ServerId,
    mac: MacAddr,
    address: Ipv4Addr,
    pub(super) id: Uuid,
    identity: BootIdentity,
}

impl Boot {
    /// A boot through the NIC `mac`, which gets `address`. `identity` is served once; its time is set then.
    #[must_use]
    pub fn new(server_id: ServerId, mac: MacAddr, address: Ipv4Addr, identity: BootIdentity) -> Self {
        Self { server_id, mac, address, id: Uuid::from_bytes(rand::random()), identity }
    }
}

/// How far a boot came; each is later than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BootEventKind {
    /// The NIC asked for an address and was answered.
    Offered,
    /// The boot loader was fetched.
    LoaderFetched,
    /// The boot loader's script was fetched.
    ScriptFetched,
    /// The kernel was fetched.
    KernelFetched,
    /// The boot's identity was served.
    IdentityServed,
    /// It was asked for again: the boot is void.
    IdentityAskedAgain,
}

/// All open boots; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct BootTable(Arc<Mutex<HashMap<MacAddr, Open>>>);

#[derive(Debug)]
struct Open {
    boot: Boot,
    reached: watch::Sender<Option<BootEventKind>>,
}

/// How one boot goes on. Only the furthest event is kept: none can be lost behind others.
#[derive(Debug)]
pub struct Events(Option<watch::Receiver<Option<BootEventKind>>>);

impl Events {
    /// The next event; never, when the boot is closed.
    pub async fn next(&mut self) -> BootEventKind {
        if let Some(reached) = &mut self.0 {
            while reached.changed().await.is_ok() {
                if let Some(kind) = *reached.borrow_and_update() {
                    return kind;
                }
            }
        }
        std::future::pending().await
    }
}

/// What the services may say of an open boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// The NIC that boots.
    pub mac: MacAddr,
    /// Its address meanwhile.
    pub address: Ipv4Addr,
    /// Of this boot and no other.
    pub id: Uuid,
}

/// What became of a request for the identity.
#[derive(Debug, PartialEq, Eq)]
pub enum Identity {
    /// The file; it was never served before.
    First(Vec<u8>),
    /// It was served before; the boot is void from now on.
    Again,
    /// There is no such boot.
    Unknown,
}

impl BootTable {
    /// No boot is open.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a boot; an older one of the same server is closed.
    pub fn open(&self, boot: Boot) {
        let mut boots = self.lock();
        boots.retain(|_, open| open.boot.server_id != boot.server_id);
        boots.insert(boot.mac, Open { boot, reached: watch::channel(None).0 });
    }

    /// Closes a server's boot. Whether there was one.
    pub fn close(&self, server: ServerId) -> bool {
        let mut boots = self.lock();
        let before = boots.len();
        boots.retain(|_, open| open.boot.server_id != server);
        boots.len() < before
    }

    /// Follows a server's boot.
    #[must_use]
    pub fn watch(&self, server: ServerId) -> Events {
        let boots = self.lock();
        let open = boots.values().find(|open| open.boot.server_id == server);
        Events(open.map(|open| {
            let mut reached = open.reached.subscribe();
            reached.mark_changed();
            reached
        }))
    }

    /// What a server that fetched its identity would enlist with.
    #[cfg(test)]
    pub(crate) fn token_of(&self, server: ServerId) -> Option<String> {
        let boots = self.lock();
        boots.values().find(|open| open.boot.server_id == server).map(|open| open.boot.identity.boot_token.clone())
    }

    /// The firmware of a server asks for its boot's identity: answers the token, once.
    #[cfg(test)]
    pub(crate) fn boot_of(&self, server: ServerId) -> Option<String> {
        let (mac, id) = {
            let boots = self.lock();
            let open = boots.values().find(|open| open.boot.server_id == server && !open.is_void())?;
            (open.boot.mac, open.boot.id)
        };
        let Identity::First(_) = self.take_identity(mac, id) else { return None };
        self.token_of(server)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The open boot of a NIC, unless it is void.
    #[must_use]
    pub fn of_mac(&self, mac: MacAddr) -> Option<Answered> {
        self.lock().get(&mac).filter(|open| !open.is_void()).map(Open::answered)
    }

    /// Whether an address is that of an open boot; its NIC then.
    pub(super) fn of_address(&self, address: Ipv4Addr) -> Option<Answered> {
        let boots = self.lock();
        boots.values().find(|open| open.boot.address == address && !open.is_void()).map(Open::answered)
    }

    /// Notes how far a NIC's boot came.
    pub fn reached(&self, mac: MacAddr, kind: BootEventKind) {
        if let Some(open) = self.lock().get(&mac) {
            open.advance(kind);
        }
    }

    /// The identity file of a boot, as JSON, once: a second request voids the boot.
    #[must_use]
    pub fn take_identity(&self, mac: MacAddr, id: Uuid) -> Identity {
        let boots = self.lock();
        let Some(open) = boots.get(&mac).filter(|open| open.boot.id == id) else { return Identity::Unknown };
        if *open.reached.borrow() >= Some(BootEventKind::IdentityServed) {
            open.advance(BootEventKind::IdentityAskedAgain);
            return Identity::Again;
        }
        open.advance(BootEventKind::IdentityServed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let identity =
            BootIdentity { unix_time_ms: u64::try_from(now).unwrap_or(u64::MAX), ..open.boot.identity.clone() };
        Identity::First(serde_json::to_vec(&identity).expect("an identity has only string keys"))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MacAddr, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn is_void(&self) -> bool {
        *self.reached.borrow() == Some(BootEventKind::IdentityAskedAgain)
    }
    fn answered(&self) -> Answered {
        Answered { mac: self.boot.mac, address: self.boot.address, id: self.boot.id }
    }
    fn advance(&self, kind: BootEventKind) {
        self.reached.send_if_modified(|reached| {
            let further = *reached < Some(kind);
            if further {
                *reached = Some(kind);
            }
            further
        });
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use billet_proto::identity::ProvisioningNic;

    pub(in crate::boot) const MAC: &str = "52:54:00:00:00:01";

    pub(in crate::boot) fn boot() -> Boot {
        let server_id = "0198170e-4ca7-7000-8000-000000000001".parse().unwrap();
        let (mac, address) = (MAC.parse().unwrap(), Ipv4Addr::new(10, 77, 0, 101));
        let nic = ProvisioningNic { mac, address, prefix_length: 24 };
        let identity = BootIdentity {
            server_id,
            boot_token: "token".into(),
            agent: "10.77.0.1:8443".into(),
            agent_name: "billet-agent".into(),
            ca_pem: String::new(),
            unix_time_ms: 0,
            nic,
        };
        Boot::new(server_id, mac, address, identity)
    }

    #[tokio::test]
    async fn an_identity_is_served_once_and_a_second_request_voids_the_boot() {
        let (table, boot) = (BootTable::new(), boot());
        let (mac, id) = (boot.mac, boot.id);
        table.open(boot.clone());
        let mut events = table.watch(boot.server_id);
        assert_eq!(table.take_identity(mac, Uuid::nil()), Identity::Unknown);
        let Identity::First(file) = table.take_identity(mac, id) else { panic!("the first request gets it") };
        let identity: BootIdentity = serde_json::from_slice(&file).unwrap();
        assert!(identity.unix_time_ms > 1_700_000_000_000);
        assert_eq!(events.next().await, BootEventKind::IdentityServed);
        assert!(table.of_mac(mac).is_some());
        assert_eq!(table.take_identity(mac, id), Identity::Again);
        assert_eq!(events.next().await, BootEventKind::IdentityAskedAgain);
        assert!(table.of_mac(mac).is_none() && table.of_address(boot.address).is_none());
        table.reached(mac, BootEventKind::Offered);
        assert!(table.of_mac(mac).is_none(), "nothing makes a void boot good again");
    }

    #[test]
    fn a_newer_boot_takes_the_place_of_the_older_and_closing_ends_it() {
        let (table, old, new) = (BootTable::new(), boot(), boot());
        table.open(old.clone());
        table.open(new.clone());
        assert_eq!(table.take_identity(old.mac, old.id), Identity::Unknown);
        table.close(new.server_id);
        assert!(table.is_empty());
    }
}
