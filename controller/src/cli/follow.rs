//! Follows an instance's timeline until it is where it should be, or cannot get there, or the time is over.
//!
//! The controller pushes: it sends events as they happen, or, where something between keeps streams from passing, holds each
//! answer back until there is something new. A broken connection or a restarting
//! controller is waited out, and no event is lost or shown twice, because events are asked for by number.

mod backoff;
pub mod bars;
mod display;
mod goal;
mod line;

pub use backoff::Backoff;
pub use display::Display;
pub use goal::Goal;
pub use line::{happening, subject};

use super::{
    client::{Client, ClientError, Event, Instance, Live, Opened},
    console::Console,
    error::CliError,
    text,
};
use billet_proto::InstanceId;
use goal::Verdict;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The longest that the controller holds an answer back.
const HOLD: Duration = Duration::from_secs(30);
/// Keeps a controller that does not hold its answers from being asked without a pause.
const MIN_ROUND: Duration = Duration::from_secs(1);
/// A timeline has tens of thousands of events at the very most.
const MAX_PAGES: usize = 1000;
/// For what remains to be read once the instance has settled.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What to follow.
#[derive(Debug, Clone, Copy)]
pub struct Follow {
    /// Whose timeline.
    pub id: InstanceId,
    /// Events up to this number are not shown.
    pub after: u64,
    /// Where it should come.
    pub goal: Goal,
    /// How long it may take.
    pub timeout: Duration,
}

/// Follows, and gives the instance at its goal; none when the controller does not know it any more, which is a goal of
/// its own. With `--json` the document of an instance that failed is printed here.
///
/// # Errors
/// When it failed, the time was over, or the controller refuses to tell.
pub async fn follow(
    client: &Client,
    console: &mut Console,
    display: &mut Display,
    follow: Follow,
) -> Result<Option<Instance>, CliError> {
    let mut run = Run {
        client,
        console,
        display,
        follow,
        after: follow.after,
        seen: "nothing yet".to_owned(),
        source: Source::Unopened,
    };
    match timeout_at(Instant::now() + follow.timeout, Box::pin(run.until_settled())).await {
        Ok(Ok((instance, verdict))) => {
            run.drain().await?;
            run.end(instance, verdict)
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Err(CliError::Timeout {
            id: follow.id,
            goal: follow.goal.word(),
            timeout: follow.timeout,
            last_seen: run.seen,
        }),
    }
}

/// Number of the instance's newest event; 0 when there is none.
///
/// # Errors
/// When a call does not succeed.
pub async fn newest(client: &Client, id: InstanceId) -> Result<u64, ClientError> {
    let mut after = 0;
    for _ in 0..MAX_PAGES {
        match client.events(id, after, Duration::ZERO).await?.last() {
            Some(last) if last.seq > after => after = last.seq,
            _ => break,
        }
    }
    Ok(after)
}

struct Run<'a> {
    client: &'a Client,
    console: &'a mut Console,
    display: &'a mut Display,
    follow: Follow,
    after: u64,
    seen: String,
    source: Source,
}

/// From where events come.
enum Source {
    /// A stream is to be opened.
    Unopened,
    /// It is open.
    Live(Box<Live>),
    /// There are none here.
    Held,
}

impl Run<'_> {
    async fn until_settled(&mut self) -> Result<(Option<Instance>, Verdict), CliError> {
        let mut backoff = Backoff::default();
        let mut check = true;
        loop {
            let round = Instant::now() + MIN_ROUND;
            match self.round(check).await {
                Ok(Round::Settled(instance, verdict)) => return Ok((instance.map(|instance| *instance), verdict)),
                Ok(Round::Quiet) => {
                    backoff = Backoff::default();
                    check = true;
                    sleep_until(round).await;
                }
                Ok(Round::Moved { check: moved }) => {
                    backoff = Backoff::default();
                    check = moved;
                }
                Err(RoundError::Call(error)) => {
                    self.broken();
                    let pause = backoff.pause(&error).ok_or(CliError::Client(error))?;
                    check = true;
                    self.lost(pause);
                    tokio::time::sleep(pause).await;
                }
                Err(RoundError::Output(error)) => return Err(error),
            }
        }
    }

    /// Looks where the instance stands if `check`, else waits for events.
    async fn round(&mut self, check: bool) -> Result<Round, RoundError> {
        if check {
            let instance = match self.client.instance(self.follow.id).await {
                Err(error) if error.is_not_found() && self.follow.goal == Goal::Terminated => None,
                answer => Some(answer?),
            };
            if let Some(instance) = &instance {
                self.note_standing(instance);
            }
            if let Some(verdict) = self.follow.goal.verdict(instance.as_ref()) {
                return Ok(Round::Settled(instance.map(Box::new), verdict));
            }
        }
        let events = self.events().await?;
        if events.is_empty() {
            return Ok(Round::Quiet);
        }
        // Progress alone never settles anything.
        let check = events.iter().any(|event| event.kind != "progress");
        self.show(&events).map_err(RoundError::Output)?;
        Ok(Round::Moved { check })
    }

    /// What comes next; nothing, where it is time to look again.
    async fn events(&mut self) -> Result<Vec<Event>, ClientError> {
        if matches!(self.source, Source::Unopened) {
            match self.client.live_events(self.follow.id, self.after).await? {
                Opened::Live(live) => self.source = Source::Live(live),
                Opened::Full => {}
                Opened::Not => self.source = Source::Held,
            }
        }
        let Source::Live(live) = &mut self.source else {
            return self.client.events(self.follow.id, self.after, HOLD).await;
        };
        let events = live.next().await?;
        if events.is_none() {
            self.broken();
        }
        Ok(events.unwrap_or_default())
    }

    /// A stream that broke off or ended is opened again after the last event.
    fn broken(&mut self) {
        if matches!(self.source, Source::Live(_)) {
            self.source = Source::Unopened;
        }
    }

    fn show(&mut self, events: &[Event]) -> Result<(), CliError> {
        for event in events.iter().filter(|event| event.seq > self.follow.after) {
            self.seen = line::without_time(event);
            self.after = self.after.max(event.seq);
            self.display.show(self.console, event)?;
        }
        Ok(())
    }

    fn note_standing(&mut self, instance: &Instance) {
        if self.after == self.follow.after {
            self.seen = format!("state '{}', {}", instance.state, text::plain(&instance.waits()));
        }
    }

    fn lost(&mut self, pause: Duration) {
        let pause_seconds = pause.as_secs_f32();
        self.display
            .note(self.console, &format!("the controller does not answer; asking again in {pause_seconds:.1} s"));
    }

    /// Shows what was recorded up to the end. The end is known already, so that trouble here is none.
    async fn drain(&mut self) -> Result<(), CliError> {
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        for _ in 0..MAX_PAGES {
            let rest = timeout_at(deadline, self.client.events(self.follow.id, self.after, Duration::ZERO)).await;
            match rest {
                Ok(Ok(events)) if !events.is_empty() => self.show(&events)?,
                _ => break,
            }
        }
        Ok(())
    }

    fn end(&mut self, instance: Option<Instance>, verdict: Verdict) -> Result<Option<Instance>, CliError> {
        self.display.end();
        match verdict {
            Verdict::Reached => Ok(instance),
            Verdict::Failed(cause) => {
                if let Some(instance) = instance.filter(|_| self.console.json()) {
                    self.console.document(&instance)?;
                }
                Err(CliError::Instance { id: self.follow.id, goal: self.follow.goal.word(), cause })
            }
        }
    }
}

enum Round {
    Settled(Option<Box<Instance>>, Verdict),
    Moved { check: bool },
    Quiet,
}

enum RoundError {
    Call(ClientError),
    Output(CliError),
}

impl From<ClientError> for RoundError {
    fn from(error: ClientError) -> Self {
        Self::Call(error)
    }
}
