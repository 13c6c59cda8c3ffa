//! How gRPC reaches the other side: over TCP, or over a simulation's network.

use std::sync::Arc;
use tonic::transport::{Channel, Endpoint};

/// Makes a channel of an endpoint, which is connected when it is used.
pub type Dial = Arc<dyn Fn(Endpoint) -> Channel + Send + Sync>;

/// Over TCP.
#[must_use]
pub fn over_tcp() -> Dial {
    Arc::new(|endpoint| endpoint.connect_lazy())
}
