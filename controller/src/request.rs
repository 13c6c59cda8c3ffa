//! What a tenant or an operator asks for, as typed values. Outside text becomes a value here, once, or it is refused
//! with field, rule and what was given.
//!
//! Non-goals: nothing here looks at the store, so an id that is well formed may still name nothing.
//! Invariants: no problem carries a password or a metadata value; lengths count characters, not bytes; control
//! characters are refused everywhere.

mod access;
mod change_password;
mod create;
mod create_batch;
mod delete_batch;
mod fields;
mod image;
mod list;
mod metadata;
mod modify_ip;
mod name;
mod network;
mod parameter_plane;
mod password;
mod problem;
mod quota;
mod reinstall;
mod server;
mod server_set;
mod tag;

pub use access::UserData;
pub use change_password::ChangePassword;
pub use create::{CreateInstance, NicRequest};
pub use create_batch::CreateBatch;
pub use delete_batch::DeleteBatch;
pub use image::{ImageMeta, ImageOs, ImportImage, UpdateImage};
pub use metadata::Metadata;
pub use modify_ip::ModifyIp;
pub use name::{Hostname, InstanceName};
pub use network::{CreateSubnet, CreateVpc, HoldAddress, UpdateSubnet, UpdateVpc};
pub use parameter_plane::CreatePlaneSubnet;
pub use password::Password;
pub use problem::{Invalid, Problems};
pub use quota::QuotaWord;
pub use reinstall::Reinstall;
pub use server::{NewAgent, RegisterServer, ServerAction};
pub use server_set::PowerServers;
pub use tag::TagChange;

pub(crate) use fields::Fault;
