use super::*;
use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair};

/// A server in the fewest lines, apart from [`Exchange`]: only data types are shared.
struct Server {
    pair: Ed25519KeyPair,
    shown: HostKey,
    banner: Vec<u8>,
    guesses: bool,
}

impl Server {
    fn new(seed: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let shown = HostKey::from_bytes(pair.public_key().as_ref().try_into().unwrap());
        Self { pair, shown, banner: b"SSH-2.0-test\r\n".to_vec(), guesses: false }
    }

    fn kexinit(&self) -> Vec<u8> {
        let mut payload = vec![KEXINIT];
        payload.extend([7; 16]);
        let methods: &[u8] = if self.guesses { b"ecdh-sha2-nistp256,curve25519-sha256" } else { b"curve25519-sha256" };
        put_string(&mut payload, methods);
        for names in [&b"rsa-sha2-512,ssh-ed25519"[..], b"a", b"a", b"m", b"m", b"none", b"none", b"", b""] {
            put_string(&mut payload, names);
        }
        payload.extend([u8::from(self.guesses), 0, 0, 0, 0]);
        payload
    }

    /// Runs the exchange, giving the client its bytes in pieces of this size.
    fn talk(&self, expected: &HostKey, piece: usize) -> Result<Step, Rejection> {
        let (mut exchange, hello) = Exchange::start();
        assert_eq!(hello, b"SSH-2.0-billet_probe\r\n");
        let mut first = [&self.banner[..], &packet(&[IGNORE, 0, 0, 0, 0]), &packet(&self.kexinit())].concat();
        if self.guesses {
            first.extend(packet(&[KEX_ECDH_REPLY, 9, 9, 9]));
        }
        let mut sent = Vec::new();
        for bytes in first.chunks(piece) {
            match exchange.receive(bytes, expected)? {
                Step::Send(bytes) => sent.extend(bytes),
                Step::Proven => panic!("proven without a signature"),
            }
        }
        let client_kexinit = take_packet(&mut sent).unwrap().unwrap();
        let share = take_packet(&mut sent).unwrap().unwrap();
        let client_share = &share[5..];
        let private = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).unwrap();
        let public = private.compute_public_key().unwrap();
        let line = self.banner.split(|b| *b == b'\n').find(|line| line.starts_with(b"SSH-")).unwrap();
        let version = line.strip_suffix(b"\r").unwrap_or(line);
        let hash = agree_ephemeral(private, &PeerKey::new(&X25519, client_share), |secret| {
            let mut hashed = Vec::new();
            let blob = self.shown.blob();
            for part in [VERSION, version, &client_kexinit, &self.kexinit(), &blob, client_share, public.as_ref()] {
                put_string(&mut hashed, part);
            }
            put_mpint(&mut hashed, secret);
            digest(&SHA256, &hashed)
        })
        .unwrap();
        let mut signature = Vec::new();
        put_string(&mut signature, ALGORITHM);
        put_string(&mut signature, self.pair.sign(hash.as_ref()).as_ref());
        let mut reply = vec![KEX_ECDH_REPLY];
        put_string(&mut reply, &self.shown.blob());
        put_string(&mut reply, public.as_ref());
        put_string(&mut reply, &signature);
        let mut step = Step::Send(Vec::new());
        for bytes in packet(&reply).chunks(piece) {
            step = exchange.receive(bytes, expected)?;
        }
        Ok(step)
    }
}

#[test]
fn the_right_key_is_proven_however_the_bytes_are_cut() {
    let mut server = Server::new(1);
    server.banner = b"hello\nworld\r\nSSH-2.0-test x\r\n".to_vec();
    for piece in [1, 7, 4096] {
        assert_eq!(server.talk(&server.shown, piece), Ok(Step::Proven));
    }
}

#[test]
fn a_wrong_guess_of_the_server_is_skipped() {
    let mut server = Server::new(1);
    server.guesses = true;
    assert_eq!(server.talk(&server.shown, 4096), Ok(Step::Proven));
}

#[test]
fn another_key_is_named() {
    let (server, other) = (Server::new(1), Server::new(2).shown);
    assert_eq!(server.talk(&other, 4096), Err(Rejection::OtherKey(server.shown)));
}

#[test]
fn the_right_key_without_its_private_half_is_no_proof() {
    let mut decoy = Server::new(2);
    decoy.shown = Server::new(1).shown;
    assert_eq!(decoy.talk(&decoy.shown, 4096), Err(Rejection::BadSignature));
}

#[test]
fn what_is_not_ssh_is_told_from_it_in_bounded_space() {
    let expected = Server::new(1).shown;
    let chatter = b"220 ftp\r\n".repeat(50);
    let long = [b'x'; 300];
    let huge = [&b"SSH-2.0-x\r\n"[..], &[0x7f; 8]].concat();
    let bye = [&b"SSH-2.0-x\n"[..], &packet(b"\x01\0\0\0\x02\0\0\0\x04busy")].concat();
    let early = [&b"SSH-2.0-x\n"[..], &packet(&[KEX_ECDH_REPLY])].concat();
    let idle = [&b"SSH-2.0-x\n"[..], &packet(&[IGNORE]).repeat(21)].concat();
    for (bytes, word) in [
        (&chatter[..], "much"),
        (&long, "255"),
        (b"SSH-1.5-old\n", "version"),
        (&huge, "packet"),
        (&bye, "busy"),
        (&early, "message 31"),
        (&idle, "nothing"),
    ] {
        match Exchange::start().0.receive(bytes, &expected) {
            Err(Rejection::NotSsh(reason)) => assert!(reason.contains(word), "{reason}"),
            other => panic!("{other:?} instead of {word}"),
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256), kind in 0u8..40) {
        let expected = HostKey::from_bytes([0; 32]);
        let _ = Exchange::start().0.receive(&bytes, &expected);
        let payload = [&[kind], &bytes[..]].concat();
        let (mut exchange, _) = Exchange::start();
        let _ = exchange.receive(&[&b"SSH-2.0-x\r\n"[..], &packet(&payload)].concat(), &expected);
        let (mut exchange, _) = Exchange::start();
        let kexinit = Server::new(1).kexinit();
        let reply = [&[KEX_ECDH_REPLY], &bytes[..]].concat();
        let _ = exchange.receive(&[&b"SSH-2.0-x\r\n"[..], &packet(&kexinit), &packet(&reply)].concat(), &expected);
    }
}
