//! Completion codes, IPMI v2.0 table 5-2.

/// The meaning of a completion code.
pub(super) fn text(code: u8) -> &'static str {
    match code {
        0xc0 => "it is busy",
        0xc1 => "it does not have the command",
        0xc2 => "it does not have the command at this unit",
        0xc3 => "it took too long",
        0xc4 => "it is out of space",
        0xc5 => "the reservation is gone",
        0xc6..=0xc8 => "it wants another length of data",
        0xc9 => "a parameter is out of range",
        0xca => "it cannot return so many bytes",
        0xcb => "it does not have what was asked for",
        0xcc => "it does not take this data",
        0xcd => "the command is illegal for this",
        0xce => "it cannot answer now",
        0xcf => "it takes this for a duplicate",
        0xd0 => "its sensor records are being updated",
        0xd1 => "its firmware is being updated",
        0xd2 => "it is starting",
        0xd3 => "the destination is not available",
        0xd4 => "the privilege is not enough",
        0xd5 => "it cannot do this in the present state",
        0xd6 => "the function is switched off",
        0x01..=0x7e => "a code of its vendor",
        0x80..=0xbe => "a code of this command",
        _ => "no reason given",
    }
}
