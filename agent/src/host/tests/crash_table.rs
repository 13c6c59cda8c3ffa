//! Every order, and each thing that can go wrong with each of its steps: it fails once, comes twice, or the agent is killed
//! before it or after it. Written once for all of them.
//!
//! The end is "done", or a failure with a name where it was one that does not pass; few actions of the BMC, none before it was
//! asked which machine it is in; never two sessions; and the machine is off and off every network, or it is the tenant's.

mod operation;
mod player;
mod world;

use super::chassis::Fault;
use crate::bmc::{
    BootTarget,
    ResetType::{self, ForceRestart, GracefulShutdown, On},
};
use billet_proto::link::{
    Done, Failed, Order, Step, StepDeadline, Word, WordRequest, agent_message::Body, report::What,
};
use operation::{OPERATIONS, Operation, Operation as O};
use player::Player;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use world::{Agent, Wrong, new_key};

/// No order takes longer, whatever happens.
const PATIENCE: Duration = Duration::from_secs(7200);

/// What came of an order.
struct Ended {
    end: Result<Done, Failed>,
    /// Whether anything went wrong at all.
    happened: bool,
    actions: Vec<ResetType>,
    took: Duration,
    /// How often the controller was asked for its word.
    words: usize,
}

/// Does the whole order.
async fn run(operation: Operation, wrong: Wrong) -> Ended {
    let case = format!("{operation:?} {wrong:?}");
    let key = operation.has_system().then(new_key);
    let on = operation.has_system() && operation != O::PowerOn;
    let networks: &[&str] = if operation.has_system() { &["vpc"] } else { &[] };
    let mut agent = Agent::new(wrong, on, key, networks);
    let deadlines = [
        Step::Power,
        Step::Boot,
        Step::Inspect,
        Step::Write,
        Step::Configure,
        Step::HandOver,
        Step::Verify,
        Step::PowerOff,
        Step::Wipe,
    ];
    let order = Order {
        server_id: agent.id().to_string(),
        generation: 1,
        deadlines: deadlines.map(|step| StepDeadline { step: step.into(), seconds: 600 }).to_vec(),
        work: Some(operation.work(&agent)),
    };
    let player = tokio::spawn(Player::new(agent.world.clone(), operation.words()).run());
    agent.orders.send(order.clone().into()).await.unwrap();
    let began = Instant::now();
    let (mut tells_inventory, mut words) = (false, 0);
    let end = loop {
        assert!(began.elapsed() < PATIENCE, "{case}: it does not end");
        assert!(!player.is_finished(), "{case}: {:?}", player.await);
        let message = tokio::select! {
            message = agent.told.recv() => message,
            () = sleep(Duration::from_millis(500)) => {
                if agent.starts_again().await || wrong == Wrong::Repeated {
                    let _ = agent.orders.send(order.clone().into()).await;
                }
                continue;
            }
        };
        match message.and_then(|message| message.body) {
            Some(Body::WordRequest(WordRequest { server_id, generation, nonce })) => {
                words += 1;
                let word = Word { server_id, generation, nonce, granted: true, ..Word::default() };
                agent.world.tools().link.answer(word);
            }
            Some(Body::Report(report)) => match report.what {
                Some(What::Done(done)) => break Ok(done),
                // Its end comes with all that it has to tell.
                Some(What::Started(_)) => tells_inventory = false,
                Some(What::Inspected(_)) => tells_inventory = true,
                Some(What::Failed(failed)) => break Err(failed),
                _ => {}
            },
            Some(Body::Hello(_)) => {}
            // The worker was killed, or the queue is the one of before.
            None => sleep(Duration::from_millis(500)).await,
        }
        if agent.world.chassis.killed.load(std::sync::atomic::Ordering::Relaxed) && agent.starts_again().await {
            let _ = agent.orders.send(order.clone().into()).await;
        }
    };
    player.abort();
    let looks = matches!(operation, O::Inspect | O::InspectUnwiped | O::Wipe);
    assert!(!looks || end.is_err() || tells_inventory, "what it saw is told at its end: {case}");
    is_safe(operation, &end, &agent, &case);
    let happened = *agent.world.happened.lock().unwrap()
        || match wrong {
            Wrong::Bmc(at, _) => agent.world.chassis.machine().calls >= at,
            _ => false,
        };
    let actions = agent.world.chassis.machine().actions.clone();
    Ended { end, happened, actions, took: began.elapsed(), words }
}

/// Off and on no network, or the tenant's and on none but that.
fn is_safe(operation: Operation, end: &Result<Done, Failed>, agent: &Agent, case: &str) {
    let machine = agent.world.chassis.machine();
    let networks = agent.world.networks.lock().unwrap();
    let case = format!("{case}: {end:?}, {machine:?}, {networks:?}");
    assert_eq!(machine.unidentified, 0, "no action before the machine is known: {case}");
    assert!(machine.actions.len() <= 12, "{case}");
    let key = agent.world.disk.lock().unwrap().clone();
    let is_off = !machine.on;
    let runs = machine.on && machine.runs == BootTarget::Hdd && key.is_some();
    let on_tenants = networks.iter().eq(["vpc"].iter());
    let is_as_asked = match operation {
        O::Install | O::Reinstall | O::Reconfigure => {
            runs && on_tenants && end.as_ref().is_ok_and(|done| Some(&done.host_key) == key.as_ref())
        }
        O::PowerOn | O::Reboot => runs,
        O::PowerOff => is_off,
        O::Release | O::Inspect | O::InspectUnwiped | O::Wipe => is_off && networks.is_empty(),
    };
    match end {
        Ok(_) => assert!(is_as_asked, "it is done: {case}"),
        Err(failed) => {
            assert!(!failed.cause.is_empty(), "{case}");
            let is_at_rest = is_off && !networks.contains("provisioning");
            let is_the_tenants = runs && on_tenants;
            assert!(is_at_rest || is_the_tenants, "it failed: {case}");
        }
    }
}

/// Each call in turn, until there are no more.
async fn each(operation: Operation, wrong: impl Fn(usize) -> Wrong, may_fail: impl Fn(&Failed) -> bool) -> usize {
    for at in 1.. {
        let Ended { end, happened, .. } = run(operation, wrong(at)).await;
        if !happened {
            return at - 1;
        }
        if let Err(failed) = end {
            assert!(may_fail(&failed), "{operation:?} {:?}: {failed:?}", wrong(at));
        }
    }
    unreachable!("an order has an end")
}

const FAULTS: [Fault; 4] = [Fault::Lost, Fault::AnswerLost, Fault::KilledBefore, Fault::KilledAfter];

#[tokio::test(start_paused = true)]
async fn every_order_is_done_and_done_once_where_it_comes_again_and_again() {
    for operation in OPERATIONS {
        for wrong in [Wrong::Nothing, Wrong::Repeated] {
            let Ended { end, .. } = run(operation, wrong).await;
            assert!(end.is_ok(), "{operation:?} {wrong:?}: {end:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_order_starts_its_server_more_often_than_into_its_ramdisk_and_out_of_it() {
    let is_a_start = |action: &&ResetType| matches!(action, On | ForceRestart | ResetType::PowerCycle);
    for operation in OPERATIONS {
        for wrong in [Wrong::Nothing, Wrong::Repeated] {
            let Ended { actions, .. } = run(operation, wrong).await;
            let most = match operation {
                O::Install | O::Reinstall | O::Reconfigure => 2,
                O::PowerOn | O::Reboot | O::Inspect | O::InspectUnwiped | O::Wipe => 1,
                O::PowerOff | O::Release => 0,
            };
            assert_eq!(actions.iter().filter(is_a_start).count(), most, "{operation:?} {wrong:?}: {actions:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_order_is_done_whichever_call_to_the_bmc_fails_once_or_is_the_last_of_a_killed_agent() {
    for operation in OPERATIONS {
        for fault in FAULTS {
            let calls = each(operation, |at| Wrong::Bmc(at, fault), |_| false).await;
            assert!(calls >= 3, "{operation:?}: {calls}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_order_is_done_whichever_move_of_a_port_fails_once_or_is_the_last_of_a_killed_agent() {
    for operation in OPERATIONS {
        for fault in FAULTS {
            let moves = each(operation, |at| Wrong::Port(at, fault), |_| false).await;
            let moves_none = matches!(operation, O::PowerOn | O::PowerOff | O::Reboot);
            assert_eq!(moves == 0, moves_none, "{operation:?}: {moves}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_order_is_done_whichever_record_an_agent_is_killed_at_and_a_full_disk_ends_it_safely_with_its_cause() {
    for operation in OPERATIONS {
        for fault in [Fault::KilledBefore, Fault::KilledAfter] {
            let records = each(operation, |at| Wrong::Record(at, fault), |_| false).await;
            assert!(records >= 2, "{operation:?}: {records}");
        }
        each(operation, |at| Wrong::Record(at, Fault::Lost), |failed| failed.cause == "agent_state").await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_ramdisk_tells_to_have_failed_is_its_cause_at_each_word_and_no_other_boot_follows() {
    for operation in OPERATIONS {
        for at in 0..operation.words().len() {
            let Ended { end, .. } = run(operation, Wrong::Told(at)).await;
            let cause = end.map_err(|failed| failed.cause);
            assert_eq!(cause.err().as_deref(), Some("disk_io"), "{operation:?} {at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_loses_its_power_at_any_word_of_its_ramdisk_is_booted_again_and_the_order_is_done() {
    for operation in OPERATIONS {
        for at in 0..operation.words().len() {
            let restarts = [BootTarget::Pxe, BootTarget::Hdd].map(|from| Wrong::Restarted(at, from));
            for wrong in [Wrong::Dark(at), restarts[0], restarts[1]] {
                let Ended { end, happened, .. } = run(operation, wrong).await;
                assert!(happened && end.is_ok(), "{operation:?} {wrong:?}: {end:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_loses_its_power_at_each_boot_is_given_up_after_three() {
    for operation in OPERATIONS.into_iter().filter(|operation| !operation.words().is_empty()) {
        let Ended { end, actions, .. } = run(operation, Wrong::DarkAlways(1)).await;
        let failed = end.expect_err("it never gets further");
        assert_eq!(failed.cause, "power_lost", "{operation:?}");
        assert!(failed.message.contains("boot 3 of at most 3"), "{}", failed.message);
        assert_eq!(actions.iter().filter(|action| **action == On).count(), 3, "{operation:?}: {actions:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ramdisk_that_is_cut_off_for_a_minute_is_left_to_its_work_and_one_that_stays_silent_is_superseded() {
    for operation in OPERATIONS.into_iter().filter(|operation| !operation.words().is_empty()) {
        for (seconds, boots) in [(60, 1), (80, 1), (300, 2)] {
            for at in 0..operation.words().len() {
                let Ended { end, actions, happened, .. } = run(operation, Wrong::CutOff(at, seconds)).await;
                assert!(happened && end.is_ok(), "{operation:?} {at} {seconds}: {end:?}");
                let ons = actions.iter().filter(|action| **action == On).count();
                assert_eq!(ons, boots, "{operation:?}, {seconds} s before word {at}: {actions:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_move_that_took_longer_than_a_word_is_good_for_is_begun_by_another() {
    // Each of them moves its one port off the provisioning network, and then to the tenant's.
    for (wrong, asked) in [(Wrong::Nothing, 2), (Wrong::SlowPort(3), 3), (Wrong::SlowPort(4), 3)] {
        let Ended { end, words, .. } = run(O::Install, wrong).await;
        assert!(end.is_ok(), "{wrong:?}: {end:?}");
        assert_eq!(words, asked, "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_system_that_loses_its_power_as_it_starts_is_powered_on_from_its_disk_at_once_and_not_installed_again() {
    for operation in [O::Install, O::Reinstall, O::Reconfigure] {
        let Ended { end, actions, happened, took, .. } = run(operation, Wrong::DarkSystem).await;
        assert!(happened && end.is_ok(), "{operation:?}: {end:?}");
        assert_eq!(actions[actions.len() - 3..], [On, ForceRestart, On], "{operation:?}: {actions:?}");
        assert!(took < Duration::from_secs(120), "not only at half of 600 s: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_system_that_hangs_is_reset_at_half_the_time_although_its_bmc_is_in_the_midst_of_an_answer() {
    for operation in [O::Install, O::Reinstall, O::Reconfigure] {
        let Ended { end, actions, took, .. } = run(operation, Wrong::HungSystem).await;
        assert!(end.is_ok(), "{operation:?}: {end:?}");
        assert_eq!(actions[actions.len() - 2..], [ForceRestart, ForceRestart], "{operation:?}: {actions:?}");
        assert!(took < Duration::from_secs(400), "at half of 600 s: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_system_that_came_up_in_place_of_its_ramdisk_is_asked_to_shut_down_also_by_an_agent_that_is_started_anew() {
    for at in 0..O::Reconfigure.words().len() {
        let Ended { end, actions, happened, .. } = run(O::Reconfigure, Wrong::RestartedAndKilled(at)).await;
        assert!(happened && end.is_ok(), "{at}: {end:?}");
        assert_eq!(actions, [GracefulShutdown, On, GracefulShutdown, On, ForceRestart], "{at}");
    }
}
