//! DHCP's socket: reads messages, sends answers.

use super::{
    dhcp::{MAX_MESSAGE_BYTES, Place, answer},
    table::{BootEventKind, BootTable},
};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
};
use tokio::net::UdpSocket;

/// A UDP port on that interface alone.
pub(super) fn udp(interface: &str, address: Ipv4Addr, port: u16) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_broadcast(true)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    // The interface has its address when its switch is up: that may be later.
    socket.set_freebind_v4(true)?;
    socket.bind(&std::net::SocketAddr::V4(SocketAddrV4::new(address, port)).into())?;
    Ok(socket.into())
}

/// Binds port 67. To no address: what clients without one send goes to 255.255.255.255.
pub(super) fn bind(interface: &str) -> io::Result<UdpSocket> {
    UdpSocket::from_std(udp(interface, Ipv4Addr::UNSPECIFIED, 67)?)
}

/// Answers until the socket fails.
pub(super) async fn serve(socket: UdpSocket, boots: BootTable, place: Place) -> io::Result<()> {
    let mut buffer = [0; MAX_MESSAGE_BYTES];
    loop {
        let length = match socket.recv_from(&mut buffer).await {
            Ok((length, _)) => length,
            // The link was down for a moment, or a client refused an answer.
            Err(error) if is_passing(&error) => continue,
            Err(error) => return Err(error),
        };
        let Some(reply) = answer(&buffer[..length], &boots, &place) else { continue };
        match socket.send_to(&reply.bytes, reply.to).await {
            Ok(_) => boots.reached(reply.mac, BootEventKind::Offered),
            Err(error) => tracing::warn!(%error, mac = %reply.mac, "a DHCP answer was not sent"),
        }
    }
}

pub(super) fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, Interrupted, NetworkDown, NetworkUnreachable, WouldBlock};
    matches!(
        error.kind(),
        ConnectionRefused | HostUnreachable | Interrupted | NetworkDown | NetworkUnreachable | WouldBlock
    )
}
