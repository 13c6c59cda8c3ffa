//! Calls to the agent: TLS with the certificate pinned in the boot's identity, repeated while the agent is away.

use crate::dial::Dial;
use billet_proto::{
    identity::BootIdentity,
    link::{Chunk, Step},
    ramdisk::{
        EnlistReply, EnlistRequest, HandOverReply, HandOverRequest, RamdiskReport, ReadChunksRequest, SessionRequest,
        ramdisk_client::RamdiskClient, ramdisk_report::What,
    },
};
use std::time::Duration;
use tokio::time::Instant;
use tonic::{
    Code, Status, Streaming,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

/// How long a call is repeated: an agent may be restarted or replaced meanwhile.
const PATIENCE: Duration = Duration::from_secs(600);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// One try. The agent asks a BMC in some of them.
const ONE_TRY: Duration = Duration::from_secs(100);
/// A manifest of the largest image is below 64 MiB.
const MAX_TAKEN_BYTES: usize = 80 << 20;

/// Why the agent could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// It said no; asking again would not help.
    #[error("{doing}: the agent refused: {}", .status.message())]
    Refused {
        /// What was asked.
        doing: &'static str,
        /// Its words.
        status: Status,
    },
    /// It stayed away.
    #[error("{doing}: the agent did not answer for {} s: {}", PATIENCE.as_secs(), .status.message())]
    Away {
        /// What was asked.
        doing: &'static str,
        /// Of the last try.
        status: Status,
    },
}

/// The agent, for one session.
#[derive(Clone)]
pub struct Agent {
    client: RamdiskClient<Channel>,
    session: String,
}

impl Agent {
    /// Turns the boot token into a session.
    ///
    /// # Errors
    /// When the agent refuses, or stays away.
    pub async fn enlist(
        identity: &BootIdentity,
        dial: &Dial,
        inventory: billet_proto::link::Inventory,
        uptime: Duration,
    ) -> anyhow::Result<(Self, EnlistReply)> {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&identity.ca_pem))
            .domain_name(identity.agent_name.clone());
        let endpoint = Endpoint::from_shared(format!("https://{}", identity.agent))?
            .tls_config(tls)?
            .connect_timeout(Duration::from_secs(3))
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true);
        let client = RamdiskClient::new(dial(endpoint)).max_decoding_message_size(MAX_TAKEN_BYTES);
        let request = EnlistRequest {
            boot_token: identity.boot_token.clone(),
            inventory: Some(inventory),
            uptime_ms: u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX),
        };
        let reply = repeat("enlist", async || client.clone().enlist(request.clone()).await).await?.into_inner();
        Ok((Self { client, session: reply.session.clone() }, reply))
    }

    /// One that enlisted already.
    #[cfg(test)]
    pub(super) fn over(channel: Channel, session: String) -> Self {
        Self { client: RamdiskClient::new(channel), session }
    }

    pub(super) async fn manifest(&self) -> Result<Vec<u8>, AgentError> {
        let request = self.request();
        let reply = repeat("read the manifest", async || self.client.clone().read_manifest(request.clone()).await);
        Ok(reply.await?.into_inner().manifest)
    }

    /// Frames of these chunks; the stream may break off, then ask for the rest.
    pub(super) async fn chunks(&self, indices: &[u32]) -> Result<Streaming<Chunk>, AgentError> {
        let request = ReadChunksRequest { session: self.session.clone(), indices: indices.to_vec() };
        let reply = repeat("read chunks", async || self.client.clone().read_chunks(request.clone()).await);
        Ok(reply.await?.into_inner())
    }

    /// Reports until it is delivered.
    ///
    /// # Errors
    /// When the agent refuses, or stays away.
    pub async fn report(&self, step: Step, what: What) -> Result<(), AgentError> {
        let request = RamdiskReport { session: self.session.clone(), step: step.into(), what: Some(what) };
        repeat("report", async || self.client.clone().report(request.clone()).await).await.map(drop)
    }

    /// Reports once; a report that is lost is as good as the next.
    pub async fn mention(&self, step: Step, what: What) {
        self.once(step, Some(what)).await;
    }

    /// Says nothing but that this ramdisk lives, once.
    pub(super) async fn live(&self) {
        self.once(Step::Unspecified, None).await;
    }

    async fn once(&self, step: Step, what: Option<What>) {
        let request = RamdiskReport { session: self.session.clone(), step: step.into(), what };
        let _ = tokio::time::timeout(Duration::from_secs(2), self.client.clone().report(request)).await;
    }

    pub(super) async fn hand_over(&self, nonce: Vec<u8>) -> Result<HandOverReply, AgentError> {
        let request = HandOverRequest { session: self.session.clone(), nonce };
        let reply = repeat("ask for the word", async || self.client.clone().hand_over(request.clone()).await);
        Ok(reply.await?.into_inner())
    }

    /// Once: an answer that is lost may mean that the reset is on its way.
    pub(super) async fn leave(&self) -> Result<(), Status> {
        let left = tokio::time::timeout(ONE_TRY, self.client.clone().leave(self.request())).await;
        left.map_err(|_| Status::deadline_exceeded("no answer"))?.map(drop)
    }

    fn request(&self) -> SessionRequest {
        SessionRequest { session: self.session.clone() }
    }
}

/// Whether the same call may go through later.
pub(super) fn may_pass(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::Unknown
            | Code::Internal
            | Code::Cancelled
            | Code::Aborted
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
    )
}

async fn repeat<T>(doing: &'static str, call: impl AsyncFn() -> Result<T, Status>) -> Result<T, AgentError> {
    let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        let tried = tokio::time::timeout(ONE_TRY, call()).await;
        let status = match tried.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer"))) {
            Ok(reply) => return Ok(reply),
            Err(status) => status,
        };
        if !may_pass(status.code()) {
            return Err(AgentError::Refused { doing, status });
        }
        if began.elapsed() > PATIENCE {
            return Err(AgentError::Away { doing, status });
        }
        tracing::debug!(doing, status = status.message(), "once more");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{heartbeat::Heartbeat, played_agent::PlayedAgent};
    use super::*;
    use billet_proto::link::Finished;

    #[tokio::test]
    async fn what_is_reported_while_the_agent_is_away_is_told_once_it_is_back_and_signs_of_life_go_on_without_it() {
        let mut agent = PlayedAgent::new();
        let client = agent.client();
        let _heartbeat = Heartbeat::each(Duration::from_millis(20), client.clone());
        client.report(Step::Write, What::Finished(Finished::default())).await.unwrap();
        agent.goes_away();
        let back = async {
            // What is lost here is no failure.
            client.mention(Step::Configure, What::Finished(Finished::default())).await;
            agent.comes_back();
        };
        let (told, ()) = tokio::join!(client.report(Step::Configure, What::Finished(Finished::default())), back);
        told.unwrap();
        let is_alive = |report: &RamdiskReport| report.what.is_none();
        // It lives: signs follow the last word.
        agent.until(|said| said.reports.len() > 2 && said.reports.last().is_some_and(is_alive)).await;
        agent.said(|said| {
            let told = said.reports.iter().filter(|report| !is_alive(report));
            assert_eq!(told.map(RamdiskReport::step).collect::<Vec<_>>(), [Step::Write, Step::Configure]);
        });
    }
}
