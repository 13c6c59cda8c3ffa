//! Golden bytes: ipmitool 1.8.19 as recorded on the wire. If one of these fails, do not change the bytes.

use super::*;
use crate::{bmc::rmcpplus::message::Request, config::Privilege};
use proptest::prelude::*;

/// `ipmitool -C 3 -L OPERATOR … chassis bootdev pxe options=efiboot` with `ipmi_sim` 2.0.33: Open Session, RAKP 1 to
/// 4, Set Session Privilege Level and its answer.
const SUITE_3: [&str; 8] = [
    "0600ff0706100000000000000000200000030000a4a3a2a0000000080100000001000008010000000200000801000000",
    "0600ff0706110000000000000000240000000300a4a3a2a002000000000000080100000001000008010000000200000801000000",
    "0600ff0706120000000000000000200000000000020000000a8ada091de33b38ba5980d6c416303e130000046f706572",
    "0600ff07061300000000000000003c0000000000a4a3a2a0055ed7ad259e947b24c21890e04fa26aa123456789abcdefa123456789abcdef6bf06bbbfd6b4e327bba86acf050d39ee8d9b0b2",
    "0600ff07061400000000000000001c000000000002000000f0e429e00825bb32beffa7ee06952e8e1da07e78",
    "0600ff0706150000000000000000140000000000a4a3a2a073d1751027df4022f639f7ad",
    "0600ff0706c002000000030000002000f06a838926894f410ff05227e49627cb464286a50cc9fe8cae003e3a57ddcb39ffff020714f92b71d25bf50d34c44ae3",
    "0600ff0706c0a4a3a2a00100000020004a411134e4ba50d9d4b5844495caa9c2ba8971d4f4c70c0d6944cf1bfd6de7abffff02076ed1822a37d1bab48954e701",
];
/// From the same session: Set System Boot Options 05 a0 04 00 00 00.
const SET_BOOT_FLAGS: &str = "0600ff0706c0020000000a0000002000921b1870e2938c40d86929c47a0affb88c7167d91c4ca02e61bcde736b765fd3ffff0207f24884e29f9e9a62391b5234";
/// `ipmitool -C 17` with a server of 40 lines on Python's hmac: the same, without the last answer.
const SUITE_17: [&str; 7] = [
    "0600ff0706100000000000000000200000030000a4a3a2a0000000080300000001000008040000000200000801000000",
    "0600ff0706110000000000000000240000000300a4a3a2a011223344000000080300000001000008040000000200000801000000",
    "0600ff070612000000000000000020000000000011223344a94db854109563eed699e4fe7c3f3142130000046f706572",
    "0600ff0706130000000000000000480000000000a4a3a2a0d10fb67a4760c39c5ac004b79774990ca123456789abcdefa123456789abcdefea259b539c2a7fc583045aa43ab545269c4a5bc08ed7437fc3f288fc075a8900",
    "0600ff070614000000000000000028000000000011223344a042e86e9c4acc2786b5d1687b6f448e1aaac1278745872e4bd5678e0f7350ad",
    "0600ff0706150000000000000000180000000000a4a3a2a0f26f412caf2bf3b14be2079bd0b91c19",
    "0600ff0706c0112233440300000020001bc16ca07260ab4d6e137c4406e03ad1edf12fe6ab7f87b98ce9404e00e0c5c0ffff02071001ca9b810a8566427f2e0a202983af",
];

fn account(password: &str) -> Account {
    Account { user: "oper".into(), password: password.into(), kg: None, privilege: Privilege::Operator }
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// As ipmitool chose them in that recording: its random number is in RAKP 1.
fn seeds(recording: &[&str]) -> Seeds {
    let random = bytes(recording[2])[24..40].try_into().unwrap();
    Seeds { tag: 0, console_id: 0xa0a2_a3a4, random }
}

fn replay(recording: &[&str], suite: Suite) -> Box<Session> {
    let account = account("0perator");
    let mut handshake = Handshake::new(&account, suite, seeds(recording));
    for pair in recording[..6].chunks(2) {
        assert_eq!(hex::encode(handshake.packet()), pair[0]);
        match handshake.receive(&bytes(pair[1])).unwrap() {
            Step::Done(session) => return session,
            Step::Next => {}
            Step::Ignore => panic!("{} was ignored", pair[1]),
        }
    }
    panic!("no session");
}

/// The initialization vector is the first block of the payload.
fn iv(packet: &str) -> [u8; 16] {
    bytes(packet)[16..32].try_into().unwrap()
}

#[test]
fn a_suite_3_session_is_byte_for_byte_that_of_ipmitool() {
    let mut session = replay(&SUITE_3, Suite::Sha1);
    session.skip_to(3);
    let request = Request::new(6, 0x3b, &[3], 1);
    assert_eq!(hex::encode(session.seal(&request, iv(SUITE_3[6]))), SUITE_3[6]);
    let answer = session.open(&bytes(SUITE_3[7])).unwrap();
    assert_eq!(request.reply(&answer), Some((0, &[3][..])));
    session.skip_to(10);
    let request = Request::new(0, 8, &[5, 0xa0, 4, 0, 0, 0], 8);
    assert_eq!(hex::encode(session.seal(&request, iv(SET_BOOT_FLAGS))), SET_BOOT_FLAGS);
}

#[test]
fn a_suite_17_session_is_byte_for_byte_that_of_ipmitool() {
    let mut session = replay(&SUITE_17, Suite::Sha256);
    session.skip_to(3);
    let request = Request::new(6, 0x3b, &[3], 1);
    assert_eq!(hex::encode(session.seal(&request, iv(SUITE_17[6]))), SUITE_17[6]);
}

#[test]
fn a_packet_is_taken_once_and_only_unchanged() {
    let answer = bytes(SUITE_3[7]);
    for index in 4..answer.len() {
        let mut changed = answer.clone();
        changed[index] ^= 1;
        assert!(replay(&SUITE_3, Suite::Sha1).open(&changed).is_none(), "byte {index}");
    }
    let mut session = replay(&SUITE_3, Suite::Sha1);
    assert!(session.open(&answer).is_some());
    assert!(session.open(&answer).is_none(), "a replay");
}

/// The error after these answers, or nothing.
fn fails(password: &str, answers: &[Vec<u8>]) -> Option<(HandshakeError, Option<Vec<u8>>)> {
    let account = account(password);
    let mut handshake = Handshake::new(&account, Suite::Sha1, seeds(&SUITE_3));
    answers.iter().find_map(|answer| handshake.receive(answer).err().map(|error| (error, handshake.farewell())))
}

fn changed(answer: &str, index: usize, value: u8) -> Vec<u8> {
    let mut answer = bytes(answer);
    answer[index] = value;
    answer
}

#[test]
fn each_way_to_fail_has_its_error() {
    let [open, rakp_2, rakp_4] = [SUITE_3[1], SUITE_3[3], SUITE_3[5]];
    let mut zeroed = bytes(rakp_2);
    zeroed[56..].fill(0);
    let cases: [(&str, Vec<Vec<u8>>, HandshakeError); 8] = [
        ("wrong", vec![bytes(open), bytes(rakp_2)], HandshakeError::WrongPassword),
        ("0perator", vec![changed(open, 17, 0x11)], HandshakeError::NoSuite(0x11)),
        ("0perator", vec![changed(open, 17, 0x04)], HandshakeError::NoSuite(0x04)),
        ("0perator", vec![changed(open, 17, 0x01)], HandshakeError::Status(0x01)),
        ("0perator", vec![bytes(open), changed(rakp_2, 17, 0x0d)], HandshakeError::Account(0x0d)),
        ("0perator", vec![bytes(open), zeroed], HandshakeError::ZeroedCode),
        (
            "0perator",
            vec![changed(open, 16 + 16, 0)],
            HandshakeError::Malformed("it answers Open Session with other algorithms than asked for"),
        ),
        (
            "0perator",
            vec![bytes(open), bytes(rakp_2), changed(rakp_4, 30, 0)],
            HandshakeError::Malformed("the code of its RAKP 4 is wrong; it may want a key (Kg)"),
        ),
    ];
    for (password, answers, error) in cases {
        let (seen, farewell) = fails(password, &answers).unwrap();
        assert_eq!(seen, error);
        assert_eq!(farewell.is_some(), answers.len() > 1, "the BMC is told to forget what it half opened: {error:?}");
    }
}

#[test]
fn an_error_may_be_as_short_as_its_status() {
    // ipmi_sim 2.0.33, asked for suite 17.
    let short = bytes("0600ff070611000000000000000002000004");
    assert_eq!(fails("0perator", &[short]).unwrap().0, HandshakeError::NoSuite(0x04));
}

#[test]
fn answers_to_others_are_ignored() {
    let other_tag = changed(SUITE_3[1], 16, 9);
    let other_console = changed(SUITE_3[1], 20, 9);
    let too_early = bytes(SUITE_3[3]);
    assert!(fails("0perator", &[other_tag, other_console, too_early, bytes(SUITE_3[1])]).is_none());
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(stage in 0usize..4, body in proptest::collection::vec(any::<u8>(), 0..80)) {
        let account = account("0perator");
        let mut handshake = Handshake::new(&account, Suite::Sha1, seeds(&SUITE_3));
        for answer in [1, 3].into_iter().take(stage.min(2)) {
            handshake.receive(&bytes(SUITE_3[answer])).unwrap();
        }
        let kind = [packet::OPEN_RESPONSE, packet::RAKP_2, packet::RAKP_4, packet::RAKP_4][stage];
        let console_id = 0xa0a2_a3a4_u32.to_le_bytes();
        let payload = [&[0, 0, 0, 0], &console_id[..], &body].concat();
        let _ = handshake.receive(&packet::write(kind, 0, 0, &payload));
        let _ = handshake.receive(&body);
    }

    #[test]
    fn no_packet_makes_a_session_panic(body in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut session = replay(&SUITE_3, Suite::Sha1);
        let _ = session.open(&packet::write(0xc0, 0xa0a2_a3a4, 1, &body));
        // With a right code the rest is reached as well.
        let _ = session.open(&session.forge(&body));
    }
}
