//! The REST API: parse, call, map. A handler never sets an instance's state.

pub mod ports;
