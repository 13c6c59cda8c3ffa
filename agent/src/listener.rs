//! A TCP listener on the provisioning network: on its interface alone, with bounds on connections, on those of one caller, on those of
//! strangers, and on how long each may last. Whoever is on that network can call, and need not be a server that is booted.

use axum::serve::Listener;
use futures_util::{Stream, stream};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
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
    time::{Instant, Sleep},
};
use tonic::transport::server::Connected;

/// A peer that acknowledges nothing of what it was sent is gone (RFC 5482; tcp(7), TCP_USER_TIMEOUT).
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);
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
    /// Those of callers that did not show yet who they are; none: nobody has to.
    pub(crate) strangers: Option<Strangers>,
}

/// What a listener allows callers that it does not know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strangers {
    /// Connections at once; more wait in the kernel's queue.
    pub(crate) connections: usize,
    /// Whoever is not known by then is not heard any more.
    pub(crate) lifetime: Duration,
}

/// A listener that keeps its bounds.
pub(crate) struct Bounded {
    listener: TcpListener,
    bounds: Bounds,
    free: Arc<Semaphore>,
    strangers: Option<(Arc<Semaphore>, Duration)>,
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
        let places = |count| Arc::new(Semaphore::new(count));
        let strangers = bounds.strangers.map(|allowed| (places(allowed.connections), allowed.lifetime));
        Self { listener, bounds, free: places(bounds.connections), strangers, callers: Callers::default() }
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
            let permit = place(&self.free).await;
            let stranger = match &self.strangers {
                Some((free, lifetime)) => Some((place(free).await, *lifetime)),
                None => None,
            };
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let Some(caller) = self.callers.take(peer.ip(), self.bounds.of_one) else {
                        tracing::debug!(%peer, "a caller has as many connections as it may");
                        continue;
                    };
                    if let Err(error) = SockRef::from(&stream).set_tcp_user_timeout(Some(UNACKNOWLEDGED)) {
                        tracing::debug!(%error, "a connection may outlast its caller");
                    }
                    let last = Instant::now() + self.bounds.lifetime;
                    let end = stranger.as_ref().map_or(last, |(_, lifetime)| Instant::now() + *lifetime);
                    let stranger = Stranger(Arc::new(Mutex::new(stranger.map(|(place, _)| place))));
                    let end = Box::pin(tokio::time::sleep_until(end));
                    return (Connection { stream, end, last, stranger, _permit: permit, _caller: caller }, peer);
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

async fn place(free: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    free.clone().acquire_owned().await.expect("the semaphore is never closed")
}

/// Whether a connection's caller is still unknown.
#[derive(Clone)]
pub(crate) struct Stranger(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Stranger {
    /// The caller showed who it is: its connection may last, and another stranger may come.
    pub(crate) fn becomes_known(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// When it is looked at next whether it goes on.
    end: Pin<Box<Sleep>>,
    last: Instant,
    stranger: Stranger,
    _permit: OwnedSemaphorePermit,
    _caller: Caller,
}

impl Connection {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.end.as_mut().poll(context).is_ready() {
            if self.stranger.lock().is_some() || self.last <= Instant::now() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.end.as_mut().reset(self.last);
        }
        Ok(())
    }
}

impl Connected for Connection {
    type ConnectInfo = Stranger;

    fn connect_info(&self) -> Stranger {
        self.stranger.clone()
    }
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn listener(of_one: usize, lifetime: Duration, strangers: Option<Strangers>) -> Bounded {
        let bounds = Bounds { connections: 8, of_one, lifetime, strangers };
        Bounded::over(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(), bounds)
    }

    #[tokio::test]
    async fn one_caller_does_not_keep_the_others_out() {
        let mut listener = listener(2, Duration::from_secs(600), None).await;
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
        let mut listener = listener(2, Duration::from_millis(50), None).await;
        let _caller = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut connection, _) = listener.accept().await;
        let ended = connection.read(&mut [0]).await.unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn strangers_are_few_and_heard_for_a_while_and_whoever_is_known_goes_on() {
        let strangers = Strangers { connections: 1, lifetime: Duration::from_millis(100) };
        let mut listener = listener(8, Duration::from_secs(600), Some(strangers)).await;
        let to = listener.local_addr().unwrap();
        let mut callers = Vec::new();
        for _ in 0..3 {
            callers.push(TcpStream::connect(to).await.unwrap());
        }
        let (mut known, _) = listener.accept().await;
        known.connect_info().becomes_known();
        // The place is free for the next; the third waits until that one's time is over.
        let (mut unknown, _) = listener.accept().await;
        let waits = tokio::time::timeout(Duration::from_millis(20), listener.accept());
        assert!(waits.await.is_err());
        assert_eq!(unknown.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(unknown);
        listener.accept().await;
        callers[0].write_all(b"x").await.unwrap();
        assert_eq!(known.read(&mut [0]).await.unwrap(), 1, "it is later than a stranger's time");
    }
}
