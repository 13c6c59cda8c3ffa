//! Reading what an operating system's root could have changed in a BMC, and putting accounts right.

use super::IpmiBmc;
use crate::bmc::{
    Baseline, BmcError, NO_ACCESS, Quirk, Retry, User, UserState,
    commands::{
        CountIpv6Addresses, GetBootFlags, GetChannelAccess, GetDeviceId, GetIpv6Address, GetLanParameter,
        GetUserAccess, GetUserName, LanParameter, Malformed, SetUserAccess, SetUserName, UserAccess, UserPassword,
    },
    error::LACKS_PRIVILEGE,
};
use ipmi_rs_core::connection::IpmiCommand;
use std::time::Duration;
use tokio::time::Instant;

/// What is asked for.
const TELL: &str = "tell how it is set";
/// An account takes two questions, of which a slow BMC answers each within two seconds; it may have 63 of them.
const FOR_ONE_ACCOUNT: Duration = Duration::from_secs(4);
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

    /// For all of them.
    fn time(&self) -> Duration {
        FOR_ONE_ACCOUNT * u32::from(self.count)
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
        // Each question that is met by silence is asked twice.
        let times = if self.is_silent() { 6 } else { 2 };
        self.within(self.inner.deadline * times, TELL, self.read_all_settings(&mut read)).await?;
        read.users = self.read_users(&mut read.not_told).await?;
        Ok(read)
    }

    /// All but the accounts.
    async fn read_all_settings(&self, read: &mut Baseline) -> Result<(), BmcError> {
        read.firmware_version = self.told(&mut read.not_told, "firmware-version", || GetDeviceId).await?;
        read.boot_override = self.told(&mut read.not_told, "boot-override", || GetBootFlags).await?;
        for (name, which) in
            [("channel-access", GetChannelAccess::Present), ("channel-access-kept", GetChannelAccess::Kept)]
        {
            if let Some(access) = self.told(&mut read.not_told, name, || which).await? {
                read.lan.insert(name.into(), access);
            }
        }
        self.read_settings(read, &LanParameter::ALL).await?;
        // Where IPv6 is not known, nothing of it is.
        if read.lan.contains_key(LanParameter::Ipv6.name().0) {
            self.read_settings(read, &LanParameter::OF_IPV6).await?;
            self.read_ipv6_addresses(read).await?;
        }
        Ok(())
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

    /// All accounts; the time for that grows with how many there can be.
    pub(super) async fn read_users(&self, not_told: &mut Vec<String>) -> Result<Vec<User>, BmcError> {
        let mut users = Vec::new();
        let mut slots = Slots::new();
        let began = Instant::now();
        while let Some(slot) = slots.next_slot() {
            let left = (self.inner.deadline + slots.time()).saturating_sub(began.elapsed());
            if let Some((count, user)) = self.within(left, TELL, self.read_user(slot, not_told)).await? {
                slots.count = count.min(MAX_SLOTS);
                users.push(user);
            }
        }
        Ok(users)
    }

    /// An account, and how many slots there are.
    async fn read_user(&self, slot: u8, not_told: &mut Vec<String>) -> Result<Option<(u8, User)>, BmcError> {
        let access = self.told(not_told, &format!("user-{slot}"), || GetUserAccess { slot }).await?;
        let Some(UserAccess { slots, state, privilege, ipmi_messaging, link_authentication, callback_only }) = access
        else {
            return Ok(None);
        };
        // Of an empty slot some BMCs have no name to tell.
        let name = self.told(&mut Vec::new(), "", || GetUserName(slot)).await?;
        // 0 is reserved, and what some BMCs have where nobody set a limit.
        let privilege = if privilege == 0 { NO_ACCESS } else { privilege };
        let user = User { slot, name, state, privilege, ipmi_messaging, link_authentication, callback_only };
        Ok(Some((slots, user)))
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
        match self.answer(question).await {
            Ok(Some(answer)) => return Ok(Some(answer)),
            Ok(None) => {}
            Err(BmcError::AuthFailed { reason, .. }) if reason == LACKS_PRIVILEGE => {}
            Err(BmcError::Protocol { .. }) => {}
            Err(error @ BmcError::Refused { .. }) if error.retry() == Retry::NeedsOperator => {}
            Err(error) => return Err(error),
        }
        not_told.push(name.into());
        Ok(None)
    }

    /// The answer to a question; none where the BMC is known to say nothing to some, and does, and is there all the same.
    async fn answer<C, F>(&self, question: F) -> Result<Option<C::Output>, BmcError>
    where
        C: IpmiCommand<Error = Malformed>,
        F: Fn() -> C,
    {
        if !self.is_silent() {
            return self.inner.call(TELL, question).await.map(Some);
        }
        for _ in 0..2 {
            let answer = self.inner.call_patiently(TELL, &question).await?;
            if answer.is_some() {
                return Ok(answer);
            }
            // What everybody knows, in another session where that one is gone: then the question was not heard.
            self.inner.call(TELL, || GetDeviceId).await?;
        }
        Ok(None)
    }

    fn is_silent(&self) -> bool {
        self.inner.quirks.contains(&Quirk::SilentInsteadOfRefusing)
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

    #[test]
    fn the_time_for_accounts_grows_with_how_many_there_can_be() {
        let seconds = |count| Slots { asked: 0, count }.time().as_secs();
        assert_eq!((seconds(4), seconds(USUAL_SLOTS), seconds(MAX_SLOTS)), (16, 64, 252));
    }
}
