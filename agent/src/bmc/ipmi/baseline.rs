//! Reading what an operating system's root could have changed in a BMC, and putting accounts right.

use super::IpmiBmc;
use crate::bmc::{
    Baseline, BmcError, NO_ACCESS, Retry, User, UserState,
    commands::{
        CountIpv6Addresses, GetBootFlags, GetChannelAccess, GetDeviceId, GetIpv6Address, GetLanParameter,
        GetUserAccess, GetUserName, LanParameter, Malformed, SetUserAccess, SetUserName, UserAccess, UserPassword,
    },
    error::LACKS_PRIVILEGE,
};
use ipmi_rs_core::connection::IpmiCommand;

/// No BMC has more (§22.26: six bits).
const MAX_SLOTS: u8 = 63;
/// So many are asked while none told how many there are: a BMC may keep the first to itself, which has no name (§22.28).
const USUAL_SLOTS: u8 = 16;

/// BMCs have four or sixteen; one that says more is not asked for all night.
const MAX_IPV6_ADDRESSES: u8 = 16;

/// Which accounts are asked for.
struct Slots {
    asked: u8,
    count: u8,
}

impl Slots {
    const fn new() -> Self {
        Self { asked: 0, count: USUAL_SLOTS }
    }

    fn next_slot(&mut self) -> Option<u8> {
        (self.asked < self.count).then(|| {
            self.asked += 1;
            self.asked
        })
    }
}

impl IpmiBmc {
    /// Reads all that there is. What the BMC does not know is named, and is no error.
    pub(super) async fn read_baseline(&self) -> Result<Baseline, BmcError> {
        let mut read = Baseline::default();
        read.firmware_version = self.told(&mut read.not_told, "firmware-version", || GetDeviceId).await?;
        read.boot_override = self.told(&mut read.not_told, "boot-override", || GetBootFlags).await?;
        for (name, which) in
            [("channel-access", GetChannelAccess::Present), ("channel-access-kept", GetChannelAccess::Kept)]
        {
            if let Some(access) = self.told(&mut read.not_told, name, || which).await? {
                read.lan.insert(name.into(), access);
            }
        }
        self.read_settings(&mut read, &LanParameter::ALL).await?;
        // Where IPv6 is not known, nothing of it is.
        if read.lan.contains_key(LanParameter::Ipv6.name().0) {
            self.read_settings(&mut read, &LanParameter::OF_IPV6).await?;
            self.read_ipv6_addresses(&mut read).await?;
        }
        read.users = self.read_users(&mut read.not_told).await?;
        Ok(read)
    }

    async fn read_settings(&self, read: &mut Baseline, which: &[LanParameter]) -> Result<(), BmcError> {
        for &parameter in which {
            let (name, _) = parameter.name();
            let value = self.told(&mut read.not_told, name, || GetLanParameter(parameter)).await?;
            match value.map(|value| value.of(parameter)) {
                Some(Some(text)) => drop(read.lan.insert(name.into(), text)),
                Some(None) => read.not_told.push(name.into()),
                None => {}
            }
        }
        Ok(())
    }

    /// All static addresses that are in use, as one setting: which number each has says nothing.
    async fn read_ipv6_addresses(&self, read: &mut Baseline) -> Result<(), BmcError> {
        const NAME: &str = "ipv6-addresses";
        let Some(count) = self.told(&mut read.not_told, NAME, || CountIpv6Addresses).await? else { return Ok(()) };
        let mut addresses = Vec::new();
        for number in 0..count.min(MAX_IPV6_ADDRESSES) {
            match self.told(&mut read.not_told, NAME, || GetIpv6Address(number)).await? {
                Some(address) => addresses.extend(address),
                None => return Ok(()),
            }
        }
        addresses.sort_unstable();
        let text = if addresses.is_empty() { "none".to_owned() } else { addresses.join(" and ") };
        read.lan.insert(NAME.into(), text);
        Ok(())
    }

    pub(super) async fn read_users(&self, not_told: &mut Vec<String>) -> Result<Vec<User>, BmcError> {
        let mut users = Vec::new();
        let mut slots = Slots::new();
        while let Some(slot) = slots.next_slot() {
            let access = self.told(not_told, &format!("user-{slot}"), || GetUserAccess { slot }).await?;
            if let Some(UserAccess {
                slots: count,
                state,
                privilege,
                ipmi_messaging,
                link_authentication,
                callback_only,
            }) = access
            {
                slots.count = count.min(MAX_SLOTS);
                // Of an empty slot some BMCs have no name to tell.
                let name = self.told(&mut Vec::new(), "", || GetUserName(slot)).await?;
                // 0 is reserved, and what some BMCs have where nobody set a limit.
                let privilege = if privilege == 0 { NO_ACCESS } else { privilege };
                users.push(User { slot, name, state, privilege, ipmi_messaging, link_authentication, callback_only });
            }
        }
        Ok(users)
    }

    /// What a question is answered; none, and its name on the list, where the BMC does not know it, or does not tell this account.
    async fn told<C, F>(
        &self,
        not_told: &mut Vec<String>,
        name: &str,
        question: F,
    ) -> Result<Option<C::Output>, BmcError>
    where
        C: IpmiCommand<Error = Malformed>,
        F: Fn() -> C,
    {
        match self.inner.call("tell how it is set", question).await {
            Ok(answer) => return Ok(Some(answer)),
            Err(BmcError::AuthFailed { reason, .. }) if reason == LACKS_PRIVILEGE => {}
            Err(BmcError::Protocol { .. }) => {}
            Err(error @ BmcError::Refused { .. }) if error.retry() == Retry::NeedsOperator => {}
            Err(error) => return Err(error),
        }
        not_told.push(name.into());
        Ok(None)
    }

    /// Makes an account what is wanted; that which is so already is not written, and nothing is enabled. It is not read back
    /// here.
    pub(super) async fn write_user(&self, wanted: &User, is: &User) -> Result<(), BmcError> {
        let doing = "put an account right";
        let slot = wanted.slot;
        // Whoever is to be kept out is out first.
        let is_to_close = is.lets_in() && !wanted.lets_in();
        if is_to_close || wanted.state == UserState::Disabled && is.state == UserState::Enabled {
            let disabled = self.inner.call(doing, || UserPassword::Disable(slot)).await;
            // Not every BMC can: where the access alone keeps them out, that is enough.
            if (User { state: UserState::NotTold, ..wanted.clone() }).lets_in() {
                disabled?;
            } else {
                super::soft(disabled)?;
            }
        }
        if !is.has_access_of(wanted) {
            self.inner.call(doing, || SetUserAccess(wanted)).await?;
        }
        if let Some(name) = wanted.name.filter(|_| is.name != wanted.name) {
            self.inner.call(doing, || SetUserName { slot, name }).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_asked_for_though_the_first_is_refused_and_as_many_as_one_of_them_tells() {
        for (tells, count, last) in [(1, 4, 4), (3, 20, 20), (3, 2, 3), (99, 0, USUAL_SLOTS)] {
            let (mut slots, mut asked) = (Slots::new(), 0);
            while let Some(slot) = slots.next_slot() {
                asked = slot;
                if slot >= tells {
                    slots.count = count;
                }
            }
            assert_eq!(asked, last, "{tells} of {count}");
        }
    }
}
