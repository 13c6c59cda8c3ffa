//! One side of a connection.

use crate::network::{Network, Node};
use billet_agent::dial::Dial;
use hyper_util::rt::TokioIo;
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::{
    Uri,
    server::{Connected, TcpConnectInfo},
};

/// One side; dropping it ends both directions.
pub struct Stream {
    network: Network,
    sends: u64,
    takes: u64,
}

impl Stream {
    pub(crate) fn new(network: Network, sends: u64, takes: u64) -> Self {
        Self { network, sends, takes }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.network.read(self.takes, context, buffer.remaining()).map_ok(|bytes| buffer.put_slice(&bytes))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.network.write(self.sends, context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.network.finish(self.sends);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.network.finish(self.sends);
        self.network.refuse(self.takes);
    }
}

impl Connected for Stream {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        TcpConnectInfo { local_addr: None, remote_addr: None }
    }
}

/// How `node` reaches others: by the address in the URI.
#[must_use]
pub fn dial(network: &Network, node: &Node) -> Dial {
    let (network, node) = (network.clone(), node.clone());
    Arc::new(move |endpoint| {
        let (network, node) = (network.clone(), node.clone());
        endpoint.connect_with_connector_lazy(tower::service_fn(move |uri: Uri| {
            let (network, node) = (network.clone(), node.clone());
            async move {
                let to = uri.authority().map(ToString::to_string).unwrap_or_default();
                network.connect(&node, to).await.map(TokioIo::new)
            }
        }))
    })
}
