//! The provisioning interface's address: ports are opened before it is there, and nobody reaches them without it.

use nix::ifaddrs::getifaddrs;
use std::{io, net::Ipv4Addr, time::Duration};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(30);

/// Whether the interface has the address now.
fn is_there(interface: &str, address: Ipv4Addr) -> io::Result<bool> {
    let mut all = getifaddrs()?;
    Ok(all.any(|known| {
        let known_address = known.address.as_ref().and_then(|known| known.as_sockaddr_in()).map(|known| known.ip());
        known.interface_name == interface && known_address == Some(address)
    }))
}

/// Warns, again and again, until the interface has the address.
pub(super) async fn miss(interface: &str, address: Ipv4Addr) {
    loop {
        match is_there(interface, address) {
            Ok(true) => return,
            Ok(false) => {
                tracing::warn!(interface, %address, "the provisioning interface does not have that address: no server can boot")
            }
            Err(error) => tracing::warn!(interface, %error, "the provisioning interface's addresses cannot be read"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::is_there;
    use std::net::Ipv4Addr;

    #[test]
    fn an_address_is_its_own_interfaces() {
        assert!(is_there("lo", Ipv4Addr::LOCALHOST).unwrap());
        assert!(!is_there("lo", Ipv4Addr::new(192, 0, 2, 1)).unwrap());
        assert!(!is_there("no-such", Ipv4Addr::LOCALHOST).unwrap());
    }
}
