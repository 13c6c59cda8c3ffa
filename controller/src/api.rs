//! The REST API: parse, call, map. A handler never sets a state and never writes an instance.
//!
//! The order of checks is authentication, rate limit, validation, and only then the costly password hash. Every answer
//! has an `X-Request-Id`; every error is one line of [`error`]'s table.

mod access;
mod admin;
mod admission;
mod audit;
mod baseline;
mod body;
mod deadline;
pub mod error;
mod events;
mod guard;
mod health;
pub mod idempotency;
mod images;
mod instances;
pub mod openapi;
mod operate;
mod operate_instance;
mod page;
mod parameter_plane;
mod peer;
pub mod ports;
mod query;
mod quota;
mod rate;
mod receipts;
mod request_id;
mod reservations;
mod router;
mod schema;
mod servers;
mod subnets;
mod vpcs;
mod waiting;
mod wipe_receipts;

pub use audit::AuditLog;
pub use idempotency::Once;
pub use rate::Rates;
pub use router::{AppState, router};

#[cfg(test)]
mod tests;
