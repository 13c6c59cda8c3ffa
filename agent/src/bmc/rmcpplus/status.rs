//! RMCP+ and RAKP message status codes, IPMI v2.0 table 13-15.

/// Unauthorized role or privilege level requested.
pub(super) const PRIVILEGE_REFUSED: u8 = 0x0a;

/// The meaning of a status code.
pub(in crate::bmc) fn status_text(code: u8) -> &'static str {
    match code {
        0x01 => "it has no session free",
        0x02 => "invalid session id",
        0x03 => "invalid payload type",
        0x04 => "invalid authentication algorithm",
        0x05 => "invalid integrity algorithm",
        0x06 => "no matching authentication payload",
        0x07 => "no matching integrity payload",
        0x08 => "inactive session id",
        0x09 => "invalid role",
        0x0a => "the account may not have this privilege",
        0x0b => "it has no session free at this privilege",
        0x0c => "invalid name length",
        0x0d => "it does not know the account",
        0x0e => "unauthorized GUID",
        0x0f => "invalid integrity check value",
        0x10 => "invalid confidentiality algorithm",
        0x11 => "no cipher suite matches",
        0x12 => "illegal or unrecognized parameter",
        _ => "unknown status",
    }
}

/// The BMC does not have the cipher suite asked for: 04h, 05h, 10h and 11h, and 12h from BMCs that parse too strictly.
pub(in crate::bmc) fn lacks_the_suite(code: u8) -> bool {
    matches!(code, 0x04 | 0x05 | 0x10 | 0x11 | 0x12)
}

/// The account, its password or its privilege was refused.
pub(in crate::bmc) fn refuses_the_account(code: u8) -> bool {
    matches!(code, 0x09 | 0x0a | 0x0c | 0x0d | 0x0f)
}
