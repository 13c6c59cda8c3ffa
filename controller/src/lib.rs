//! The controller: the API, the life cycle, the store and the link to agents; and the `billet` client.

pub mod addresses;
pub mod api;
pub mod auth;
pub mod backup;
pub mod ca;
use billet_proto::causes;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod host_key;
pub mod images;
pub mod lifecycle;
pub mod link;
pub mod parameter_plane;
pub mod password;
pub mod placement;
pub mod quota;
pub mod receipt;
pub mod request;
pub mod seal;
pub mod store;
