//! The agents' door as agents find it: real gRPC by mutual TLS, on loopback.

mod authorities;
mod callers;
pub(crate) mod door;
mod losing;
mod renewing;
mod revoking;
