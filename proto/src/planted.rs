//! Bugs that the simulation must find, or it is worth nothing: each is there only where the feature `planted-bugs` is on,
//! and then only in the thread that asked for it. In every other build [`is`] is `false` before it is compiled.

/// A bug, in the words of what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// An agent takes an order that is older than one it had.
    OlderOrdersTaken,
    /// The controller believes reports of orders that are over.
    LateReportsBelieved,
    /// Orders are sent before what they stand for is committed.
    CommitAfterDispatch,
    /// A server that is released keeps its ports on the tenant's network.
    PortsNotDetached,
    /// An agent hands over without asking the controller.
    WordNotAsked,
    /// Addresses are free before the server was off.
    FreedBeforePowerOff,
    /// An agent that was restarted begins each order at its beginning.
    StartedOver,
    /// A released server is ready as it is.
    ReadyWithoutWipe,
    /// A wipe that failed is one that ended well.
    FailedWipeBelieved,
    /// A system is said to run before it answered.
    HostKeyNotAsked,
    /// A server comes to its tenant's network before it left the one where it boots.
    BothNetworks,
    /// Power is taken away without reading whether it is gone.
    PowerNotRead,
    /// An agent logs the order as it came.
    SecretTold,
    /// An agent logs what a ramdisk reports as it came, with its session.
    SessionTold,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::OlderOrdersTaken,
        Self::LateReportsBelieved,
        Self::CommitAfterDispatch,
        Self::PortsNotDetached,
        Self::WordNotAsked,
        Self::FreedBeforePowerOff,
        Self::StartedOver,
        Self::ReadyWithoutWipe,
        Self::FailedWipeBelieved,
        Self::HostKeyNotAsked,
        Self::BothNetworks,
        Self::PowerNotRead,
        Self::SecretTold,
        Self::SessionTold,
    ];

    /// Its word on a command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::OlderOrdersTaken => "older-orders-taken",
            Self::LateReportsBelieved => "late-reports-believed",
            Self::CommitAfterDispatch => "commit-after-dispatch",
            Self::PortsNotDetached => "ports-not-detached",
            Self::WordNotAsked => "word-not-asked",
            Self::FreedBeforePowerOff => "freed-before-power-off",
            Self::StartedOver => "started-over",
            Self::ReadyWithoutWipe => "ready-without-wipe",
            Self::FailedWipeBelieved => "failed-wipe-believed",
            Self::HostKeyNotAsked => "host-key-not-asked",
            Self::BothNetworks => "both-networks",
            Self::PowerNotRead => "power-not-read",
            Self::SecretTold => "secret-told",
            Self::SessionTold => "session-told",
        }
    }
}

#[cfg(feature = "planted-bugs")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// From now on this thread has that bug, or none.
#[cfg(feature = "planted-bugs")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this thread has that bug.
#[cfg(feature = "planted-bugs")]
#[must_use]
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this thread has that bug: no.
#[cfg(not(feature = "planted-bugs"))]
#[must_use]
pub const fn is(_bug: Bug) -> bool {
    false
}
