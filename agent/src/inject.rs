//! Configuring the installed system: typed values in, files out.
//!
//! Every renderer is pure and tested as text; `root` alone touches files, and never outside the tenant's root; no
//! program of the image is ever run.

mod apply;
mod authorized_keys;
mod detect;
#[cfg(test)]
mod golden;
mod host_key;
mod hostname;
mod ifupdown;
mod links;
mod netplan;
mod network_manager;
mod networkd;
mod nocloud;
mod parameter_plane;
mod plan;
mod root;
mod shadow;
mod sshd;

pub use apply::{Injected, host_key, inject, reconfigure};
pub use detect::is_system;
pub use host_key::HostKeyPair;
pub use plan::{Changes, Plan};
pub use root::{Root, RootError};

/// Why a system could not be configured.
#[derive(Debug, thiserror::Error)]
pub enum InjectError {
    /// The order says something that cannot be written.
    #[error("read the order: {0}")]
    Plan(String),
    /// The system is of a kind that we cannot configure.
    #[error("configure the installed system: {0}")]
    Unsupported(String),
    /// A file could not be read or written.
    #[error("configure the installed system")]
    Root(#[from] RootError),
    /// No key could be made.
    #[error("make the SSH host key")]
    HostKey(#[source] ssh_key::Error),
}

impl InjectError {
    /// One word for programs.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Plan(_) => "order_malformed",
            Self::Unsupported(_) => "image_unsupported",
            Self::Root(_) => "inject_io",
            Self::HostKey(_) => "host_key",
        }
    }
}
