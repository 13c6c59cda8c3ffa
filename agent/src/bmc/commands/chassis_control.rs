//! Chassis Control, IPMI v2.0 §28.3.

use super::Malformed;
use crate::bmc::ResetType;
use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};

/// Does a power action.
pub(in crate::bmc) struct ChassisControl(pub(in crate::bmc) ResetType);

impl From<ChassisControl> for Message {
    fn from(ChassisControl(action): ChassisControl) -> Self {
        let code = match action {
            ResetType::ForceOff => 0,
            ResetType::On => 1,
            ResetType::PowerCycle => 2,
            ResetType::ForceRestart => 3,
            ResetType::GracefulShutdown => 5,
        };
        Message::new_request(NetFn::Chassis, 0x02, vec![code])
    }
}

impl IpmiCommand for ChassisControl {
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
    fn each_action_has_the_code_that_ipmitool_sends() {
        // `ipmitool -vv chassis power off|on|cycle|reset|soft` prints these.
        for (action, code) in [
            (ResetType::ForceOff, 0),
            (ResetType::On, 1),
            (ResetType::PowerCycle, 2),
            (ResetType::ForceRestart, 3),
            (ResetType::GracefulShutdown, 5),
        ] {
            let message = Message::from(ChassisControl(action));
            assert_eq!((message.netfn_raw(), message.cmd(), message.data()), (0, 2, &[code][..]), "{action:?}");
        }
    }
}
