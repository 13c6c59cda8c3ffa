//! A creation whose answer is lost, and which is asked for again: with the same `X-Client-Token` it is done once.

use crate::cli::{
    client::{ClientError, ClientToken},
    console::Console,
    follow::Backoff,
};

/// Calls until the controller is given up.
const TRIES: u32 = 3;

/// Calls again while the controller is not reached, a few times. Where it stays open whether anything was created, a note
/// says how to go on.
pub(super) async fn once<T>(
    console: &mut Console,
    token: &ClientToken,
    call: impl AsyncFn() -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let mut backoff = Backoff::default();
    for _ in 1..TRIES {
        match call().await {
            Err(error @ ClientError::Unreachable { .. }) => {
                let Some(pause) = backoff.pause(&error) else { return Err(error) };
                console.note(&format!("the controller does not answer; asking again in {:.1} s", pause.as_secs_f32()));
                tokio::time::sleep(pause).await;
            }
            answer => return noted(console, token, answer),
        }
    }
    let answer = call().await;
    noted(console, token, answer)
}

/// A controller that fails may have done it all the same.
fn noted<T>(console: &mut Console, token: &ClientToken, answer: Result<T, ClientError>) -> Result<T, ClientError> {
    let is_open = match &answer {
        Err(ClientError::Unreachable { .. }) => true,
        Err(ClientError::Refused(refusal)) => refusal.status >= 500,
        Err(ClientError::NoProject | ClientError::Upload { .. } | ClientError::Garbled { .. }) | Ok(_) => false,
    };
    if is_open {
        console.note(&format!(
            "whether it was accepted is not known; the same command with --client-token {token} creates nothing twice (for 24 h)"
        ));
    }
    answer
}
