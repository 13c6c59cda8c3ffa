//! One session: the agent's hello, our welcome with every open order, then reports and questions until it ends.

use super::{
    caller::unavailable,
    renewal::unknown,
    revocation::Revocation,
    sessions::{Message, Sessions},
};
use crate::lifecycle::{HelloError, Lifecycle, Withheld};
use billet_proto::{
    AgentId,
    link::{
        AgentMessage, ControllerMessage, Hello, Report, Welcome, Word, WordRequest, agent_message,
        controller_message::Body,
    },
};
use futures_util::FutureExt as _;
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

/// Reports that one transaction takes at most.
const TOGETHER: usize = 64;
/// An agent says hello at once.
const HELLO_DEADLINE: Duration = Duration::from_secs(10);

/// Opens the session and answers what is to be sent in it; first the welcome, with the agent's claims.
pub(super) async fn open(
    lifecycle: Lifecycle,
    sessions: Sessions,
    (agent, revocation): (AgentId, Revocation),
    welcome: Welcome,
    mut said: Streaming<AgentMessage>,
) -> Result<mpsc::Receiver<Message>, Status> {
    let hello = first(&mut said).await?;
    let (version, epoch) = (hello.version.clone(), hello.epoch);
    let registered = sessions.registered_for(agent).await.map_err(|error| unavailable(&error))?;
    let claims = lifecycle.hello(agent, hello).await.map_err(|error| match error {
        HelloError::Store(error) => unavailable(&error),
        refused => {
            tracing::warn!(%agent, error = %refused, "an agent is not let in");
            let why = refused.to_string();
            match refused {
                HelloError::Unknown | HelloError::Revoked => Status::unauthenticated(why),
                HelloError::OldEpoch { .. } => Status::already_exists(why),
                HelloError::TooMany { .. } | HelloError::Store(_) => Status::failed_precondition(why),
            }
        }
    })?;
    let servers = claims.len();
    let welcome = ControllerMessage { body: Some(Body::Welcome(Welcome { claims, ..welcome })) };
    let opened = sessions.open(agent, epoch, welcome);
    let (number, messages) = opened.ok_or_else(|| Status::already_exists("a newer start of this agent is here"))?;
    let is_told = sessions.still_owns(agent, number, &registered).await.map_err(|error| {
        sessions.close(agent, number);
        unavailable(&error)
    })?;
    if !is_told {
        return Err(Status::aborted("its servers, or its session, became others; it shall come again"));
    }
    // Only now: an order that is accepted meanwhile finds the session, or is among these. One that is both does no harm.
    let orders = lifecycle.open_orders(agent).await.map_err(|error| {
        sessions.close(agent, number);
        unavailable(&error)
    })?;
    tracing::info!(%agent, version, epoch, servers, orders = orders.len(), "an agent attached");
    for order in orders {
        sessions.order(agent, order);
    }
    tokio::spawn(async move {
        let end = tokio::select! {
            biased;
            () = revocation.happens() => unknown(),
            end = listen(&lifecycle, &sessions, agent, number, said) => end,
        };
        tracing::info!(%agent, epoch, reason = %end.message(), "an agent's session ended");
        sessions.close(agent, number);
    });
    Ok(messages)
}

async fn first(said: &mut Streaming<AgentMessage>) -> Result<Hello, Status> {
    let message = tokio::time::timeout(HELLO_DEADLINE, said.message()).await;
    let message = message.map_err(|_| Status::deadline_exceeded("no hello within 10 s"))??;
    match message.and_then(|message| message.body) {
        Some(agent_message::Body::Hello(hello)) => Ok(hello),
        _ => Err(Status::invalid_argument("the first message is hello")),
    }
}

/// Takes what the agent says, in its order, until the session ends; answers why it did.
async fn listen(
    lifecycle: &Lifecycle,
    sessions: &Sessions,
    agent: AgentId,
    number: u64,
    mut said: Streaming<AgentMessage>,
) -> Status {
    let mut next = None;
    loop {
        let message = match next.take() {
            Some(message) => message,
            None => said.message().await,
        };
        let message = match message {
            Ok(Some(message)) => message,
            Ok(None) => return Status::ok("the agent ended it"),
            Err(status) => return status,
        };
        if !sessions.is_current(agent, number) {
            return Status::aborted("another session took its place");
        }
        match message.body {
            Some(agent_message::Body::Report(report)) => {
                let mut reports = vec![report];
                next = more(&mut said, &mut reports);
                // A report that is not kept must be told again: the session ends, and the next one begins with all.
                if let Err(error) = lifecycle.report(agent, reports).await {
                    return unavailable(&error);
                }
            }
            Some(agent_message::Body::WordRequest(asked)) => match word(lifecycle, agent, asked).await {
                Ok(word) => sessions.push(agent, Body::Word(word)),
                Err(status) => return status,
            },
            Some(agent_message::Body::Hello(_)) => return Status::invalid_argument("a second hello"),
            None => tracing::warn!(%agent, "a message that this version does not know"),
        }
    }
}

/// Takes the reports that are here already, up to a bound; answers what came after them, if anything did.
fn more(said: &mut Streaming<AgentMessage>, reports: &mut Vec<Report>) -> Option<Result<Option<AgentMessage>, Status>> {
    while reports.len() < TOGETHER {
        match said.message().now_or_never()? {
            Ok(Some(AgentMessage { body: Some(agent_message::Body::Report(report)) })) => reports.push(report),
            other => return Some(other),
        }
    }
    None
}

async fn word(lifecycle: &Lifecycle, agent: AgentId, asked: WordRequest) -> Result<Word, Status> {
    let WordRequest { server_id, generation, nonce } = asked.clone();
    let granted = lifecycle.word(agent, asked).await.map_err(|error| unavailable(&error))?;
    let is_granted = granted.is_ok();
    tracing::info!(%agent, server = %server_id, generation, granted = is_granted, "the word was asked for");
    let Withheld { reason, over } = granted.err().unwrap_or_default();
    Ok(Word { server_id, generation, nonce, granted: is_granted, reason, over })
}
