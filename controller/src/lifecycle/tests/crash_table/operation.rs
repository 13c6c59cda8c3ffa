//! The operations: how each is begun, what its agent tells of it, and its ends.

use super::super::{
    KEY,
    asked::{NEW_ADDRESS, asked, power},
    done, started,
    world::{HASH, World},
};
use crate::{
    api::ports::LifecycleApi,
    lifecycle::{PowerAction, table},
    request::ServerAction,
    store::record::{Instance, ManageState, Server},
};
use billet_proto::{
    InstanceId,
    link::{Done, Note, PowerRead, Step, report::What},
};

/// What may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Install,
    Reinstall,
    SwitchInstall,
    ModifyIp,
    PowerOn,
    /// With a password that waits for a boot.
    PowerOnByRamdisk,
    PowerOff,
    Reboot,
    /// The same.
    RebootByRamdisk,
    /// To the end of the wipe that follows.
    Uninstall,
    /// Of an installation that writes.
    Cancel,
    /// The first, which nobody asks for.
    InspectNew,
    InspectServer,
    /// The inspection before an unwiped server is used again.
    AcceptUnwiped,
    WipeServer,
    ServerOn,
    ServerOff,
    ServerReboot,
    /// Of a wipe.
    CancelWipe,
}

use Operation as O;

/// All of them.
pub(super) const OPERATIONS: [Operation; 19] = [
    O::Install,
    O::Reinstall,
    O::SwitchInstall,
    O::ModifyIp,
    O::PowerOn,
    O::PowerOnByRamdisk,
    O::PowerOff,
    O::Reboot,
    O::RebootByRamdisk,
    O::Uninstall,
    O::Cancel,
    O::InspectNew,
    O::InspectServer,
    O::AcceptUnwiped,
    O::WipeServer,
    O::ServerOn,
    O::ServerOff,
    O::ServerReboot,
    O::CancelWipe,
];

async fn act(world: &World, action: ServerAction) {
    world.lifecycle.act_on_server(world.server_id(), action).await.unwrap();
}

async fn taken_out(world: &World, action: ServerAction) {
    act(world, ServerAction::Maintain { reason: "a fan".into() }).await;
    act(world, action).await;
}

/// Its name for a step of a task.
pub(super) fn word(step: &str) -> &'static str {
    ["power", "boot", "inspect", "wipe", "power-off"].into_iter().find(|word| *word == step).unwrap_or_default()
}

impl Operation {
    /// What it is in the table; none where it is a server's own.
    pub(super) const fn of_table(self) -> Option<table::Operation> {
        use table::Operation as T;
        match self {
            O::Install | O::Cancel => Some(T::Install),
            O::Reinstall => Some(T::Reinstall),
            O::SwitchInstall => Some(T::SwitchInstall),
            O::ModifyIp => Some(T::ModifyIp),
            O::PowerOn | O::PowerOnByRamdisk => Some(T::PowerOn),
            O::PowerOff => Some(T::PowerOff),
            O::Reboot | O::RebootByRamdisk => Some(T::Reboot),
            O::Uninstall => Some(T::Uninstall),
            O::InspectNew
            | O::InspectServer
            | O::AcceptUnwiped
            | O::WipeServer
            | O::ServerOn
            | O::ServerOff
            | O::ServerReboot
            | O::CancelWipe => None,
        }
    }

    /// Asks for it, where it may be asked for. Answers the instance that it is about.
    pub(super) async fn begin(self, world: &World) -> Option<InstanceId> {
        let Some(operation) = self.of_table() else {
            self.begin_task(world).await;
            return None;
        };
        let is_by_ramdisk = matches!(self, O::PowerOnByRamdisk | O::RebootByRamdisk);
        let id = asked(world, operation, is_by_ramdisk.then_some(HASH)).await;
        if self == O::Cancel {
            world.report(1, Step::Write, started()).await;
            world.lifecycle.cancel(id).await.unwrap();
        }
        Some(id)
    }

    async fn begin_task(self, world: &World) {
        match self {
            O::InspectNew => {
                let new = Server { manage_state: ManageState::Onboard, inspected_at: None, ..world.server().await };
                world.store.run(move |tx| tx.update_server(&new)).await.unwrap();
                world.hello(world.agent, 1).await.unwrap();
            }
            O::InspectServer => {
                taken_out(world, ServerAction::Inspect { allow_reset: true, accept_baseline: false }).await;
            }
            O::AcceptUnwiped => {
                let left = Server { manage_state: ManageState::Maintain, unwiped: true, ..world.server().await };
                world.store.run(move |tx| tx.update_server(&left)).await.unwrap();
                act(world, ServerAction::AcceptUnwiped).await;
            }
            O::WipeServer => taken_out(world, ServerAction::Wipe { policy: None }).await,
            O::CancelWipe => {
                taken_out(world, ServerAction::Wipe { policy: None }).await;
                world.report(1, Step::Wipe, started()).await;
                act(world, ServerAction::Cancel).await;
            }
            O::ServerOn => power(world, PowerAction::On).await,
            _ => {
                world.report(0, Step::Power, What::PowerRead(PowerRead { on: true })).await;
                power(world, if self == O::ServerOff { PowerAction::Off } else { PowerAction::Reboot }).await;
            }
        }
    }

    /// Its steps, in the words that they are shown by.
    pub(super) const fn steps(self) -> &'static [&'static str] {
        match self {
            O::Install | O::Reinstall | O::SwitchInstall => {
                &["power", "boot", "inspect", "write", "configure", "hand-over", "verify"]
            }
            O::ModifyIp | O::PowerOnByRamdisk => &["power", "boot", "inspect", "configure", "hand-over", "verify"],
            O::RebootByRamdisk => &["power-off", "power", "boot", "inspect", "configure", "hand-over", "verify"],
            O::PowerOn | O::ServerOn => &["power"],
            O::PowerOff | O::ServerOff | O::CancelWipe => &["power-off"],
            O::Reboot | O::ServerReboot => &["power-off", "power"],
            O::Uninstall => &["power-off", "power", "boot", "inspect", "wipe"],
            O::Cancel => &["cancelling"],
            O::InspectNew | O::InspectServer | O::AcceptUnwiped => &["power", "boot", "inspect"],
            O::WipeServer => &["power", "boot", "inspect", "wipe"],
        }
    }

    /// All that its agent tells, in turn.
    pub(super) fn reports(self) -> Vec<(Step, What)> {
        let off = || (Step::PowerOff, What::Done(Done::default()));
        let on = || (Step::Power, What::Done(Done::default()));
        let begun = |step: Step| (step, started());
        let seen = || (Step::Inspect, What::Inspected(World::inventory()));
        let booted = || [Step::Power, Step::Boot, Step::Inspect].map(begun).to_vec();
        let key = || (Step::Configure, What::Note(Note { kind: "host-key".into(), message: KEY.into() }));
        let handed_over = || {
            vec![begun(Step::Configure), key(), begun(Step::HandOver), begun(Step::Verify), (Step::Verify, done(KEY))]
        };
        let wiped = || [booted(), vec![seen(), begun(Step::Wipe), (Step::Wipe, World::wiped())]].concat();
        match self {
            O::Install | O::Reinstall | O::SwitchInstall => {
                [booted(), vec![seen(), begun(Step::Write)], handed_over()].concat()
            }
            O::ModifyIp | O::PowerOnByRamdisk => [booted(), handed_over()].concat(),
            O::RebootByRamdisk => [vec![begun(Step::PowerOff)], booted(), handed_over()].concat(),
            O::PowerOn | O::ServerOn => vec![begun(Step::Power), on()],
            O::PowerOff | O::ServerOff | O::Cancel | O::CancelWipe => vec![begun(Step::PowerOff), off()],
            O::Reboot | O::ServerReboot => vec![begun(Step::PowerOff), begun(Step::Power), on()],
            O::Uninstall => [vec![begun(Step::PowerOff), off()], wiped()].concat(),
            O::InspectNew | O::InspectServer | O::AcceptUnwiped => {
                [booted(), vec![seen(), (Step::Inspect, What::Done(Done::default()))]].concat()
            }
            O::WipeServer => wiped(),
        }
    }

    /// It came about.
    pub(super) fn is_done(self, instance: Option<&Instance>, server: &Server) {
        let state = instance.map(|instance| instance.standing().state());
        let instances = instance.and_then(|instance| instance.error.as_ref());
        let errors = [instances, server.error.as_ref()].map(|error| error.map(|error| error.cause.as_str()));
        let (expected, causes, is) = match self {
            O::Install
            | O::Reinstall
            | O::SwitchInstall
            | O::ModifyIp
            | O::PowerOn
            | O::PowerOnByRamdisk
            | O::Reboot
            | O::RebootByRamdisk => (Some("running"), [None, None], ManageState::InUse),
            O::PowerOff => (Some("stopped"), [None, None], ManageState::InUse),
            O::Uninstall => (Some("terminated"), [None, None], ManageState::Ready),
            O::Cancel => (Some("error"), [Some("cancelled"), None], ManageState::InUse),
            O::InspectServer | O::WipeServer => (None, [None, Some("maintenance")], ManageState::Maintain),
            O::CancelWipe => (None, [None, None], ManageState::Maintain),
            O::InspectNew | O::AcceptUnwiped | O::ServerOn | O::ServerOff | O::ServerReboot => {
                (None, [None, None], ManageState::Ready)
            }
        };
        assert_eq!((state, errors, server.manage_state), (expected, causes, is), "{self:?}");
        let is_erased = matches!(self, O::Uninstall | O::WipeServer);
        assert_eq!(
            (server.last_wipe.is_some(), server.unwiped),
            (is_erased, self == O::AcceptUnwiped || instance.is_some() && !is_erased),
            "{self:?}"
        );
        if self == O::ModifyIp {
            let address = instance.map(|instance| instance.nics[0].address.to_string());
            assert_eq!(address.as_deref(), Some(NEW_ADDRESS));
        }
    }

    /// It ended with that cause at that report; with any, where none is given.
    pub(super) fn has_failed(self, instance: Option<&Instance>, server: &Server, at: usize, cause: &str) {
        let is_of_wipe = self == O::Uninstall && at >= 2;
        let error = match instance {
            Some(instance) if !is_of_wipe => instance.error.as_ref(),
            _ => server.error.as_ref(),
        };
        let error = error.unwrap_or_else(|| panic!("{self:?} {at}: no cause"));
        assert!(!error.message.is_empty() && (cause.is_empty() || error.cause == cause), "{self:?} {at}: {error:?}");
        assert!(cause == error.cause || error.cause.ends_with("_deadline") || error.cause == "agent_unavailable");
        assert_eq!(server.last_wipe, None, "{self:?} {at}");
        let is = match self {
            O::InspectServer | O::AcceptUnwiped | O::WipeServer | O::CancelWipe => ManageState::Maintain,
            O::InspectNew => ManageState::Onboard,
            O::ServerOn | O::ServerOff | O::ServerReboot => ManageState::Ready,
            O::Uninstall if is_of_wipe => ManageState::Maintain,
            _ => ManageState::InUse,
        };
        let is_unwiped = instance.is_some() || self == O::AcceptUnwiped;
        assert_eq!((server.manage_state, server.unwiped), (is, is_unwiped), "{self:?} {at}");
    }
}
