//! The operations: their orders, what is on the server before, and what their ramdisks say.

use super::{player::Word, world::Agent};
use billet_proto::link::{
    Baseline, BmcFacts, Disk, Inspect, Install, Power, PowerAction, PowerOff, Reconfigure, Step, Wipe, WipeMethod,
    order::Work,
};

/// An operation, and what is on the server before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Install,
    Reinstall,
    Reconfigure,
    PowerOn,
    PowerOff,
    Reboot,
    Release,
    Inspect,
    /// Of one that a tenant left unwiped.
    InspectUnwiped,
    Wipe,
}

use Operation as O;

pub(super) const OPERATIONS: [Operation; 10] = [
    O::Install,
    O::Reinstall,
    O::Reconfigure,
    O::PowerOn,
    O::PowerOff,
    O::Reboot,
    O::Release,
    O::Inspect,
    O::InspectUnwiped,
    O::Wipe,
];

const INSTALLS: &[Word] = &[
    Word::Begins(Step::Inspect),
    Word::Ends(Step::Inspect),
    Word::Begins(Step::Write),
    Word::Goes(Step::Write),
    Word::Ends(Step::Write),
    Word::Begins(Step::Configure),
    Word::Writes,
    Word::Begins(Step::HandOver),
    Word::HandsOver,
    Word::Leaves,
];
const RECONFIGURES: &[Word] = &[
    Word::Begins(Step::Inspect),
    Word::Begins(Step::Configure),
    Word::Changes,
    Word::Begins(Step::HandOver),
    Word::HandsOver,
    Word::Leaves,
];
const INSPECTS: &[Word] = &[Word::Begins(Step::Inspect), Word::Ends(Step::Inspect)];
const PUTS_BACK: &[Word] = &[Word::Begins(Step::Inspect), Word::PutsBack];
const WIPES: &[Word] = &[Word::Begins(Step::Inspect), Word::Begins(Step::Wipe), Word::Goes(Step::Wipe), Word::Wiped];

impl Operation {
    pub(super) fn has_system(self) -> bool {
        !matches!(self, O::Install | O::Inspect | O::InspectUnwiped | O::Wipe)
    }

    pub(super) fn words(self) -> &'static [Word] {
        match self {
            O::Install | O::Reinstall => INSTALLS,
            O::Reconfigure => RECONFIGURES,
            O::Inspect => INSPECTS,
            O::InspectUnwiped => PUTS_BACK,
            O::Wipe => WIPES,
            O::PowerOn | O::PowerOff | O::Reboot | O::Release => &[],
        }
    }

    pub(super) fn work(self, agent: &Agent) -> Work {
        let nics = vec![agent.nic()];
        let power = |action: PowerAction| {
            Work::Power(Power { action: action.into(), instance_id: "0198170e-4ca7-7000-8000-0000000000cc".into() })
        };
        match self {
            O::Install | O::Reinstall => {
                Work::Install(Install { hostname: "web-1".into(), nics, ..Install::default() })
            }
            O::Reconfigure => Work::Reconfigure(Reconfigure {
                hostname: "web-1".into(),
                old_nics: nics.clone(),
                nics,
                ..Reconfigure::default()
            }),
            O::PowerOn => power(PowerAction::On),
            O::PowerOff => power(PowerAction::Off),
            O::Reboot => power(PowerAction::Reboot),
            O::Release => Work::PowerOff(PowerOff { nics }),
            O::Inspect => Work::Inspect(Inspect { allow_reset: false, baseline: None }),
            O::InspectUnwiped => {
                let was = Baseline { bmc: Some(BmcFacts::default()), ..Baseline::default() };
                Work::Inspect(Inspect { allow_reset: true, baseline: Some(was) })
            }
            O::Wipe => {
                let disks = vec![Disk { serial: "A".into(), size_bytes: 512, direct: true, ..Disk::default() }];
                Work::Wipe(Wipe { method: WipeMethod::Full.into(), disks, ..Wipe::default() })
            }
        }
    }
}
