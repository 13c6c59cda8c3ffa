//! Does *this* SSH host key answer at this address?
//!
//! Purpose: proof that a server runs the system that was installed: it holds the private key that the ramdisk made.
//! The proof is the server's signature in the key exchange (RFC 4253 §8), which covers both sides' random numbers;
//! a machine that only knows the public key cannot give it.
//! Non-goals: logging in, encryption, key types other than Ed25519: everything ends when the signature was checked.
//! An SSH client crate would do this too, with 60 more crates in a root daemon and a state machine that goes on to
//! where we must never be; what is needed of the protocol is `kex`.

mod host_key;
mod kex;
mod wire;

pub use host_key::{HostKey, HostKeyError};

use futures_util::future::BoxFuture;
use kex::{Exchange, Rejection, Step};
use socket2::{Domain, Protocol, Socket, Type};
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

/// Read at once. What an [`Exchange`] keeps is bounded by itself.
const READ_BYTES: usize = 4096;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nothing takes connections there, or the interface cannot be used.
    #[error("connect to {target}")]
    NoConnection {
        /// Where.
        target: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No proof within the time given.
    #[error("probe {target}: no proof within {} ms, {stage}", deadline.as_millis())]
    Deadline {
        /// Where.
        target: SocketAddr,
        /// How far it went.
        stage: &'static str,
        /// The time given.
        deadline: Duration,
    },
    /// What answers does not speak SSH, or not as specified.
    #[error("speak SSH with {target}: {reason}")]
    NotSsh {
        /// Where.
        target: SocketAddr,
        /// What it did.
        reason: String,
    },
    /// Another host key answers.
    #[error("find host key {expected} at {target}: {seen} answers")]
    OtherHostKey {
        /// Where.
        target: SocketAddr,
        /// Fingerprint of the key asked for.
        expected: String,
        /// Fingerprint of the key shown.
        seen: String,
    },
    /// The right key is shown without proof that its private half is there.
    #[error("trust {target}: it shows the host key and cannot sign with it")]
    NoProof {
        /// Where.
        target: SocketAddr,
    },
}

impl ProbeError {
    /// Whether a system that is still starting could cause this, so that another probe may find the key.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::NoConnection { .. } | Self::Deadline { .. } | Self::NotSsh { .. })
    }
}

/// Asks for such a proof.
pub trait Probe: Send + Sync {
    /// As [`ssh_host_key`], from that interface.
    ///
    /// # Errors
    /// When there is no proof, within `deadline` in any case.
    fn host_key<'a>(
        &'a self,
        target: SocketAddr,
        interface: &'a str,
        expected: &'a HostKey,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<(), ProbeError>>;
}

/// Over the network.
#[derive(Debug, Clone, Copy)]
pub struct SshProbe;

impl Probe for SshProbe {
    fn host_key<'a>(
        &'a self,
        target: SocketAddr,
        interface: &'a str,
        expected: &'a HostKey,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<(), ProbeError>> {
        Box::pin(ssh_host_key(target, Some(interface), expected, deadline))
    }
}

/// Connects, from `interface` only if one is given, and has the server prove that it holds `expected`.
///
/// Sends no secret and no name; the server logs a connection that ended before login.
///
/// # Errors
/// When there is no proof, within `deadline` in any case.
pub async fn ssh_host_key(
    target: SocketAddr,
    interface: Option<&str>,
    expected: &HostKey,
    deadline: Duration,
) -> Result<(), ProbeError> {
    let mut stage = "not connected";
    let probe = run(target, interface, expected, &mut stage);
    let Ok(outcome) = tokio::time::timeout(deadline, probe).await else {
        return Err(ProbeError::Deadline { target, stage, deadline });
    };
    outcome
}

async fn run(
    target: SocketAddr,
    interface: Option<&str>,
    expected: &HostKey,
    stage: &mut &'static str,
) -> Result<(), ProbeError> {
    let unconnected = |source| ProbeError::NoConnection { target, source };
    let cut = |error: io::Error| ProbeError::NotSsh { target, reason: format!("the connection broke: {error}") };
    let socket = socket(target, interface).map_err(unconnected)?;
    let mut stream = socket.connect(target).await.map_err(unconnected)?;
    *stage = "connected, no banner yet";
    let (mut exchange, hello) = Exchange::start();
    stream.write_all(&hello).await.map_err(cut)?;
    let mut buffer = [0; READ_BYTES];
    loop {
        let length = stream.read(&mut buffer).await.map_err(cut)?;
        if length == 0 {
            return Err(ProbeError::NotSsh { target, reason: "it closed the connection".into() });
        }
        let step = exchange.receive(&buffer[..length], expected).map_err(|rejection| match rejection {
            Rejection::NotSsh(reason) => ProbeError::NotSsh { target, reason },
            Rejection::OtherKey(seen) => {
                ProbeError::OtherHostKey { target, expected: expected.fingerprint(), seen: seen.fingerprint() }
            }
            Rejection::BadSignature => ProbeError::NoProof { target },
        })?;
        *stage = exchange.stage();
        match step {
            Step::Send(bytes) if bytes.is_empty() => {}
            Step::Send(bytes) => stream.write_all(&bytes).await.map_err(cut)?,
            Step::Proven => return Ok(()),
        }
    }
}

fn socket(target: SocketAddr, interface: Option<&str>) -> io::Result<TcpSocket> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if let Some(interface) = interface {
        // Not bind(2) to an address of it: routes would still choose the way, and VPCs may overlap.
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    Ok(TcpSocket::from_std_stream(socket.into()))
}
