//! The bytes of messages, frozen: what an agent, a controller or a ramdisk that was built then sends must mean the same for ever,
//! and be sent in the same bytes. There are two sets:
//!
//! - `0.1.0`: most kinds of message, as they were on 2026-11-29;
//! - `2026-11-30`: every kind, with each field set and each word of each enumeration. The newest set has all that the protocol
//!   has: who adds a field adds a set, named by its day, and leaves the others as they are.
//!
//! They were made with protoc, not with the code that is tested here; only where protobuf leaves the order of fields free, and
//! prost writes one of several at the place of the first, are they in prost's order. If a test here fails, do not change the
//! bytes: an installed agent sends them.

mod agent;
mod controller;
mod every_field;
mod host;
mod parts;
mod ramdisk;
mod unknown;
mod whole;

use prost::Message;
use std::{collections::BTreeMap, fmt::Debug};

/// Messages by the names that they have in the file of one sender.
struct Golden {
    sender: &'static str,
    bytes: BTreeMap<&'static str, Vec<u8>>,
}

impl Golden {
    /// A file has one message on each line: its name, and its bytes in hex.
    fn read(sender: &'static str, file: &'static str) -> Self {
        let line = |line: &'static str| {
            let (name, hex) = line.split_once(' ').expect("a name, a blank, and hex");
            (name, hex::decode(hex).expect("hex"))
        };
        Self { sender, bytes: file.lines().map(line).collect() }
    }

    /// Takes a message off the file, and compares it with what it must mean, both ways.
    fn means<M: Message + Default + PartialEq + Debug>(&mut self, name: &str, message: &M) {
        let sender = self.sender;
        let bytes = self.bytes.remove(name).unwrap_or_else(|| panic!("{sender}: {name} is not in the file"));
        let decoded = M::decode(&bytes[..]).unwrap_or_else(|error| panic!("{sender}: {name}: {error}"));
        assert_eq!(&decoded, message, "{sender}: {name} means something else");
        assert_eq!(hex::encode(message.encode_to_vec()), hex::encode(bytes), "{sender}: {name} is sent in other bytes");
    }

    fn end(self) {
        assert!(self.bytes.is_empty(), "{}: nobody says what these mean: {:?}", self.sender, self.bytes.keys());
    }
}
