//! Which machine a server is: by its UUID, its serial number and its NICs, as its agent's configuration names them.

use crate::store::{Machine, record::Marks};
use billet_proto::{MacAddr, ServerId};
use std::collections::HashMap;

/// Whether it may be another machine under the same id: one of its marks is another, or none that is said was known. One that
/// is said for the first time beside a known one, or no more, tells nothing.
pub(super) fn is_another(known: &Marks, said: &Marks) -> bool {
    let marks = [(&known.uuid, &said.uuid), (&known.serial, &said.serial)];
    let mut of_both = marks.iter().filter(|(known, said)| !known.is_empty() && !said.is_empty()).peekable();
    if of_both.peek().is_none() {
        return marks.iter().any(|(known, _)| !known.is_empty()) && marks.iter().any(|(_, said)| !said.is_empty());
    }
    of_both.any(|(known, said)| !known.eq_ignore_ascii_case(said))
}

/// Whether they may be one machine, or share a part by which one is known.
pub(super) fn overlap(one: &Marks, other: &Marks) -> bool {
    let is_same = |one: &str, other: &str| !one.is_empty() && one.eq_ignore_ascii_case(other);
    // Makers number their machines each for himself: where both have a UUID, a serial number tells nothing.
    let is_numbered_alike = (one.uuid.is_empty() || other.uuid.is_empty()) && is_same(&one.serial, &other.serial);
    one.macs.iter().any(|mac| other.macs.contains(mac)) || is_same(&one.uuid, &other.uuid) || is_numbered_alike
}

/// Whether it is the machine that is known, by all that is said of both.
pub(super) fn is_same(known: &Marks, said: &Marks) -> bool {
    overlap(known, said) && !is_another(known, said)
}

/// Which server has which NIC, UUID and serial number: two that claim one machine would fight over it.
#[derive(Default)]
pub(super) struct Machines {
    by_mac: HashMap<MacAddr, ServerId>,
    by_uuid: HashMap<String, ServerId>,
    by_serial: HashMap<String, ServerId>,
    /// Those that had a server's place, and may hold what a tenant left.
    former: Vec<(ServerId, Marks)>,
}

impl Machines {
    pub(super) fn of(machines: Vec<Machine>) -> Self {
        let mut known = Self::default();
        for Machine { id, marks, is_former } in machines {
            if is_former {
                known.former.push((id, marks));
            } else {
                known.note(id, &marks);
            }
        }
        known
    }

    pub(super) fn note(&mut self, id: ServerId, marks: &Marks) {
        self.by_mac.extend(marks.macs.iter().map(|mac| (*mac, id)));
        if !marks.uuid.is_empty() {
            self.by_uuid.insert(marks.uuid.to_ascii_lowercase(), id);
        } else if !marks.serial.is_empty() {
            // As above.
            self.by_serial.insert(marks.serial.to_ascii_lowercase(), id);
        }
    }

    /// Another machine has its id. Those from before stay its own.
    pub(super) fn forget(&mut self, id: ServerId) {
        self.by_mac.retain(|_, of| *of != id);
        self.by_uuid.retain(|_, of| *of != id);
        self.by_serial.retain(|_, of| *of != id);
    }

    /// Why no server but the one that has it may have the machine; none where that one asks, or nobody has it.
    pub(super) fn taken(&self, id: ServerId, said: &Marks) -> Option<String> {
        let other = |known: Option<&ServerId>| known.copied().filter(|known| *known != id);
        if let Some((server, mac)) = said.macs.iter().find_map(|mac| Some((other(self.by_mac.get(mac))?, mac))) {
            return Some(format!("server {server} has MAC {mac}"));
        }
        let present = if said.uuid.is_empty() {
            other(self.by_serial.get(&said.serial.to_ascii_lowercase()))
                .map(|server| format!("server {server} has serial number {}", said.serial))
        } else {
            let server = other(self.by_uuid.get(&said.uuid.to_ascii_lowercase()));
            server.map(|server| format!("server {server} has UUID {}", said.uuid))
        };
        present.or_else(|| {
            let (server, marks) = self.former.iter().find(|(server, marks)| *server != id && overlap(marks, said))?;
            let Marks { uuid, serial, macs } = marks;
            let macs: Vec<String> = macs.iter().map(MacAddr::to_string).collect();
            Some(format!(
                "it may be the machine, or have parts of it, that had the place of server {server} before, and was not wiped or not as it was \
                 then (UUID '{uuid}', serial number '{serial}', MAC {})",
                macs.join(", ")
            ))
        })
    }
}
