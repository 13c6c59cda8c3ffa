//! SSH from its first byte to the server's signature: RFC 4253 §4, §7, §8; RFC 5656 §4; RFC 8731; RFC 8709.
//!
//! ```text
//! Banner ──SSH-2.0-…──► Negotiating ──KEXINIT──► Exchanging ──KEX_ECDH_REPLY──► proven, or a rejection
//! ```
//! Bytes in, bytes out: no socket and no clock. The only state beyond the stage is bounded: 50 lines of 255 bytes, one
//! packet of 35,000 bytes.

use super::{
    host_key::{ALGORITHM, HostKey},
    wire::{Reader, packet, put_mpint, put_string, take_packet},
};
use ring::{
    agreement::{EphemeralPrivateKey, UnparsedPublicKey as PeerKey, X25519, agree_ephemeral},
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ED25519, UnparsedPublicKey},
};

/// Our identification (RFC 4253 §4.2).
const VERSION: &[u8] = b"SSH-2.0-billet_probe";
/// Lines before the server's identification; the RFC has no limit.
const MAX_BANNER_LINES: usize = 50;
/// RFC 4253 §4.2, with the line's end.
const MAX_LINE_BYTES: usize = 255;
/// Packets that mean nothing here (ignore, debug) are taken so often.
const MAX_IDLE_PACKETS: usize = 20;

const DISCONNECT: u8 = 1;
const IGNORE: u8 = 2;
const UNIMPLEMENTED: u8 = 3;
const DEBUG: u8 = 4;
const KEXINIT: u8 = 20;
const KEX_ECDH_INIT: u8 = 30;
const KEX_ECDH_REPLY: u8 = 31;

/// The method (RFC 8731) and the name that it had before.
const METHODS: [&[u8]; 2] = [b"curve25519-sha256", b"curve25519-sha256@libssh.org"];
/// Never used: it ends before them. A server refuses a client with which it has none in common, so name what servers have.
const CIPHERS: &[u8] =
    b"chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr";
const MACS: &[u8] = b"hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,umac-128-etm@openssh.com,\
    hmac-sha2-256,hmac-sha2-512,umac-128@openssh.com,hmac-sha1";
const COMPRESSION: &[u8] = b"none,zlib@openssh.com";

/// What bytes led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// These are to be sent; may be none.
    Send(Vec<u8>),
    /// The server holds the key.
    Proven,
}

/// Why the server is not the one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    NotSsh(String),
    OtherKey(HostKey),
    BadSignature,
}

enum Stage {
    Banner { lines: usize },
    Negotiating,
    Exchanging { private: EphemeralPrivateKey, public: Vec<u8>, skip_guess: bool },
    Over,
}

/// One key exchange, on the client's side.
pub(super) struct Exchange {
    stage: Stage,
    received: Vec<u8>,
    idle_packets: usize,
    server_version: Vec<u8>,
    client_kexinit: Vec<u8>,
    server_kexinit: Vec<u8>,
}

fn not_ssh(reason: impl Into<String>) -> Rejection {
    Rejection::NotSsh(reason.into())
}

impl Exchange {
    /// Begins, with what to send first: our identification. Our algorithms wait for the server's: a server that finds
    /// none in common hangs up at once, and the reset would overtake what says why. Servers speak first in practice.
    pub(super) fn start() -> (Self, Vec<u8>) {
        let client_kexinit = kexinit(rand::random());
        let exchange = Self {
            stage: Stage::Banner { lines: 0 },
            received: Vec::new(),
            idle_packets: 0,
            server_version: Vec::new(),
            client_kexinit,
            server_kexinit: Vec::new(),
        };
        (exchange, [VERSION, b"\r\n"].concat())
    }

    /// How far it went, for messages.
    pub(super) fn stage(&self) -> &'static str {
        match self.stage {
            Stage::Banner { .. } => "connected, no banner yet",
            Stage::Negotiating => "its banner came, its algorithms not yet",
            Stage::Exchanging { .. } => "its algorithms came, its signature not yet",
            Stage::Over => "over",
        }
    }

    /// Takes what the server sent.
    pub(super) fn receive(&mut self, bytes: &[u8], expected: &HostKey) -> Result<Step, Rejection> {
        self.received.extend(bytes);
        let mut send = Vec::new();
        while let Stage::Banner { lines } = self.stage {
            let Some(line) = self.take_line()? else { return Ok(Step::Send(send)) };
            self.read_line(line, lines)?;
        }
        loop {
            let bad = |_| not_ssh("what follows its banner is no SSH packet");
            let Some(payload) = take_packet(&mut self.received).map_err(bad)? else { return Ok(Step::Send(send)) };
            let Some((kind, body)) = payload.split_first() else { return Err(not_ssh("it sent an empty packet")) };
            match (*kind, &mut self.stage) {
                (DISCONNECT, _) => return Err(not_ssh(format!("it hung up: {}", disconnect_text(body)))),
                (IGNORE | DEBUG | UNIMPLEMENTED, _) => {
                    self.idle_packets += 1;
                    if self.idle_packets > MAX_IDLE_PACKETS {
                        return Err(not_ssh("it sends only packets that mean nothing"));
                    }
                }
                (KEXINIT, Stage::Negotiating) => {
                    send.extend(self.negotiate(&payload)?);
                }
                (KEX_ECDH_INIT..=49, Stage::Exchanging { skip_guess: guess @ true, .. }) => *guess = false,
                (KEX_ECDH_REPLY, Stage::Exchanging { .. }) => {
                    self.prove(body, expected)?;
                    return Ok(Step::Proven);
                }
                (kind, _) => return Err(not_ssh(format!("it sent message {kind} where none was due"))),
            }
        }
    }

    fn take_line(&mut self) -> Result<Option<Vec<u8>>, Rejection> {
        let end = self.received.iter().position(|byte| *byte == b'\n');
        if end.unwrap_or(self.received.len()) >= MAX_LINE_BYTES {
            return Err(not_ssh("its banner has a line of more than 255 bytes"));
        }
        Ok(end.map(|end| {
            let mut line: Vec<u8> = self.received.drain(..=end).collect();
            line.truncate(line.len() - if line.ends_with(b"\r\n") { 2 } else { 1 });
            line
        }))
    }

    fn read_line(&mut self, line: Vec<u8>, lines: usize) -> Result<(), Rejection> {
        if !line.starts_with(b"SSH-") {
            if lines + 1 >= MAX_BANNER_LINES {
                return Err(not_ssh("it says much and not SSH"));
            }
            self.stage = Stage::Banner { lines: lines + 1 };
            return Ok(());
        }
        if !line.starts_with(b"SSH-2.0-") && !line.starts_with(b"SSH-1.99-") {
            return Err(not_ssh("it speaks another version of SSH than 2.0"));
        }
        self.server_version = line;
        self.stage = Stage::Negotiating;
        Ok(())
    }

    /// Reads the server's KEXINIT (RFC 4253 §7.1) and answers with ours and our share.
    fn negotiate(&mut self, payload: &[u8]) -> Result<Vec<u8>, Rejection> {
        let cut = || not_ssh("its list of algorithms is cut short");
        let mut reader = Reader(payload);
        reader.take(1 + 16).ok_or_else(cut)?;
        let methods = reader.string().ok_or_else(cut)?;
        let host_keys = reader.string().ok_or_else(cut)?;
        for _ in 0..8 {
            reader.string().ok_or_else(cut)?;
        }
        let guessed = reader.byte().ok_or_else(cut)? != 0;
        let names = |list: &'_ [u8]| list.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect::<Vec<_>>();
        let (methods, host_keys) = (names(methods), names(host_keys));
        let has = |list: &[Vec<u8>], name: &[u8]| list.iter().any(|entry| entry == name);
        let method = METHODS.into_iter().find(|method| has(&methods, method));
        let method = method.ok_or_else(|| not_ssh("it has no key exchange curve25519-sha256"))?;
        if !has(&host_keys, ALGORITHM) {
            return Err(not_ssh("it has no ssh-ed25519 host key"));
        }
        // A guess is right only if both first names are what is used; else its packet is to be skipped (§7).
        let right = methods.first().is_some_and(|first| first == METHODS[0] && method == METHODS[0])
            && host_keys.first().is_some_and(|first| first == ALGORITHM);
        let no_random = |_| not_ssh("this machine has no random numbers");
        let private = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).map_err(no_random)?;
        let public = private.compute_public_key().map_err(no_random)?.as_ref().to_vec();
        let mut share = vec![KEX_ECDH_INIT];
        put_string(&mut share, &public);
        self.server_kexinit = payload.to_vec();
        self.stage = Stage::Exchanging { private, public, skip_guess: guessed && !right };
        Ok([packet(&self.client_kexinit), packet(&share)].concat())
    }

    /// Checks the server's reply (RFC 5656 §4): its key, then its signature over the exchange hash.
    fn prove(&mut self, body: &[u8], expected: &HostKey) -> Result<(), Rejection> {
        let Stage::Exchanging { private, public, .. } = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(not_ssh("its reply came too early"));
        };
        let cut = || not_ssh("its key exchange reply is not as specified");
        let mut reader = Reader(body);
        let blob = reader.string().ok_or_else(cut)?;
        let share = reader.string().ok_or_else(cut)?;
        let signature = reader.string().ok_or_else(cut)?;
        let key = HostKey::from_blob(blob).ok_or_else(cut)?;
        if key != *expected {
            return Err(Rejection::OtherKey(key));
        }
        let mut reader = Reader(signature);
        let (algorithm, signature) = (reader.string().ok_or_else(cut)?, reader.string().ok_or_else(cut)?);
        if algorithm != ALGORITHM {
            return Err(cut());
        }
        // ring refuses shares of the wrong length and the all-zero secret that RFC 8731 §3 forbids.
        let hash = agree_ephemeral(private, &PeerKey::new(&X25519, share), |secret| {
            let mut hashed = Vec::new();
            let parts: [&[u8]; 7] =
                [VERSION, &self.server_version, &self.client_kexinit, &self.server_kexinit, blob, &public, share];
            parts.into_iter().for_each(|part| put_string(&mut hashed, part));
            put_mpint(&mut hashed, secret);
            digest(&SHA256, &hashed)
        })
        .map_err(|_| not_ssh("its share of the key exchange is not usable"))?;
        UnparsedPublicKey::new(&ED25519, key.as_bytes())
            .verify(hash.as_ref(), signature)
            .map_err(|_| Rejection::BadSignature)
    }
}

/// Our KEXINIT (RFC 4253 §7.1), with a random cookie.
fn kexinit(cookie: [u8; 16]) -> Vec<u8> {
    let mut payload = vec![KEXINIT];
    payload.extend(cookie);
    put_string(&mut payload, &METHODS.join(&b','));
    for names in [ALGORITHM, CIPHERS, CIPHERS, MACS, MACS, COMPRESSION, COMPRESSION, b"", b""] {
        put_string(&mut payload, names);
    }
    // No guess follows; reserved.
    payload.extend([0; 5]);
    payload
}

/// The reason in a DISCONNECT (RFC 4253 §11.1), as printable text of a bounded length.
fn disconnect_text(body: &[u8]) -> String {
    let mut reader = Reader(body);
    let text = reader.number().and_then(|_code| reader.string()).unwrap_or_default();
    String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests;
