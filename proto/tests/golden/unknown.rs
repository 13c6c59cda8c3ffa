//! What a later version may add is passed over: a field, or another kind of what may be one of several.

use super::parts::SERVER;
use billet_proto::{
    link::{AgentMessage, ControllerMessage, Order, Report, agent_message, controller_message, report::What},
    ramdisk::{EnlistReply, RamdiskReport},
};
use prost::Message;

/// Field 1000 with the bytes "later": the tag is 1000 << 3 | 2, as a varint (protobuf's encoding guide, "Message structure").
const LATER: [u8; 8] = [0xc2, 0x3e, 5, b'l', b'a', b't', b'e', b'r'];

/// A message with more behind it, or within its body.
fn with_later(message: &impl Message) -> Vec<u8> {
    [message.encode_to_vec(), LATER.to_vec()].concat()
}

/// Field `number` with `body`; both are below 128.
fn field(number: u8, body: &[u8]) -> Vec<u8> {
    [vec![number << 3 | 2, u8::try_from(body.len()).expect("it is short")], body.to_vec()].concat()
}

#[test]
fn fields_of_a_later_version_are_passed_over_on_both_sides() {
    let report = Report { server_id: SERVER.into(), generation: 7, ..Report::default() };
    assert_eq!(Report::decode(&with_later(&report)[..]).unwrap(), report);
    let said = AgentMessage::decode(&field(2, &with_later(&report))[..]).unwrap();
    assert_eq!(said.body, Some(agent_message::Body::Report(report)));
    let order = Order { server_id: SERVER.into(), generation: 7, ..Order::default() };
    let said = ControllerMessage::decode(&field(2, &with_later(&order))[..]).unwrap();
    assert_eq!(said.body, Some(controller_message::Body::Order(order)));
    let told = RamdiskReport { session: "s".into(), ..RamdiskReport::default() };
    assert_eq!(RamdiskReport::decode(&with_later(&told)[..]).unwrap(), told);
}

#[test]
fn kinds_of_a_later_version_are_none_on_both_sides() {
    // Field 15 is none of the kinds that there are.
    let later = field(15, b"later");
    assert_eq!(AgentMessage::decode(&later[..]).unwrap().body, None);
    assert_eq!(ControllerMessage::decode(&later[..]).unwrap().body, None);
    assert_eq!(Report::decode(&later[..]).unwrap().what, None);
    assert_eq!(Order::decode(&later[..]).unwrap().work, None);
    assert_eq!(RamdiskReport::decode(&later[..]).unwrap().what, None);
    assert_eq!(EnlistReply::decode(&later[..]).unwrap().task, None);
}

#[test]
fn a_step_of_a_later_version_is_no_step_and_what_is_cut_off_is_an_error() {
    let report = Report { step: 99, what: Some(What::Done(Default::default())), ..Report::default() };
    let decoded = Report::decode(&report.encode_to_vec()[..]).unwrap();
    assert_eq!((decoded.step, decoded.step()), (99, billet_proto::link::Step::Unspecified));
    let bytes = with_later(&report);
    assert!(Report::decode(&bytes[..bytes.len() - 1]).is_err());
}
