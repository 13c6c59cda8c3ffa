//! The agents' door: gRPC over mutual TLS by the controller's own authority. Agents dial; the controller never does.
//!
//! Invariants: only `enrollment` answers a caller without a certificate; every other call is checked against the
//! servers that the calling certificate's agent owns.

mod attach;
mod caller;
mod enrollment;
mod images;
mod join_token;
mod renewal;
mod revocation;
mod server;
mod service;
mod sessions;
#[cfg(test)]
pub(crate) mod tests;

pub use join_token::JoinTokens;
pub use server::{LinkError, LinkServer, Listener};
pub use sessions::Sessions;
