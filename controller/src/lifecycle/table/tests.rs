//! The table against a second list of it, written out by hand.

use super::*;

fn events() -> Vec<Event> {
    let mut all = vec![Event::Done, Event::Failed, Event::LeftOn, Event::Cancelled, Event::Removed];
    all.extend(PHASES.map(Event::StepStarted));
    all.extend(OPERATIONS.map(Event::Asked));
    all
}

fn standings() -> impl Iterator<Item = Standing> {
    OPERATIONS.into_iter().flat_map(|operation| PHASES.map(|phase| Standing { operation, phase }))
}

/// Steps that may be started in each phase of each operation; none: no step may.
fn startable(Standing { operation, phase }: Standing) -> &'static str {
    let words = phase.word();
    match operation {
        Operation::Install | Operation::Reinstall | Operation::SwitchInstall => match words {
            "waiting" | "power-off" | "power" | "boot" => "power boot inspect write configure hand-over verify",
            "inspect" => "power inspect write configure hand-over verify",
            "write" => "power write configure hand-over verify",
            "configure" => "power configure hand-over verify",
            "hand-over" => "power hand-over verify",
            "verify" => "power verify",
            _ => "",
        },
        Operation::ModifyIp | Operation::PowerOn => match words {
            "waiting" | "power-off" | "power" | "boot" => "power boot inspect configure hand-over verify",
            "inspect" => "power inspect configure hand-over verify",
            "write" | "configure" => "power configure hand-over verify",
            "hand-over" => "power hand-over verify",
            "verify" => "power verify",
            _ => "",
        },
        Operation::Reboot => match words {
            "waiting" | "power-off" | "power" | "boot" => "power-off power boot inspect configure hand-over verify",
            "inspect" => "power-off power inspect configure hand-over verify",
            "write" | "configure" => "power-off power configure hand-over verify",
            "hand-over" => "power-off power hand-over verify",
            "verify" => "power-off power verify",
            _ => "",
        },
        Operation::PowerOff | Operation::Uninstall => {
            if phase.has_order() {
                "power-off"
            } else {
                ""
            }
        }
    }
}

/// What the table must answer, as `operation/phase`.
fn expected(from: Standing, event: Event) -> Option<String> {
    let Standing { operation, phase } = from;
    let (op, at) = (operation.word(), phase.word());
    let settled = ["running", "stopped"].contains(&at);
    let given_up = || format!("{op}/{}", if ["power-on", "reboot"].contains(&op) { "stopped" } else { "failed" });
    match event {
        Event::StepStarted(step) if at == "cancelling" => (step == Phase::PowerOff).then(|| format!("{op}/cancelling")),
        Event::Done if at == "cancelling" && op != "power-off" && op != "uninstall" => Some(given_up()),
        // No operation of these two is ever given up.
        Event::Done if at == "cancelling" => {
            Some(if op == "uninstall" { "uninstall/failed" } else { "power-off/stopped" }.into())
        }
        Event::Cancelled => {
            let is_idle = settled || ["failed", "terminated", "cancelling"].contains(&at);
            let is_off = op == "power-off" || op == "uninstall";
            (!is_off && !is_idle).then(|| format!("{op}/cancelling"))
        }
        Event::Removed => (at != "terminated").then(|| "uninstall/terminated".to_owned()),
        Event::StepStarted(step) => {
            startable(from).split(' ').any(|word| word == step.word()).then(|| format!("{op}/{}", step.word()))
        }
        Event::Done => match (op, at) {
            ("install" | "reinstall" | "switch-install" | "modify-ip", "verify") => Some(format!("{op}/running")),
            ("power-on", "waiting" | "power" | "verify") => Some("power-on/running".into()),
            ("reboot", "waiting" | "power-off" | "power" | "verify") => Some("reboot/running".into()),
            ("power-off", "waiting" | "power-off") => Some("power-off/stopped".into()),
            ("uninstall", "waiting" | "power-off") => Some("uninstall/terminated".into()),
            _ => None,
        },
        Event::Failed | Event::LeftOn if settled || at == "failed" || at == "terminated" => None,
        Event::LeftOn if op == "reboot" && at == "power" => Some("reboot/running".into()),
        Event::Failed | Event::LeftOn => Some(match op {
            "power-off" => "power-off/running".into(),
            "power-on" | "reboot" if at == "verify" || at == "cancelling" => format!("{op}/running"),
            "reboot" if at == "waiting" || at == "power-off" => "reboot/running".into(),
            "power-on" | "reboot" => format!("{op}/stopped"),
            _ => format!("{op}/failed"),
        }),
        Event::Asked(wanted) => {
            let legal = match wanted.word() {
                "install" => false,
                "reinstall" | "switch-install" => settled || (at == "failed" && op != "uninstall"),
                "modify-ip" => settled || (at == "failed" && op == "modify-ip"),
                "power-on" => at == "stopped",
                "power-off" => settled,
                "reboot" => at == "running",
                "uninstall" if op == "uninstall" && phase.has_order() && at != "cancelling" => {
                    return Some(format!("{op}/{at}"));
                }
                _ => at != "terminated",
            };
            legal.then(|| format!("{}/waiting", wanted.word()))
        }
    }
}

#[test]
fn the_table_has_exactly_the_legal_moves() {
    for from in standings() {
        for event in events() {
            let got = next(from, event).ok().map(|to| format!("{}/{}", to.operation.word(), to.phase.word()));
            assert_eq!(got, expected(from, event), "{from:?} {event:?}");
        }
    }
}

#[test]
fn every_standing_but_terminated_can_end_terminated() {
    for from in standings().filter(|standing| standing.phase != Phase::Terminated) {
        let mut standing = next(from, Event::Asked(Operation::Uninstall)).unwrap();
        if standing.phase != Phase::PowerOff {
            standing = next(standing, Event::StepStarted(Phase::PowerOff)).unwrap();
        }
        assert_eq!(next(standing, Event::Done).unwrap().phase, Phase::Terminated, "{from:?}");
    }
}

#[test]
fn words_name_what_they_stand_for() {
    assert!(PHASES.into_iter().all(|phase| Phase::from_word(phase.word()) == Some(phase)));
    assert!(OPERATIONS.into_iter().all(|operation| Operation::from_word(operation.word()) == Some(operation)));
}

#[test]
fn public_states_are_the_six_words_of_the_family() {
    let six = ["pending", "running", "stopped", "shutting-down", "terminated", "error"];
    for standing in standings() {
        assert!(six.contains(&standing.state()), "{standing:?}");
        let (operation, outcome) = standing.operation_state().rsplit_once('-').unwrap();
        assert!(["install", "reinstall", "switch-install", "modify-ip", "uninstall"].contains(&operation));
        assert!(["processing", "succeed", "failed"].contains(&outcome));
    }
}

#[test]
fn the_drawing_shows_every_operation_with_its_steps() {
    let drawing = include_str!("../table.rs").split("```").nth(1).unwrap();
    for operation in OPERATIONS {
        let line = drawing.lines().find(|line| line.contains(operation.word())).unwrap();
        let own = operation.steps().iter().filter(|_| !operation.is_power());
        for step in own {
            assert!(line.contains(step.word()), "{line}: {}", step.word());
        }
    }
}
