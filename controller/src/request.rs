//! What a tenant or an operator asks for, as typed values. Outside text becomes a value here, once, or it is refused
//! with field, rule and what was given.
//!
//! Non-goals: nothing here looks at the store, so an id that is well formed may still name nothing.
//! Invariants: no problem carries a password or a metadata value; lengths count characters, not bytes; control
//! characters are refused everywhere.

mod create;
mod fields;
mod image;
mod metadata;
mod name;
mod network;
mod parameter_plane;
mod password;
mod problem;
mod quota;
mod server;

pub use create::{CreateInstance, NicRequest};
pub use image::{ImageMeta, ImageOs};
pub use metadata::Metadata;
pub use name::{Hostname, InstanceName};
pub use network::{CreateSubnet, CreateVpc, HoldAddress, UpdateSubnet, UpdateVpc};
pub use parameter_plane::CreatePlaneSubnet;
pub use password::Password;
pub use problem::{Invalid, Problems};
pub use quota::QuotaWord;
pub use server::{NewAgent, RegisterServer};

pub(crate) use fields::Fault;
