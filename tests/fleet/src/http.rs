//! A client for plain HTTP/1.1 on loopback: one connection that stays open, one call at a time. So little of it is client
//! that what a benchmark measures is the server.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// No answer of ours is longer.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    token: String,
    read: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as JSON, of an answer that must have this status.
    ///
    /// # Errors
    /// With status and body, when it has another.
    pub fn expect(&self, status: u16) -> Result<Value> {
        if self.status != status {
            bail!("the answer is {}, not {status}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        Ok(self.json())
    }
}

impl Connection {
    /// Connects; every call carries this token.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(address: SocketAddr, token: &str) -> Result<Self> {
        let stream = connect(address).await?;
        Ok(Self { stream, address, token: token.to_owned(), read: Vec::new() })
    }

    /// Calls with a JSON body.
    ///
    /// # Errors
    /// When the connection breaks or the answer is no HTTP.
    pub async fn json(&mut self, method: &str, path: &str, body: &Value) -> Result<Answer> {
        self.call(method, path, "application/json", body.to_string().as_bytes()).await
    }

    /// As [`Self::json`], in the name of this X-Client-Token: sent again, it is done once.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub async fn json_once(&mut self, method: &str, path: &str, body: &Value, client_token: &str) -> Result<Answer> {
        let headers = [("content-type", "application/json"), ("x-client-token", client_token)];
        self.send((method, path), &headers, body.to_string().as_bytes()).await
    }

    /// Calls without a body.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.call("GET", path, "", &[]).await
    }

    /// Calls. A connection that was closed while idle is opened again.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub async fn call(&mut self, method: &str, path: &str, content: &str, body: &[u8]) -> Result<Answer> {
        let headers = [("content-type", content)];
        self.send((method, path), if content.is_empty() { &[] } else { &headers }, body).await
    }

    async fn send(&mut self, (method, path): (&str, &str), headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nx-auth-token: {}\r\n", self.address, self.token);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !headers.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut message = head.into_bytes();
        message.extend_from_slice(body);
        self.read.clear();
        let sent = self.stream.write_all(&message).await;
        let first = match sent {
            Ok(()) => self.stream.read_buf(&mut self.read).await.unwrap_or(0),
            Err(_) => 0,
        };
        if first == 0 {
            self.stream = connect(self.address).await?;
            self.stream.write_all(&message).await.with_context(|| format!("send {method} {path}"))?;
        }
        self.answer().await.with_context(|| format!("read the answer to {method} {path}"))
    }

    async fn answer(&mut self) -> Result<Answer> {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).context("there is no status")?;
        let header = |name: &str| {
            let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
        };
        let length = match header("content-length") {
            Some(length) => length.parse().context("content-length is a number")?,
            None if status == 204 || status == 304 => 0,
            None => bail!("an answer without content-length"),
        };
        ensure!(length <= MAX_ANSWER_BYTES, "an answer of {length} bytes");
        while self.read.len() < end + length {
            self.more().await?;
        }
        Ok(Answer { status, body: self.read[end..end + length].to_vec() })
    }

    async fn more(&mut self) -> Result<()> {
        ensure!(self.stream.read_buf(&mut self.read).await? > 0, "the connection ended");
        Ok(())
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
    stream.set_nodelay(true).context("use the connection")?;
    Ok(stream)
}
