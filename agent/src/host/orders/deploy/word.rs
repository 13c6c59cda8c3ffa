//! The controller's word that this generation may still hand its server over. It is good for 10 s after it was asked
//! for: what cannot be undone begins only while it is fresh.

use crate::host::{failure::Failure, link::LinkError, orders::Job};
use billet_proto::{
    link::{Step, WordRequest},
    planted::{self, Bug},
};
use rand::TryRngCore;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const LIFETIME: Duration = Duration::from_secs(10);
/// What is left of a word when something begins by it, at least: with less another word is asked for first, where one can be had
/// at once. What takes longer than what is left is cut off.
const LEAST: Duration = Duration::from_secs(5);
/// Before a controller that is away is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// The word was given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    asked: Instant,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoWord {
    /// Not knowing is answered by asking again.
    #[error(transparent)]
    Unknown(#[from] LinkError),
    /// The controller's reason; and whether it ended this very order, so that nothing newer has the server.
    #[error("the controller: {reason}")]
    Refused { reason: String, is_over: bool },
}

impl Word {
    /// Asks once, with the nonce of whoever wants to know.
    pub(super) async fn ask(job: &Job, nonce: Vec<u8>) -> Result<Self, NoWord> {
        let (server_id, generation) = (job.server_id().to_string(), job.generation);
        let asked = Instant::now();
        if planted::is(Bug::WordNotAsked) {
            return Ok(Self { asked });
        }
        let word = job.tools.link.word(WordRequest { server_id: server_id.clone(), generation, nonce }).await?;
        if word.server_id != server_id || word.generation != generation {
            let (other, newer) = (word.server_id, word.generation);
            let reason = format!("its word is for server {other}, generation {newer}");
            return Err(NoWord::Refused { reason, is_over: false });
        }
        if word.granted { Ok(Self { asked }) } else { Err(NoWord::Refused { reason: word.reason, is_over: word.over }) }
    }

    /// Asks until the controller answers: the caller sets the deadline.
    pub(super) async fn wait(job: &Job) -> Result<Self, Failure> {
        loop {
            let mut nonce = [0; 16];
            let random = rand::rngs::OsRng.try_fill_bytes(&mut nonce);
            random.map_err(|error| Failure::new(Step::HandOver, "agent_randomness", error.to_string()))?;
            match Self::ask(job, nonce.to_vec()).await {
                Ok(word) => return Ok(word),
                Err(NoWord::Unknown(_)) => sleep(PAUSE).await,
                Err(NoWord::Refused { reason, is_over }) => return Err(refused(&reason, is_over)),
            }
        }
    }

    /// This word, or where it is too old another.
    pub(super) async fn or_fresh(self, job: &Job) -> Result<Self, Failure> {
        if self.left() >= LEAST { Ok(self) } else { Self::wait(job).await }
    }

    /// How long it is good still.
    pub(super) fn left(self) -> Duration {
        LIFETIME.saturating_sub(self.asked.elapsed())
    }

    pub(super) fn is_fresh(self) -> bool {
        self.asked.elapsed() <= LIFETIME
    }
}

/// Nothing more is done for this generation. Where the controller ended it, nobody else powers the server off. That cannot hit
/// what is newer: an order of this agent's ends this one before it begins, and another agent has the server only when this one
/// was let in no more, and dropped its work.
pub(super) fn refused(reason: &str, is_over: bool) -> Failure {
    let failure = Failure::new(Step::HandOver, "hand_over_refused", format!("the controller: {reason}"));
    Failure { stands_back: !is_over, ..failure }
}
