//! DHCPv4 for boots (RFC 2131, 2132, 4578; UEFI 2.10 §24.3, §24.7): a pure answer to a message.

mod request;

use super::table::{Answered, BootTable};
use billet_proto::MacAddr;
use dhcproto::{
    Encodable,
    v4::{DhcpOption, Message, MessageType, Opcode, OptionCode},
};
use std::net::{Ipv4Addr, SocketAddrV4};

/// Longest message that is read; DHCP's own limit is 576 where nothing else was agreed.
pub(super) const MAX_MESSAGE_BYTES: usize = 1500;
/// BOOTP's shortest message (RFC 951 §3): some PXE ROMs drop shorter ones.
const MIN_REPLY_BYTES: usize = 300;
/// Values of the first two bytes.
const BOOT_REQUEST: u8 = 1;
const ETHERNET: u8 = 1;
/// How long an address is lent; no boot takes longer without asking again.
const LEASE_SECONDS: u32 = 600;
/// Processor architectures (IANA, RFC 4578 §2.1).
const X86_BIOS: u16 = 0;
const X64_UEFI: [u16; 2] = [7, 9];
const X64_UEFI_HTTP: u16 = 16;
/// What a PXE client looks for in option 43: "boot at once from the file named" (PXE 2.1 §2.2.1, PXE_DISCOVERY_CONTROL 8).
const PXE_OPTIONS: [u8; 4] = [6, 1, 8, 255];

/// The boot services' own place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) address: Ipv4Addr,
    pub(super) prefix_length: u8,
    pub(super) http_port: u16,
}

/// An answer and where to send it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) bytes: Vec<u8>,
    pub(super) to: SocketAddrV4,
    pub(super) mac: MacAddr,
}

/// The boot loader for BIOS, by TFTP.
pub(super) const BIOS_LOADER: &str = "undionly.kpxe";
/// The boot loader for UEFI, by TFTP or HTTP.
pub(super) const UEFI_LOADER: &str = "snponly.efi";

/// The answer to a message, if it comes from the NIC of an open boot.
pub(super) fn answer(bytes: &[u8], boots: &BootTable, place: &Place) -> Option<Reply> {
    // op, htype, hlen (RFC 2131 §2): looked at first, for the decoder trusts a length beyond the field's 16 bytes.
    if bytes.get(..3) != Some(&[BOOT_REQUEST, ETHERNET, 6]) {
        return None;
    }
    let message = request::parse(bytes)?;
    let mac = MacAddr::new(message.chaddr().get(..6)?.try_into().ok()?);
    let boot = boots.of_mac(mac)?;
    let kind = match message.opts().msg_type()? {
        MessageType::Discover => MessageType::Offer,
        MessageType::Request => of_request(&message, &boot, place)?,
        _ => return None,
    };
    let reply = build(&message, &boot, place, kind);
    let mut bytes = reply.to_vec().ok()?;
    bytes.resize(bytes.len().max(MIN_REPLY_BYTES), 0);
    // A client without an address hears broadcasts only; one that renews is asked at its address.
    let renewing = !message.ciaddr().is_unspecified() && kind == MessageType::Ack;
    let to = if renewing { message.ciaddr() } else { Ipv4Addr::BROADCAST };
    Some(Reply { bytes, to: SocketAddrV4::new(to, 68), mac })
}

/// A request that chose another server is not ours; one for another address is refused (RFC 2131 §4.3.2).
fn of_request(message: &Message, boot: &Answered, place: &Place) -> Option<MessageType> {
    if let Some(DhcpOption::ServerIdentifier(server)) = message.opts().get(OptionCode::ServerIdentifier)
        && *server != place.address
    {
        return None;
    }
    let asked = match message.opts().get(OptionCode::RequestedIpAddress) {
        Some(DhcpOption::RequestedIpAddress(address)) => *address,
        _ => message.ciaddr(),
    };
    Some(if asked == boot.address { MessageType::Ack } else { MessageType::Nak })
}

fn build(message: &Message, boot: &Answered, place: &Place, kind: MessageType) -> Message {
    let nothing = Ipv4Addr::UNSPECIFIED;
    let mut reply = Message::new(nothing, nothing, nothing, nothing, message.chaddr());
    reply.set_opcode(Opcode::BootReply).set_xid(message.xid()).set_flags(message.flags());
    let mut options = vec![DhcpOption::MessageType(kind), DhcpOption::ServerIdentifier(place.address)];
    if kind != MessageType::Nak {
        reply.set_yiaddr(boot.address).set_siaddr(place.address);
        options.push(DhcpOption::SubnetMask(mask(place.prefix_length)));
        options.push(DhcpOption::AddressLeaseTime(LEASE_SECONDS));
        if let Some(file) = boot_file(message, boot, place) {
            reply.set_fname_str(&file);
            options.push(DhcpOption::BootfileName(file.into_bytes()));
            options.push(DhcpOption::TFTPServerName(place.address.to_string().into_bytes()));
        }
        match class(message) {
            Class::Pxe => {
                options.push(DhcpOption::ClassIdentifier(b"PXEClient".to_vec()));
                // Without it EDK II ends with PXE-E16 when option 60 is there.
                options.push(DhcpOption::VendorExtensions(PXE_OPTIONS.to_vec()));
            }
            Class::Http => options.push(DhcpOption::ClassIdentifier(b"HTTPClient".to_vec())),
            Class::Other => {}
        }
    }
    for option in options {
        reply.opts_mut().insert(option);
    }
    reply
}

enum Class {
    Pxe,
    Http,
    Other,
}

fn class(message: &Message) -> Class {
    match message.opts().get(OptionCode::ClassIdentifier) {
        Some(DhcpOption::ClassIdentifier(class)) if class.starts_with(b"PXEClient") => Class::Pxe,
        Some(DhcpOption::ClassIdentifier(class)) if class.starts_with(b"HTTPClient") => Class::Http,
        _ => Class::Other,
    }
}

/// What the client boots next; none for a client that does not boot.
fn boot_file(message: &Message, boot: &Answered, place: &Place) -> Option<String> {
    let base = format!("http://{}:{}/boot/{}", place.address, place.http_port, boot.mac.hyphenated());
    let is_ipxe = match message.opts().get(OptionCode::UserClass) {
        Some(DhcpOption::UserClass(class)) => class.windows(4).any(|part| part == b"iPXE"),
        _ => false,
    };
    if is_ipxe {
        return Some(format!("{base}/script.ipxe"));
    }
    let architecture = match message.opts().get(OptionCode::ClientSystemArchitecture) {
        Some(DhcpOption::ClientSystemArchitecture(architecture)) => Some(u16::from(*architecture)),
        _ => None,
    };
    match (class(message), architecture?) {
        (Class::Http, X64_UEFI_HTTP) => Some(format!("{base}/{UEFI_LOADER}")),
        (Class::Pxe, X86_BIOS) => Some(BIOS_LOADER.into()),
        (Class::Pxe, arch) if X64_UEFI.contains(&arch) => Some(UEFI_LOADER.into()),
        _ => None,
    }
}

fn mask(prefix_length: u8) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(prefix_length)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::table::tests::{MAC, boot};
    use dhcproto::{Decodable, Decoder, v4::Architecture};
    use proptest::prelude::*;

    const PLACE: Place = Place { address: Ipv4Addr::new(10, 77, 0, 1), prefix_length: 24, http_port: 8080 };
    const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 101);

    fn table() -> BootTable {
        let table = BootTable::new();
        table.open(boot());
        table
    }

    fn message(kind: MessageType, mac: &str, options: Vec<DhcpOption>) -> Vec<u8> {
        let nothing = Ipv4Addr::UNSPECIFIED;
        let mac: MacAddr = mac.parse().unwrap();
        let mut message = Message::new(nothing, nothing, nothing, nothing, &mac.octets());
        message.set_xid(7);
        message.opts_mut().insert(DhcpOption::MessageType(kind));
        for option in options {
            message.opts_mut().insert(option);
        }
        message.to_vec().unwrap()
    }

    fn pxe(architecture: u16) -> Vec<DhcpOption> {
        vec![
            DhcpOption::ClassIdentifier(b"PXEClient:Arch:00000:UNDI:002001".to_vec()),
            DhcpOption::ClientSystemArchitecture(Architecture::from(architecture)),
        ]
    }

    fn decoded(reply: &Reply) -> Message {
        Message::decode(&mut Decoder::new(&reply.bytes)).unwrap()
    }

    fn file_of(options: Vec<DhcpOption>) -> Option<String> {
        let reply = answer(&message(MessageType::Discover, MAC, options), &table(), &PLACE).unwrap();
        match decoded(&reply).opts().get(OptionCode::BootfileName) {
            Some(DhcpOption::BootfileName(name)) => Some(String::from_utf8(name.clone()).unwrap()),
            _ => None,
        }
    }

    /// What firmware sent on a wire where nobody answered: the bytes up to the client's hardware address, and from the magic
    /// cookie on. What is between them was zero.
    struct Capture(&'static str, &'static str);

    /// QEMU 7.2's ROM, Debian's iPXE of 2019, on BIOS.
    const IPXE: Capture = Capture(
        "01010600b745321f0004000000000000000000000000000000000000525400000001",
        "63825363350101390205c05d0200005e030102013c20505845436c69656e743a417263683a30303030303a554e44493a3030323030314d0469505845\
     3717010306070c0f111a2b3c4243778081828384858687afcbaf30b105011af41000eb0301000017010122010113010111010127010119010129010110\
     01022101011501011801011201013d070152540000000161110000000000000000000000000000000000ff",
    );
    /// OVMF 2022.11, PXE.
    const EDK2_PXE: Capture = Capture(
        "0101060098972e880000800000000000000000000000000000000000525400000001",
        "63825363350101390205c037230102030405060c0d0f111216171c28292a2b3233363a3b3c42436180818283848586876111000000000000000000000000\
     00000000005e030103005d0200073c20505845436c69656e743a417263683a30303030373a554e44493a303033303030ff",
    );
    /// OVMF 2022.11, HTTP boot.
    const EDK2_HTTP: Capture = Capture(
        "0101060098972e8b0000800000000000000000000000000000000000525400000001",
        "63825363350101390205c0371b0102030405060c0d0f111216171c28292a2b3233363a3b3ceb436161110000000000000000000000000000000000\
     5e030103005d0200103c2148545450436c69656e743a417263683a30303031363a554e44493a303033303030ff",
    );

    impl Capture {
        fn bytes(&self) -> Vec<u8> {
            let mut bytes = hex::decode(self.0).unwrap();
            bytes.resize(236, 0);
            bytes.extend(hex::decode(self.1).unwrap());
            bytes
        }
    }

    #[test]
    fn what_real_firmware_sends_is_answered_with_what_it_boots() {
        let url = |name: &str| format!("http://10.77.0.1:8080/boot/52-54-00-00-00-01/{name}");
        for (capture, file) in
            [(IPXE, url("script.ipxe")), (EDK2_PXE, UEFI_LOADER.to_owned()), (EDK2_HTTP, url(UEFI_LOADER))]
        {
            let reply = answer(&capture.bytes(), &table(), &PLACE).unwrap();
            let named = match decoded(&reply).opts().get(OptionCode::BootfileName) {
                Some(DhcpOption::BootfileName(name)) => String::from_utf8(name.clone()).unwrap(),
                other => panic!("{other:?}"),
            };
            assert_eq!(named, file);
            // Some firmware reads the server from option 66 alone, some from the header alone.
            let server = match decoded(&reply).opts().get(OptionCode::TFTPServerName) {
                Some(DhcpOption::TFTPServerName(name)) => String::from_utf8(name.clone()).unwrap(),
                other => panic!("{other:?}"),
            };
            assert_eq!((server.as_str(), decoded(&reply).siaddr()), ("10.77.0.1", PLACE.address));
        }
    }

    #[test]
    fn each_kind_of_firmware_gets_its_loader_and_ipxe_its_script() {
        let ipxe = [pxe(0), vec![DhcpOption::UserClass(b"iPXE".to_vec())]].concat();
        let http = vec![
            DhcpOption::ClassIdentifier(b"HTTPClient:Arch:00016".to_vec()),
            DhcpOption::ClientSystemArchitecture(Architecture::from(16)),
        ];
        let url = |name: &str| format!("http://10.77.0.1:8080/boot/52-54-00-00-00-01/{name}");
        for (options, file) in [
            (pxe(0), Some("undionly.kpxe".to_owned())),
            (pxe(7), Some("snponly.efi".into())),
            (pxe(9), Some("snponly.efi".into())),
            (pxe(11), None),
            (ipxe, Some(url("script.ipxe"))),
            (http, Some(url("snponly.efi"))),
            (vec![], None),
        ] {
            assert_eq!(file_of(options.clone()), file, "{options:?}");
        }
    }

    #[test]
    fn only_the_nic_of_an_open_boot_is_answered() {
        let discover = |mac: &str| message(MessageType::Discover, mac, pxe(0));
        let reply = answer(&discover(MAC), &table(), &PLACE).unwrap();
        assert!(reply.bytes.len() >= 300);
        assert_eq!(reply.to, SocketAddrV4::new(Ipv4Addr::BROADCAST, 68));
        assert_eq!((decoded(&reply).yiaddr(), decoded(&reply).xid()), (CLIENT, 7));
        assert_eq!(answer(&discover("52:54:00:00:00:02"), &table(), &PLACE), None);
        assert_eq!(answer(&discover(MAC), &BootTable::new(), &PLACE), None);
    }

    #[test]
    fn a_request_is_granted_refused_or_left_to_the_server_it_chose() {
        let request = |server: Option<[u8; 4]>, wanted: [u8; 4]| {
            let mut options = vec![DhcpOption::RequestedIpAddress(wanted.into())];
            options.extend(server.map(|server| DhcpOption::ServerIdentifier(server.into())));
            let reply = answer(&message(MessageType::Request, MAC, options), &table(), &PLACE)?;
            decoded(&reply).opts().msg_type()
        };
        assert_eq!(request(Some([10, 77, 0, 1]), CLIENT.octets()), Some(MessageType::Ack));
        assert_eq!(request(None, CLIENT.octets()), Some(MessageType::Ack));
        assert_eq!(request(None, [10, 77, 0, 9]), Some(MessageType::Nak));
        assert_eq!(request(Some([10, 77, 0, 2]), CLIENT.octets()), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = answer(&bytes, &table(), &PLACE);
        }
        #[test]
        fn no_options_make_it_panic(options in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = message(MessageType::Discover, MAC, vec![]);
            bytes.truncate(243);
            bytes.extend(options);
            let _ = answer(&bytes, &table(), &PLACE);
        }
        #[test]
        fn no_change_of_a_good_message_makes_it_panic(at in 0usize..280, value: u8) {
            let mut bytes = message(MessageType::Discover, MAC, pxe(7));
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            let _ = answer(&bytes, &table(), &PLACE);
        }
    }
}
