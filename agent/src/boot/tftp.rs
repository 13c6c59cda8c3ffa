//! TFTP (RFC 1350) for the boot loaders alone, to the addresses of open boots alone.

use super::{
    dhcp::{BIOS_LOADER, UEFI_LOADER},
    table::{BootEventKind, BootTable},
};
use async_tftp::{
    packet,
    server::{Handler, TftpServerBuilder},
};
use futures_util::AsyncRead;
use futures_util::io::Cursor;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One Ethernet frame; larger blocks are lost as a whole with one fragment.
const BLOCK_BYTES: u16 = 1428;
/// A loader has about 1 MiB.
const MAX_LOADER_BYTES: u64 = 8 << 20;
/// Transfers at once; a firmware that is refused asks again.
const MAX_TRANSFERS: usize = 32;

/// Hands out loaders.
struct Loaders {
    dir: PathBuf,
    boots: BootTable,
    places: Arc<Semaphore>,
}

/// A loader on its way.
struct Transfer {
    bytes: Cursor<Vec<u8>>,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Transfer {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_read(cx, buffer)
    }
}

impl Handler for Loaders {
    type Reader = Transfer;
    type Writer = Cursor<Vec<u8>>;

    async fn read_req_open(
        &mut self,
        client: &SocketAddr,
        path: &Path,
    ) -> Result<(Self::Reader, Option<u64>), packet::Error> {
        let IpAddr::V4(address) = client.ip() else { return Err(packet::Error::FileNotFound) };
        let boot = self.boots.of_address(address).ok_or(packet::Error::FileNotFound)?;
        let name = path.to_str().map(|name| name.trim_start_matches('/'));
        let name = name.filter(|name| [BIOS_LOADER, UEFI_LOADER].contains(name)).ok_or(packet::Error::FileNotFound)?;
        let busy = |_| packet::Error::Msg("too many transfers at once".into());
        let place = self.places.clone().try_acquire_owned().map_err(busy)?;
        let bytes = read_loader(&self.dir, name).map_err(|error| {
            tracing::error!(%error, name, "a boot loader cannot be read");
            packet::Error::FileNotFound
        })?;
        self.boots.reached(boot.mac, BootEventKind::LoaderFetched);
        let length = bytes.len() as u64;
        Ok((Transfer { bytes: Cursor::new(bytes), _place: place }, Some(length)))
    }

    async fn write_req_open(
        &mut self,
        _: &SocketAddr,
        _: &Path,
        _: Option<u64>,
    ) -> Result<Self::Writer, packet::Error> {
        Err(packet::Error::PermissionDenied)
    }
}

/// A loader's bytes, from the operator's own folder.
pub(super) fn read_loader(dir: &Path, name: &str) -> std::io::Result<Vec<u8>> {
    let path = dir.join(name);
    if std::fs::metadata(&path)?.len() > MAX_LOADER_BYTES {
        return Err(std::io::Error::other(format!("{} has more than {MAX_LOADER_BYTES} bytes", path.display())));
    }
    std::fs::read(path)
}

/// A server on a bound socket. It runs on its own executor, so it gets a thread of its own, which ends with the process.
///
/// # Errors
/// When the socket cannot be used.
pub(super) fn spawn(socket: std::net::UdpSocket, dir: PathBuf, boots: BootTable) -> std::io::Result<()> {
    let builder =
        TftpServerBuilder::with_handler(Loaders { dir, boots, places: Arc::new(Semaphore::new(MAX_TRANSFERS)) })
            .std_socket(socket)
            .map_err(std::io::Error::other)?
            .block_size_limit(BLOCK_BYTES)
            .timeout(Duration::from_secs(1))
            // A client may not make a transfer last longer than these retries.
            .ignore_client_timeout()
            .max_send_retries(20);
    std::thread::Builder::new().name("tftp".into()).spawn(move || {
        let served = block_on(async move { builder.build().await?.serve().await });
        if let Err(error) = served {
            tracing::error!(%error, "TFTP ended");
        }
    })?;
    Ok(())
}

/// Waits on a runtime of this thread's own.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime without drivers needs nothing from the system").block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::table::tests::boot;

    /// How many bytes are handed out.
    async fn read(loaders: &mut Loaders, client: [u8; 4], name: &str) -> Result<u64, packet::Error> {
        let opened = loaders.read_req_open(&SocketAddr::from((client, 2070)), Path::new(name)).await;
        opened.map(|(_, length)| length.unwrap_or_default())
    }

    #[tokio::test]
    async fn the_two_loaders_alone_are_handed_out_and_to_the_address_of_an_open_boot_alone() {
        const CLIENT: [u8; 4] = [10, 77, 0, 101];
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("loaders");
        std::fs::create_dir(&folder).unwrap();
        for (name, bytes) in [(BIOS_LOADER, 5), (UEFI_LOADER, 6), ("notes", 7), ("../secret", 8)] {
            std::fs::write(folder.join(name), vec![0; bytes]).unwrap();
        }
        let (boots, places) = (BootTable::new(), Arc::new(Semaphore::new(1)));
        let mut loaders = Loaders { dir: folder, boots: boots.clone(), places };
        let none = |read: Result<u64, packet::Error>| matches!(read, Err(packet::Error::FileNotFound));
        assert!(none(read(&mut loaders, CLIENT, UEFI_LOADER).await), "no boot is open");
        let boot = boot();
        boots.open(boot.clone());
        for (name, bytes) in [(BIOS_LOADER, 5), (UEFI_LOADER, 6), ("/snponly.efi", 6)] {
            assert_eq!(read(&mut loaders, CLIENT, name).await.ok(), Some(bytes), "{name}");
        }
        for name in
            ["notes", "../secret", "/etc/passwd", "snponly.efi/../notes", "snponly.efi;id", "$(id)", "-o", "", "/"]
        {
            assert!(none(read(&mut loaders, CLIENT, name).await), "{name}");
        }
        assert!(none(read(&mut loaders, [10, 77, 0, 102], UEFI_LOADER).await), "another machine");
        let written = loaders.write_req_open(&SocketAddr::from((CLIENT, 2070)), Path::new(UEFI_LOADER), Some(1)).await;
        assert!(matches!(written, Err(packet::Error::PermissionDenied)));
        boots.close(boot.server_id);
        assert!(none(read(&mut loaders, CLIENT, UEFI_LOADER).await), "it is closed again");
    }
}
