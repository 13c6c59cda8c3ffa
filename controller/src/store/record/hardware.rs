//! What tells a machine from another at a glance.

use billet_proto::link::Inventory;
use serde::{Deserialize, Serialize};

/// Of what a ramdisk saw of a server, that which lists show; each is empty where it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hardware {
    /// Serial number of the system.
    pub serial: String,
    /// Who made the system.
    pub manufacturer: String,
    /// Which it is.
    pub model: String,
    /// Serial number of the main board.
    pub board_serial: String,
    /// Who made it.
    pub board_manufacturer: String,
}

impl Hardware {
    /// The short form.
    pub fn of(seen: &Inventory) -> Self {
        let text = String::clone;
        Self {
            serial: text(&seen.serial),
            manufacturer: text(&seen.manufacturer),
            model: text(&seen.model),
            board_serial: text(&seen.board_serial),
            board_manufacturer: text(&seen.board_manufacturer),
        }
    }
}
