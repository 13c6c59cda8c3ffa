//! What was measured.

use serde_json::{Value, json};
use std::time::Duration;

/// The times of one kind of call.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What was called.
    pub name: &'static str,
    /// By how many at once.
    pub clients: usize,
    /// Calls each second, all clients together.
    pub rate: f64,
    /// Half of the calls took no longer.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    calls: usize,
}

impl Sample {
    pub(super) fn new(name: &'static str, clients: usize, mut times: Vec<Duration>, whole: Duration) -> Self {
        times.sort_unstable();
        let calls = times.len();
        // Nearest rank: the smallest time that so many of the calls did not exceed.
        let rank = |percent: usize| {
            let index = (calls * percent).div_ceil(100).saturating_sub(1);
            times.get(index).copied().unwrap_or_default()
        };
        let rate = f64::from(u32::try_from(calls).unwrap_or(u32::MAX)) / whole.as_secs_f64();
        Self { name, clients, rate, p50: rank(50), p99: rank(99), calls }
    }

    pub(super) fn head() -> String {
        format!(
            "{:<10} {:>8} {:>8} {:>8} {:>10} {:>10} {:>10}",
            "call", "servers", "clients", "calls", "calls/s", "p50 ms", "p99 ms"
        )
    }

    pub(super) fn line(&self, servers: usize) -> String {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let Self { name, clients, rate, p50, p99, calls } = self;
        let (p50, p99) = (ms(*p50), ms(*p99));
        format!("{name:<10} {servers:>8} {clients:>8} {calls:>8} {rate:>10.0} {p50:>10.2} {p99:>10.2}")
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        json!({
            "call": self.name, "clients": self.clients, "calls": self.calls, "per_second": self.rate,
            "p50_ms": ms(self.p50), "p99_ms": ms(self.p99),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = (1..=200).rev().map(Duration::from_millis).collect();
        let sample = Sample::new("x", 1, times, Duration::from_secs(2));
        assert_eq!((sample.p50, sample.p99), (Duration::from_millis(100), Duration::from_millis(198)));
        assert!((sample.rate - 100.0).abs() < 1e-9);
        assert_eq!(Sample::new("x", 1, Vec::new(), Duration::from_secs(1)).p99, Duration::ZERO);
    }
}
