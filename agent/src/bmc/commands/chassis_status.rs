//! Get Chassis Status, IPMI v2.0 §28.2.

use super::Malformed;
use crate::bmc::PowerState;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

/// Reads whether the chassis has power.
pub(in crate::bmc) struct GetChassisStatus;

impl From<GetChassisStatus> for Message {
    fn from(_: GetChassisStatus) -> Self {
        Message::new_request(NetFn::Chassis, 0x01, Vec::new())
    }
}

impl IpmiCommand for GetChassisStatus {
    type Output = PowerState;
    type Error = Malformed;

    fn parse_success_response(data: &[u8]) -> Result<PowerState, Malformed> {
        let current = data.first().ok_or(Malformed)?;
        Ok(if current & 0x01 == 0 { PowerState::Off } else { PowerState::On })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_0_of_the_first_byte_is_the_power() {
        // What ipmitool 1.8.19 read as "System Power: on" and "off".
        assert_eq!(GetChassisStatus::parse_success_response(&[0x01, 0, 0]), Ok(PowerState::On));
        assert_eq!(GetChassisStatus::parse_success_response(&[0x60, 0, 0x50, 0]), Ok(PowerState::Off));
        assert_eq!(GetChassisStatus::parse_success_response(&[]), Err(Malformed));
    }
}
