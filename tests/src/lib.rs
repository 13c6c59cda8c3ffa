//! The laboratory: real virtual servers with firmware, BMCs, disks and networks, on one machine.
//!
//! Invariants: every process and namespace is on record before it exists, so that whatever a crash leaves is cleared by
//! the next start; only what is on record is ended.

pub mod access_key;
pub mod chassis;
pub mod crash;
pub mod daemons;
pub mod hook;
pub mod images;
pub mod lab;
pub mod net;
pub mod ordinary;
pub mod packages;
pub mod process;
pub mod record;
pub mod server;
pub mod site;
pub mod small_disk;
pub mod ssh;
pub mod trunk;

pub use lab::{Lab, Options};
pub use server::{Bond, Firmware, Server, ServerSpec};
