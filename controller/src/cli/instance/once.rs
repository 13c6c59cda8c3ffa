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
    let (mut backoff, mut tries, mut is_open) = (Backoff::default(), 0, false);
    let answer = loop {
        let answer = call().await;
        tries += 1;
        is_open |= leaves_open(&answer);
        match &answer {
            Err(error @ ClientError::Unreachable { .. }) if tries < TRIES => {
                let Some(pause) = backoff.pause(error) else { break answer };
                console.note(&format!("the controller does not answer; asking again in {:.1} s", pause.as_secs_f32()));
                tokio::time::sleep(pause).await;
            }
            _ => break answer,
        }
    };
    // A later refusal, by rate for one, says nothing of a call before it.
    if is_open && answer.is_err() {
        console.note(&format!(
            "whether it was accepted is not known; the same command with --client-token {token} creates nothing twice (for 24 h)"
        ));
    }
    answer
}

/// Whether it may have been created all the same: a controller that fails, or whose answer nobody understands, may have done it.
fn leaves_open<T>(answer: &Result<T, ClientError>) -> bool {
    match answer {
        Err(ClientError::Unreachable { .. } | ClientError::Garbled { .. }) => true,
        Err(ClientError::Refused(refusal)) => refusal.status >= 500,
        Err(ClientError::NoProject | ClientError::Upload { .. }) | Ok(_) => false,
    }
}
