//! Set User Password, IPMI v2.0 §22.30.

use super::Malformed;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};
use secrecy::{ExposeSecret, SecretString};

/// What to do with the account in a slot (1 to 63).
pub(in crate::bmc) enum UserPassword<'a> {
    /// Let nobody in by it.
    Disable(u8),
    /// Give it another password, of at most 20 bytes. One of more than 16 is sent in the longer form, which only a BMC of
    /// IPMI 2.0 has.
    Set(u8, &'a SecretString),
}

impl From<UserPassword<'_>> for Message {
    fn from(asked: UserPassword<'_>) -> Self {
        let (slot, operation, password) = match asked {
            UserPassword::Disable(slot) => (slot, 0, ""),
            UserPassword::Set(slot, password) => (slot, 2, password.expose_secret()),
        };
        let (long, bytes) = if password.len() > 16 { (0x80, 20) } else { (0, 16) };
        let mut data = vec![long | slot & 0x3f, operation];
        data.extend(password.bytes().chain(std::iter::repeat(0)).take(bytes));
        Message::new_request(NetFn::App, 0x47, data)
    }
}

impl IpmiCommand for UserPassword<'_> {
    type Output = ();
    type Error = Malformed;
    fn parse_success_response(_: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_is_sent_as_ipmitool_sends_it() {
        // `ipmitool -vvv user disable 4`, `user set password 4 Passw0rdPassw0rd 16`, `… Passw0rdPassw0rdPass 20`.
        let (short, long) = ("Passw0rdPassw0rd".into(), "Passw0rdPassw0rdPass".into());
        for (asked, sent) in [
            (UserPassword::Disable(4), "040000000000000000000000000000000000"),
            (UserPassword::Set(4, &short), "040250617373773072645061737377307264"),
            (UserPassword::Set(4, &long), "84025061737377307264506173737730726450617373"),
        ] {
            let message = Message::from(asked);
            assert_eq!((message.cmd(), hex::encode(message.data())), (0x47, sent.to_owned()));
        }
    }
}
