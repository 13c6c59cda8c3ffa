//! Set and Get User Access, IPMI v2.0 §22.26, §22.27.

use super::Malformed;
use crate::bmc::{User, UserState};
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

/// The channel that the question comes by (§6.3).
const THIS_CHANNEL: u8 = 0x0e;
const CALLBACK_ONLY: u8 = 0x40;
const LINK_AUTHENTICATION: u8 = 0x20;
const IPMI_MESSAGING: u8 = 0x10;

/// Reads what the account in a slot may do.
pub(in crate::bmc) struct GetUserAccess {
    /// 1 to 63.
    pub(in crate::bmc) slot: u8,
}

/// What the account in a slot may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bmc) struct UserAccess {
    /// The highest slot that the BMC has.
    pub(in crate::bmc) slots: u8,
    pub(in crate::bmc) state: UserState,
    pub(in crate::bmc) privilege: u8,
    pub(in crate::bmc) ipmi_messaging: bool,
    pub(in crate::bmc) link_authentication: bool,
    pub(in crate::bmc) callback_only: bool,
}

impl From<GetUserAccess> for Message {
    fn from(GetUserAccess { slot }: GetUserAccess) -> Self {
        Message::new_request(NetFn::App, 0x44, vec![THIS_CHANNEL, slot & 0x3f])
    }
}

impl IpmiCommand for GetUserAccess {
    type Output = UserAccess;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<UserAccess, Malformed> {
        let [slots, enabled, _fixed_names, access, ..] = *data else { return Err(Malformed) };
        let state = match enabled >> 6 {
            1 => UserState::Enabled,
            2 => UserState::Disabled,
            _ => UserState::NotTold,
        };
        Ok(UserAccess {
            slots: slots & 0x3f,
            state,
            privilege: access & 0x0f,
            ipmi_messaging: access & IPMI_MESSAGING != 0,
            link_authentication: access & LINK_AUTHENTICATION != 0,
            callback_only: access & CALLBACK_ONLY != 0,
        })
    }
}

/// Sets what the account in a slot may do; whether it is enabled is set by Set User Password.
pub(in crate::bmc) struct SetUserAccess<'a>(pub(in crate::bmc) &'a User);

impl From<SetUserAccess<'_>> for Message {
    fn from(SetUserAccess(user): SetUserAccess<'_>) -> Self {
        // Bit 7: the three flags count.
        let mut first = 0x80 | THIS_CHANNEL;
        for (flag, is_set) in [
            (CALLBACK_ONLY, user.callback_only),
            (LINK_AUTHENTICATION, user.link_authentication),
            (IPMI_MESSAGING, user.ipmi_messaging),
        ] {
            first |= if is_set { flag } else { 0 };
        }
        // 0: no limit to sessions at once.
        Message::new_request(NetFn::App, 0x43, vec![first, user.slot & 0x3f, user.privilege & 0x0f, 0])
    }
}

impl IpmiCommand for SetUserAccess<'_> {
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
    fn an_accounts_access_is_read_as_ipmitool_shows_it() {
        // `ipmitool raw 6 0x44 0x0e 2` of ipmi_sim, which `user list` shows as "admin, IPMI Msg true, ADMINISTRATOR".
        let read = GetUserAccess::parse_success_response(&[0x3f, 0x02, 0x00, 0x14]).unwrap();
        assert_eq!((read.slots, read.state, read.privilege), (63, UserState::NotTold, 4));
        assert!(read.ipmi_messaging && !read.link_authentication && !read.callback_only);
        let state = |byte| GetUserAccess::parse_success_response(&[10, byte, 0, 0x7f]).unwrap().state;
        assert_eq!(
            [state(0x42), state(0x82), state(0xc2)],
            [UserState::Enabled, UserState::Disabled, UserState::NotTold]
        );
        assert_eq!(GetUserAccess::parse_success_response(&[10, 2, 0]), Err(Malformed));
        assert_eq!(Message::from(GetUserAccess { slot: 2 }).data(), [0x0e, 2]);
    }

    #[test]
    fn an_accounts_access_is_set_as_ipmitool_sets_it() {
        // `ipmitool -vvv channel setaccess 14 4 callin=off ipmi=on link=off privilege=3`: in its words "callin" is on where
        // the flag is not set.
        let user = User { slot: 4, privilege: 3, ipmi_messaging: true, ..User::default() };
        let message = Message::from(SetUserAccess(&user));
        assert_eq!((message.cmd(), message.data()), (0x43, &[0x9e, 4, 3, 0][..]));
        let user = User {
            callback_only: true,
            link_authentication: true,
            ..User { slot: 4, privilege: 15, ..User::default() }
        };
        assert_eq!(Message::from(SetUserAccess(&user)).data(), [0xee, 4, 15, 0]);
    }
}
