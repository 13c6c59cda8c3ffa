//! The daemon: one link to the controller, one worker for each server, and the doors that servers boot through.
//!
//! Invariants: a server's newest order, and how far it came, is on disk before anything follows from it (`state`); an
//! order older than that is refused; an order that comes again is answered with where it stands.

mod backoff;
mod bmc_facts;
mod bmc_password;
mod certificate;
mod daemon;
mod enroll;
mod failure;
mod identity;
mod kept;
mod keyed;
mod link;
mod notify;
mod orders;
mod rack;
mod ramdisk_door;
mod ramdisks;
mod renew;
mod reporter;
mod secret_file;
mod state;
#[cfg(test)]
mod tests;
mod unopened;
mod watched;
mod worker;

pub use daemon::run;
pub use identity::Identity;
pub use rack::{Around, Rack};
