//! A TCP listener on the provisioning network: on its interface alone, with bounds on connections, on those of one caller, and on how
//! long each may last. Whoever is on that network can call, and need not be a server that is booted.

use axum::serve::Listener;
use futures_util::{Stream, stream};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr, SocketAddrV4},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Sleep,
};
use tonic::transport::server::Connected;

/// After accepting failed (no more descriptors, say).
const PAUSE: Duration = Duration::from_millis(200);

/// What a listener allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Connections at once; more wait in the kernel's queue.
    pub(crate) connections: usize,
    /// Of them, those of one address; more are closed.
    pub(crate) of_one: usize,
    /// No connection lasts longer.
    pub(crate) lifetime: Duration,
}

/// A listener that keeps its bounds.
pub(crate) struct Bounded {
    listener: TcpListener,
    bounds: Bounds,
    free: Arc<Semaphore>,
    callers: Callers,
}

impl Bounded {
    /// On that interface: no other network reaches it, whatever the routes say. The address may come later, as when a switch comes up
    /// after its hosts.
    pub(crate) fn bind(interface: &str, address: SocketAddrV4, bounds: Bounds) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.bind_device(Some(interface.as_bytes()))?;
        socket.set_freebind_v4(true)?;
        socket.bind(&SocketAddr::V4(address).into())?;
        socket.listen(256)?;
        Ok(Self::over(TcpListener::from_std(socket.into())?, bounds))
    }

    fn over(listener: TcpListener, bounds: Bounds) -> Self {
        Self { listener, bounds, free: Arc::new(Semaphore::new(bounds.connections)), callers: Callers::default() }
    }

    /// The connections, one after the other, without end.
    pub(crate) fn into_stream(self) -> impl Stream<Item = io::Result<Connection>> + Send + 'static {
        stream::unfold(self, async |mut listener| {
            let (connection, _) = listener.accept().await;
            Some((Ok(connection), listener))
        })
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let permit = self.free.clone().acquire_owned().await.expect("the semaphore is never closed");
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let Some(caller) = self.callers.take(peer.ip(), self.bounds.of_one) else {
                        tracing::debug!(%peer, "a caller has as many connections as it may");
                        continue;
                    };
                    let end = Box::pin(tokio::time::sleep(self.bounds.lifetime));
                    return (Connection { stream, end, _permit: permit, _caller: caller }, peer);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection on the provisioning network was not accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// How many connections each address has.
#[derive(Clone, Default)]
struct Callers(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Callers {
    fn take(&self, address: IpAddr, most: usize) -> Option<Caller> {
        let mut all = self.lock();
        let count = all.entry(address).or_default();
        (*count < most).then(|| {
            *count += 1;
            Caller { address, of: self.clone() }
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of an address's connections.
struct Caller {
    address: IpAddr,
    of: Callers,
}

impl Drop for Caller {
    fn drop(&mut self) {
        let mut all = self.of.lock();
        if let Some(count) = all.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.address);
            }
        }
    }
}

/// A connection that ends at its time.
pub(crate) struct Connection {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
    _caller: Caller,
}

impl Connection {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::io::AsyncReadExt;

    async fn listener(of_one: usize, lifetime: Duration) -> Bounded {
        let bounds = Bounds { connections: 8, of_one, lifetime };
        Bounded::over(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(), bounds)
    }

    #[tokio::test]
    async fn one_caller_does_not_keep_the_others_out() {
        let mut listener = listener(2, Duration::from_secs(600)).await;
        let to = listener.local_addr().unwrap();
        let call = async |from: [u8; 4]| {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::from((from, 0))).unwrap();
            socket.connect(to).await.unwrap()
        };
        let mut greedy = Vec::new();
        for _ in 0..4 {
            greedy.push(call([127, 0, 0, 2]).await);
        }
        let other = call([127, 0, 0, 3]).await;
        let mut taken = Vec::new();
        for _ in 0..3 {
            taken.push(listener.accept().await);
        }
        let from: Vec<IpAddr> = taken.iter().map(|(_, peer)| peer.ip()).collect();
        let [second, third]: [IpAddr; 2] = [[127, 0, 0, 2].into(), [127, 0, 0, 3].into()];
        assert_eq!(from, [second, second, third]);
        assert_eq!(greedy[3].read(&mut [0]).await.unwrap_or(0), 0, "more are closed");
        // What ended counts no more.
        taken.clear();
        let again = call([127, 0, 0, 2]).await;
        assert_eq!(listener.accept().await.1, again.local_addr().unwrap());
        drop(other);
    }

    #[tokio::test]
    async fn no_connection_lasts_longer_than_it_may() {
        let mut listener = listener(2, Duration::from_millis(50)).await;
        let _caller = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut connection, _) = listener.accept().await;
        let ended = connection.read(&mut [0]).await.unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
    }
}
