//! Router advertisements (RFC 4861 §4.2) that offer nothing: iPXE waits for one about 13 s before it goes on by IPv4.

use super::{dhcp_socket::is_passing, table::BootTable};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{Ipv6Addr, SocketAddrV6},
    time::Duration,
};

/// All nodes on the link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Between two while a boot is open.
const PAUSE: Duration = Duration::from_secs(2);
/// RFC 4861 §6.1.2: advertisements with another hop limit are dropped.
const HOP_LIMIT: u32 = 255;

/// The message. The kernel fills the checksum in (RFC 3542 §3.1).
///
/// Type 134, code 0, checksum, hop limit unspecified, no flags (no DHCPv6), router lifetime 0 (no default router),
/// reachable time and retransmission time unspecified; no options, hence no prefix.
pub(super) const ADVERTISEMENT: [u8; 16] = [134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A socket on that interface alone; sending needs a link-local address there.
pub(super) fn bind(interface: &str) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV6, Type::RAW.nonblocking(), Some(Protocol::ICMPV6))?;
    socket.bind_device(Some(interface.as_bytes()))?;
    socket.set_multicast_hops_v6(HOP_LIMIT)?;
    // What comes in is never read: the buffer may stay small.
    socket.set_recv_buffer_size(4096)?;
    Ok(socket)
}

/// Advertises while a boot is open. A host without IPv6 is told of once.
pub(super) async fn serve(socket: Socket, scope: u32, boots: BootTable) -> io::Result<()> {
    let to = SocketAddrV6::new(ALL_NODES, 0, 0, scope).into();
    let mut warned = false;
    let mut beat = tokio::time::interval(PAUSE);
    loop {
        beat.tick().await;
        if boots.is_empty() {
            continue;
        }
        // Never blocks; one that finds the queue full is as good as sent with the next.
        if let Err(error) = socket.send_to(&ADVERTISEMENT, &to) {
            if !warned {
                tracing::warn!(%error, "no router advertisements: iPXE will wait for them about 13 s at each boot");
            }
            warned = true;
            if !is_passing(&error) && error.kind() != io::ErrorKind::AddrNotAvailable {
                // Booting works without; only slower.
                return std::future::pending().await;
            }
        }
    }
}
