//! Leaving: only with the controller's word for this generation, at most 10 s old.

use super::StepError;
use crate::ramdisk::agent::{Agent, may_pass};
use std::time::Duration;
use tokio::time::Instant;

/// The word's age is counted from when it was asked for.
const LIFETIME: Duration = Duration::from_secs(10);
/// A word that came too late is asked for again.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(500);

/// Asks for the word until it is fresh, and leaves.
///
/// # Errors
/// When the word is refused, or no fresh one came in twenty tries.
pub async fn run(agent: &Agent) -> Result<(), StepError> {
    nix::unistd::sync();
    leave(agent).await
}

async fn leave(agent: &Agent) -> Result<(), StepError> {
    for _ in 0..TRIES {
        let nonce: [u8; 16] = rand::random();
        let asked = Instant::now();
        let word = agent.hand_over(nonce.to_vec()).await?;
        if word.nonce != nonce {
            return Err(StepError::other("hand_over_refused", "the word that came answers another question"));
        }
        if !word.granted {
            return Err(StepError::other("hand_over_refused", format!("the controller: {}", word.reason)));
        }
        if asked.elapsed() > LIFETIME {
            continue;
        }
        match agent.leave().await {
            Ok(()) => return Ok(()),
            Err(status) if status.code() == tonic::Code::FailedPrecondition || may_pass(status.code()) => {
                tokio::time::sleep(PAUSE).await;
            }
            // The session is over: the agent took the leaving, and its answer was lost.
            Err(status) if status.code() == tonic::Code::Unauthenticated => return Ok(()),
            Err(status) => return Err(StepError::other("hand_over_refused", status.message())),
        }
    }
    Err(StepError::other("hand_over_late", format!("no word came within {} s, {TRIES} times", LIFETIME.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ramdisk::played_agent::PlayedAgent;

    #[tokio::test]
    async fn an_agent_that_goes_away_with_the_leaving_is_asked_for_another_word_when_it_is_back() {
        let mut agent = PlayedAgent::new();
        agent.said(|said| said.holds_leave = true);
        let client = agent.client();
        let away = async {
            agent.until(|said| said.leaves > 0).await;
            agent.goes_away();
            client.live().await;
            agent.comes_back();
        };
        let (left, ()) = tokio::join!(leave(&client), away);
        left.unwrap();
        assert_eq!(agent.said(|said| (said.words, said.leaves)), (2, 2));
    }

    #[tokio::test]
    async fn a_word_that_came_later_than_ten_seconds_after_it_was_asked_for_is_not_left_by() {
        let agent = PlayedAgent::new();
        agent.said(|said| said.holds_word = true);
        let client = agent.client();
        let late = async {
            agent.until(|said| said.words > 0).await;
            tokio::time::pause();
            tokio::time::advance(LIFETIME + Duration::from_millis(100)).await;
            tokio::time::resume();
            assert_eq!(agent.said(|said| said.leaves), 0);
            agent.releases_word();
        };
        let (left, ()) = tokio::join!(leave(&client), late);
        left.unwrap();
        assert_eq!(agent.said(|said| (said.words, said.leaves)), (2, 1), "it leaves by another");
    }
}
