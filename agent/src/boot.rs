//! The agent's own network boot: DHCP, TFTP, boot files over HTTP, and router advertisements.
//!
//! Only a known NIC with an open boot is answered; everything else is silence or "not found". All sockets are bound to
//! the provisioning interface: nothing of this listens anywhere else.
//! Non-goals: serving addresses to anybody else, IPv6 boot.

mod address;
pub mod cpio;
mod dhcp;
mod dhcp_socket;
mod http;
mod router_advertisement;
mod script;
mod server;
mod table;
mod tftp;

pub use server::{BootConfig, BootError, BootServer};
pub use table::{Answered, Boot, BootEventKind, BootTable, Events, Identity};
