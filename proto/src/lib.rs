//! What controller, agent and ramdisk may say to each other: the generated messages, the typed
//! ids, the canonical image manifest and the file that gives one boot its identity.

mod bmc;
pub mod causes;
mod disk;
mod erasure;
pub mod id;
pub mod identity;
pub mod join;
pub mod mac;
pub mod manifest;
pub mod planted;

/// Messages between controller and agent.
pub mod link {
    #![allow(missing_docs, clippy::all, clippy::pedantic)]
    tonic::include_proto!("billet.link.v1");
}

/// Messages between ramdisk and agent.
pub mod ramdisk {
    #![allow(missing_docs, clippy::all, clippy::pedantic)]
    tonic::include_proto!("billet.ramdisk.v1");
}

pub use id::{AgentId, ImageId, InstanceId, PrivateIpId, ProjectId, ServerId, SubnetId, VpcId};
pub use mac::MacAddr;
