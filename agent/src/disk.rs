//! The server's disks: which there are, which is the right one, and writing an image to it.
//!
//! Invariants: nothing is written to a disk that was not chosen; what was on the chosen disk cannot boot once the first
//! byte is written, and neither can half of the new one: its first MiB comes last; no byte is written whose chunk was not
//! checked first.

pub mod bootable;
mod buffer;
mod choose;
mod error;
mod gpt;
mod inventory;
pub mod partition;
mod serial;
mod settle;
mod target;
mod transport;
mod wipe;
mod writer;

pub use choose::choose;
pub use error::DiskError;
pub use inventory::{list_disks, list_read_only_media};
pub use settle::settled_disks;
pub use target::TargetDisk;
pub(crate) use transport::is_pci;
pub use wipe::{Erase, Extent, Held, Wiped, recorded};
pub use writer::{Frames, Written, write};

/// A MiB: what is zeroed at both ends, and what is written last.
pub const MIB: u64 = 1 << 20;
