//! The network between processes: connections as TCP makes them, with delays, cuts, and ends that nobody hears of.

use crate::{random::Random, stream::Stream, time::Timeline};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};
use tokio::sync::oneshot;

/// What one side may have sent that the other has not taken, in bytes.
const WINDOW: usize = 256 << 10;

/// A machine or process on the network, by name.
pub type Node = Arc<str>;

/// The network; clones are the same.
#[derive(Clone)]
pub struct Network {
    timeline: Timeline,
    random: Random,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    pipes: BTreeMap<u64, Pipe>,
    next: u64,
    listeners: BTreeMap<String, Waiting>,
    calls: Vec<Call>,
    /// Between which nothing passes, and whether anything was held back.
    cuts: BTreeMap<(Node, Node), bool>,
    gone: BTreeSet<Node>,
    /// Milliseconds of one way, at least and at most.
    delay: (u64, u64),
}

/// One direction of a connection.
struct Pipe {
    from: Node,
    to: Node,
    flying: VecDeque<(u64, Vec<u8>)>,
    arrived: VecDeque<u8>,
    unread: usize,
    end: Option<u64>,
    is_over: bool,
    /// The reader is gone: what is sent is answered with a reset.
    is_refused: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

struct Waiting {
    node: Node,
    come: VecDeque<Stream>,
    acceptor: Option<Waker>,
}

struct Call {
    due: u64,
    from: Node,
    to: String,
    answer: oneshot::Sender<io::Result<Stream>>,
}

impl Network {
    /// A network whose messages take 1 to 40 ms.
    #[must_use]
    pub fn new(timeline: Timeline, random: Random) -> Self {
        let inner = Inner { delay: (1, 40), ..Inner::default() };
        Self { timeline, random, inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on a message takes so long, in milliseconds.
    pub fn delay(&self, least: u64, most: u64) {
        self.lock().delay = (least, most.max(least + 1));
    }

    /// Nothing passes between the two, in either direction; what is on its way waits.
    pub fn cut(&self, one: &Node, other: &Node) {
        self.lock().cuts.entry(pair(one, other)).or_default();
    }

    /// It passes again. Answers whether anything was held back.
    pub fn heal(&self, one: &Node, other: &Node) -> bool {
        self.lock().cuts.remove(&pair(one, other)).unwrap_or_default()
    }

    /// A node loses power: nothing that it sent arrives any more, and nobody is told. To be called before its process is dropped.
    pub fn vanish(&self, node: &Node) {
        let mut inner = self.lock();
        inner.gone.insert(node.clone());
        for pipe in inner.pipes.values_mut().filter(|pipe| pipe.from == *node) {
            pipe.flying.clear();
        }
    }

    /// A node with that name may speak again.
    pub fn appear(&self, node: &Node) {
        let mut inner = self.lock();
        inner.gone.remove(node);
        // What another life of the node left open ends for good: a stranger answers with a reset.
        let now = self.timeline.now();
        for pipe in inner.pipes.values_mut().filter(|pipe| pipe.from == *node || pipe.to == *node) {
            pipe.end = pipe.end.or(Some(now));
            pipe.is_refused = true;
            wake(&mut pipe.writer);
        }
    }

    /// Takes connections to `address` at `node`.
    #[must_use]
    pub fn listen(&self, node: &Node, address: &str) -> Listener {
        let waiting = Waiting { node: node.clone(), come: VecDeque::new(), acceptor: None };
        self.lock().listeners.insert(address.to_owned(), waiting);
        Listener { network: self.clone(), address: address.to_owned() }
    }

    /// Connects; an answer may never come.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect(&self, from: &Node, to: String) -> io::Result<Stream> {
        let (answer, answered) = oneshot::channel();
        let due = self.arrival(&self.lock());
        self.lock().calls.push(Call { due, from: from.clone(), to, answer });
        answered.await.unwrap_or_else(|_| Err(io::ErrorKind::ConnectionReset.into()))
    }

    fn arrival(&self, inner: &Inner) -> u64 {
        self.timeline.now() + self.random.within(inner.delay.0..inner.delay.1)
    }

    /// Whether anything is on its way that nothing holds back.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let inner = self.lock();
        !inner.calls.is_empty()
            || inner
                .pipes
                .values()
                .any(|pipe| !pipe.flying.is_empty() && !inner.cuts.contains_key(&pair(&pipe.from, &pipe.to)))
    }

    /// Delivers what is due. To be called between steps.
    pub fn deliver(&self) {
        let now = self.timeline.now();
        let mut guard = self.lock();
        let inner = &mut *guard;
        let mut waiting = Vec::new();
        for call in std::mem::take(&mut inner.calls) {
            let listener = inner.listeners.get(&call.to).map(|listener| listener.node.clone());
            if call.answer.is_closed() {
                continue;
            }
            let is_held = |node: &Node| inner.gone.contains(node) || holds(&mut inner.cuts, &call.from, node);
            if call.due > now || listener.as_ref().is_some_and(is_held) {
                waiting.push(call);
                continue;
            }
            let Some(node) = listener else {
                let _ = call.answer.send(Err(io::ErrorKind::ConnectionRefused.into()));
                continue;
            };
            let (near, far) = self.open(inner, &call.from, &node);
            if let Some(listener) = inner.listeners.get_mut(&call.to) {
                listener.come.push_back(far);
                wake(&mut listener.acceptor);
            }
            let _ = call.answer.send(Ok(near));
        }
        inner.calls.extend(waiting);
        let Inner { pipes, cuts, gone, .. } = inner;
        for pipe in pipes.values_mut() {
            if !pipe.is_due(now) || gone.contains(&pipe.from) || holds(cuts, &pipe.from, &pipe.to) {
                continue;
            }
            let mut came = false;
            while let Some((_, bytes)) = pipe.flying.pop_front_if(|(due, _)| *due <= now) {
                pipe.arrived.extend(bytes);
                came = true;
            }
            if pipe.flying.is_empty() && pipe.end.is_some_and(|end| end <= now) && !pipe.is_over {
                pipe.is_over = true;
                came = true;
            }
            if came {
                wake(&mut pipe.reader);
            }
        }
        pipes.retain(|_, pipe| !(pipe.is_over && pipe.is_refused));
    }

    fn open(&self, inner: &mut Inner, from: &Node, to: &Node) -> (Stream, Stream) {
        let numbers = (inner.next, inner.next + 1);
        inner.next += 2;
        inner.pipes.insert(numbers.0, Pipe::new(from, to));
        inner.pipes.insert(numbers.1, Pipe::new(to, from));
        (Stream::new(self.clone(), numbers.0, numbers.1), Stream::new(self.clone(), numbers.1, numbers.0))
    }

    pub(crate) fn read(&self, pipe: u64, context: &mut Context<'_>, room: usize) -> Poll<io::Result<Vec<u8>>> {
        let mut inner = self.lock();
        let Some(pipe) = inner.pipes.get_mut(&pipe) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        };
        if pipe.arrived.is_empty() {
            if pipe.is_over {
                return Poll::Ready(Ok(Vec::new()));
            }
            pipe.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let bytes: Vec<u8> = pipe.arrived.drain(..room.min(pipe.arrived.len())).collect();
        pipe.unread -= bytes.len();
        wake(&mut pipe.writer);
        Poll::Ready(Ok(bytes))
    }

    pub(crate) fn write(&self, pipe: u64, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.lock();
        let due = self.arrival(&inner);
        let Some(pipe) = inner.pipes.get_mut(&pipe) else { return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) };
        if pipe.is_refused || pipe.end.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = WINDOW.saturating_sub(pipe.unread).min(bytes.len());
        if room == 0 && !bytes.is_empty() {
            pipe.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        // In order, as TCP delivers.
        let due = pipe.flying.back().map_or(due, |(last, _)| due.max(*last));
        pipe.flying.push_back((due, bytes[..room].to_vec()));
        pipe.unread += room;
        Poll::Ready(Ok(room))
    }

    /// Nothing more is written.
    pub(crate) fn finish(&self, pipe: u64) {
        let mut inner = self.lock();
        let due = self.arrival(&inner);
        let inner = &mut *inner;
        if let Some(pipe) = inner.pipes.get_mut(&pipe).filter(|pipe| !inner.gone.contains(&pipe.from)) {
            let last = pipe.flying.back().map_or(due, |(last, _)| due.max(*last));
            pipe.end = pipe.end.or(Some(last));
        }
    }

    /// Nothing more is read.
    pub(crate) fn refuse(&self, pipe: u64) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        if let Some(pipe) = inner.pipes.get_mut(&pipe) {
            pipe.is_refused |= !inner.gone.contains(&pipe.to);
            wake(&mut pipe.writer);
        }
    }
}

impl Pipe {
    fn new(from: &Node, to: &Node) -> Self {
        Self {
            from: from.clone(),
            to: to.clone(),
            flying: VecDeque::new(),
            arrived: VecDeque::new(),
            unread: 0,
            end: None,
            is_over: false,
            is_refused: false,
            reader: None,
            writer: None,
        }
    }

    /// Whether anything arrives now: bytes, or the end.
    fn is_due(&self, now: u64) -> bool {
        match self.flying.front() {
            Some((due, _)) => *due <= now,
            None => !self.is_over && self.end.is_some_and(|end| end <= now),
        }
    }
}

/// Whether nothing passes between the two, so that what comes is held back.
fn holds(cuts: &mut BTreeMap<(Node, Node), bool>, one: &Node, other: &Node) -> bool {
    let Some(has_held) = cuts.get_mut(&pair(one, other)) else { return false };
    *has_held = true;
    true
}

fn pair(one: &Node, other: &Node) -> (Node, Node) {
    if one < other { (one.clone(), other.clone()) } else { (other.clone(), one.clone()) }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// A port that takes connections until it is dropped.
pub struct Listener {
    network: Network,
    address: String,
}

impl Listener {
    /// The next connection.
    pub fn poll(&self, context: &Context<'_>) -> Poll<Stream> {
        let mut inner = self.network.lock();
        let Some(waiting) = inner.listeners.get_mut(&self.address) else { return Poll::Pending };
        if let Some(stream) = waiting.come.pop_front() {
            return Poll::Ready(stream);
        }
        waiting.acceptor = Some(context.waker().clone());
        Poll::Pending
    }
}

impl billet_controller::link::Listener for Listener {
    type Stream = Stream;

    async fn accept(&self) -> io::Result<Stream> {
        Ok(std::future::poll_fn(|context| self.poll(context)).await)
    }
}

impl tokio_stream::Stream for Listener {
    type Item = io::Result<Stream>;

    fn poll_next(self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context).map(|stream| Some(Ok(stream)))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let gone = self.network.lock().listeners.remove(&self.address);
        // Its connections that nobody took end after the lock is free again.
        drop(gone);
    }
}
