//! All boot services of one provisioning network.

use super::{
    address,
    dhcp::Place,
    dhcp_socket,
    http::{self, Files},
    router_advertisement,
    table::BootTable,
    tftp,
};
use crate::listener::{Bounded, Bounds};
use socket2::Socket;
use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    path::PathBuf,
    time::Duration,
};
use tokio::{net::UdpSocket, sync::watch};

/// Where boots are served, and from which files.
#[derive(Debug, Clone)]
pub struct BootConfig {
    /// Everything is bound to it.
    pub interface: String,
    /// Our address on it.
    pub address: Ipv4Addr,
    /// 1 to 30 bits.
    pub prefix_length: u8,
    /// Port of the boot files.
    pub http_port: u16,
    /// Holds `undionly.kpxe` and `snponly.efi`.
    pub loader_dir: PathBuf,
    /// Holds `vmlinuz` and `initrd`.
    pub ramdisk_dir: PathBuf,
}

/// Kernel and ramdisk take seconds; a boot loader asks for one file after the other.
const HTTP: Bounds = Bounds { connections: 128, of_one: 8, lifetime: Duration::from_secs(600), strangers: None };

/// Why boots cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// A port cannot be had.
    #[error("open {service} on {interface}")]
    Open {
        /// Which.
        service: &'static str,
        /// Where.
        interface: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A service ended.
    #[error("serve {service}")]
    Serve {
        /// Which.
        service: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Bound boot services.
pub struct BootServer {
    interface: String,
    boots: BootTable,
    files: Files,
    dhcp: UdpSocket,
    http: Bounded,
    advertisements: Option<(Socket, u32)>,
}

impl BootServer {
    /// Binds every socket. TFTP answers from now on; the rest with [`BootServer::run`]. Nothing is answered without an
    /// open boot.
    ///
    /// # Errors
    /// When a port cannot be had. Without IPv6 there are no advertisements, and a warning.
    pub async fn bind(config: BootConfig, boots: BootTable) -> Result<Self, BootError> {
        let BootConfig { interface, address, prefix_length, http_port, loader_dir, ramdisk_dir } = config;
        let failed = |service| {
            let interface = interface.clone();
            move |source| BootError::Open { service, interface, source }
        };
        let dhcp = dhcp_socket::bind(&interface).map_err(failed("DHCP (port 67)"))?;
        let tftp = dhcp_socket::udp(&interface, address, 69).map_err(failed("TFTP (port 69)"))?;
        tftp::spawn(tftp, loader_dir.clone(), boots.clone()).map_err(failed("TFTP (port 69)"))?;
        let http = Bounded::bind(&interface, SocketAddrV4::new(address, http_port), HTTP)
            .map_err(failed("boot files (HTTP)"))?;
        let advertisements = router_advertisement::bind(&interface)
            .and_then(|socket| Ok((socket, nix::net::if_::if_nametoindex(interface.as_str())?)))
            .inspect_err(|error| tracing::warn!(%error, "no router advertisements: iPXE waits about 13 s at each boot"))
            .ok();
        let place = Place { address, prefix_length, http_port };
        let files = Files { boots: boots.clone(), place, loader_dir, ramdisk_dir };
        Ok(Self { interface, boots, files, dhcp, http, advertisements })
    }

    /// Serves until `stop`.
    ///
    /// # Errors
    /// When a service ends by itself.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), BootError> {
        let Self { interface, boots, files, dhcp, http, advertisements } = self;
        let place = files.place;
        let failed = |service| move |source| BootError::Serve { service, source };
        let advertise = async {
            match advertisements {
                Some((socket, scope)) => router_advertisement::serve(socket, scope, boots.clone()).await,
                None => std::future::pending().await,
            }
        };
        let warn = async {
            address::miss(&interface, place.address).await;
            std::future::pending().await
        };
        tokio::select! {
            // A sender that is gone means the same as a stop.
            _ = stop.wait_for(|stop| *stop) => Ok(()),
            ended = dhcp_socket::serve(dhcp, boots.clone(), place) => ended.map_err(failed("DHCP")),
            ended = async { axum::serve(http, http::routes(files)).await } => ended.map_err(failed("boot files")),
            () = warn => Ok(()),
            ended = advertise => ended.map_err(failed("router advertisements")),
        }
    }
}

impl std::fmt::Debug for BootServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BootServer")
    }
}
