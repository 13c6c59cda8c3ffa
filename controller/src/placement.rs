//! Which server an instance gets: pure decisions.

use crate::{
    lifecycle::{is_vouched_for, refusal::Refusal},
    store::{
        Tally,
        record::{ManageState, NicRole, Server},
    },
};
use billet_proto::{ProjectId, ServerId};

/// Chooses a server: the one wanted, or any idle one that the project may use, each equally likely.
///
/// `random_below(n)` answers a number below `n`; it is asked at most once, and never with 0.
///
/// # Errors
/// [`Refusal::ServersNotFound`] when the one wanted does not exist for this project,
/// [`Refusal::ServersNotReady`] when it, or every other, cannot be used now, with the reason.
pub fn place(
    servers: &[Server],
    project: &ProjectId,
    wanted: Option<ServerId>,
    nics_needed: usize,
    random_below: impl FnOnce(u64) -> u64,
) -> Result<ServerId, Refusal> {
    let visible = || servers.iter().filter(|server| may_use(server, project));
    if let Some(id) = wanted {
        let server = visible().find(|server| server.id == id).ok_or_else(|| Refusal::ServersNotFound(vec![id]))?;
        return match obstacle(server, nics_needed) {
            None => Ok(id),
            Some(why) => Err(Refusal::ServersNotReady { ids: vec![id], why: why.of_one() }),
        };
    }
    let idle: Vec<_> = visible().filter(|server| obstacle(server, nics_needed).is_none()).collect();
    if idle.is_empty() {
        let obstacles: Vec<_> = visible().filter_map(|server| obstacle(server, nics_needed)).collect();
        return Err(Refusal::ServersNotReady { ids: vec![], why: tally(&obstacles) });
    }
    let drawn = random_below(u64::try_from(idle.len()).unwrap_or(u64::MAX));
    let index = usize::try_from(drawn).unwrap_or(0) % idle.len();
    Ok(idle[index].id)
}

/// Whether a project's instance could be on this server now.
pub fn fits(server: &Server, project: &ProjectId, nics_needed: usize) -> bool {
    may_use(server, project) && obstacle(server, nics_needed).is_none()
}

/// The refusal where no server of these is to be had; those that are ready have too few NICs.
pub fn none_ready(servers: &[Tally]) -> Refusal {
    let count = |wanted: &dyn Fn(&Tally) -> bool| servers.iter().filter(|tally| wanted(tally)).map(|t| t.servers).sum();
    let is_usable = |tally: &Tally| tally.state == ManageState::Ready && tally.vouched;
    let state = |state: ManageState| count(&|tally| tally.state == state);
    let why = counted(&[
        (state(ManageState::InUse), "in-use"),
        (state(ManageState::Maintain), "in maintain"),
        (state(ManageState::Onboard), "still onboard"),
        (count(&|tally| tally.state == ManageState::Ready && !tally.vouched), "not owned by the agent registered"),
        (count(&|tally| is_usable(tally) && tally.busy), "with work in progress"),
        (count(&|tally| is_usable(tally) && !tally.busy), "with too few tenant NICs"),
    ]);
    Refusal::ServersNotReady { ids: vec![], why }
}

/// Whether a project's instances may be on the server: its own, or one of the shared pool.
pub fn may_use(server: &Server, project: &ProjectId) -> bool {
    server.project_id.as_ref().is_none_or(|owner| owner == project)
}

/// Why a server cannot be used now, as `it is in-use`; none when it can.
pub fn why_not(server: &Server, nics_needed: usize) -> Option<String> {
    obstacle(server, nics_needed).map(Obstacle::of_one)
}

/// Ports that a tenant may have, in port order.
pub fn tenant_ports(server: &Server) -> impl Iterator<Item = usize> + '_ {
    (0..server.macs.len()).filter(|port| server.roles.get(*port).is_none_or(|role| *role == NicRole::Vpc))
}

/// Why a server cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    State(ManageState),
    NotVouched,
    /// A task, by its word.
    Busy(&'static str),
    FewNics {
        needed: usize,
    },
}

fn obstacle(server: &Server, nics_needed: usize) -> Option<Obstacle> {
    if server.manage_state != ManageState::Ready {
        return Some(Obstacle::State(server.manage_state));
    }
    if !is_vouched_for(server) {
        return Some(Obstacle::NotVouched);
    }
    if let Some(task) = &server.task {
        return Some(Obstacle::Busy(task.kind.word()));
    }
    (tenant_ports(server).count() < nics_needed).then_some(Obstacle::FewNics { needed: nics_needed })
}

impl Obstacle {
    fn of_one(self) -> String {
        match self {
            Self::State(state) => format!("it is {}", state.as_str()),
            Self::NotVouched => "it is not owned by the agent that it is registered for".to_owned(),
            Self::Busy(task) => format!("its {task} is in progress"),
            Self::FewNics { needed } => format!("it has fewer than {needed} tenant NICs"),
        }
    }
}

/// Such as `none is ready for this project: 2 in-use, 1 in maintain`.
fn tally(obstacles: &[Obstacle]) -> String {
    let count = |wanted: fn(&Obstacle) -> bool| obstacles.iter().filter(|o| wanted(o)).count() as u64;
    counted(&[
        (count(|o| *o == Obstacle::State(ManageState::InUse)), "in-use"),
        (count(|o| *o == Obstacle::State(ManageState::Maintain)), "in maintain"),
        (count(|o| *o == Obstacle::State(ManageState::Onboard)), "still onboard"),
        (count(|o| *o == Obstacle::NotVouched), "not owned by the agent registered"),
        (count(|o| matches!(o, Obstacle::Busy(_))), "with work in progress"),
        (count(|o| matches!(o, Obstacle::FewNics { .. })), "with too few tenant NICs"),
    ])
}

fn counted(reasons: &[(u64, &str)]) -> String {
    let some = reasons.iter().filter(|(n, _)| *n > 0);
    let parts: Vec<_> = some.map(|(n, what)| format!("{n} {what}")).collect();
    if parts.is_empty() {
        return "this project has no server, and the shared pool is empty".to_owned();
    }
    format!("none is ready for this project: {}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        store::record::{Task, TaskKind, Waiting},
    };
    use billet_proto::{AgentId, MacAddr};
    use uuid::Uuid;

    fn server(number: u128) -> Server {
        let agent = AgentId::new(Uuid::from_u128(99));
        Server {
            registered_agent: Some(agent),
            owner: Some(agent),
            macs: vec![MacAddr::new([2, 0, 0, 0, 0, 1]), MacAddr::new([2, 0, 0, 0, 0, 2])],
            manage_state: ManageState::Ready,
            ..Server::unheard_of(ServerId::new(Uuid::from_u128(number)), Timestamp(0))
        }
    }

    fn powering_on() -> Task {
        Task {
            kind: TaskKind::PowerOn,
            generation: 1,
            step: String::new(),
            waiting_for: String::new(),
            waiting: Waiting::default(),
            began_at: Timestamp(0),
            progress: None,
            disks: vec![],
            is_told: false,
        }
    }

    fn project() -> ProjectId {
        "lab".parse().unwrap()
    }

    type Change = fn(&mut Server);

    fn why(servers: &[Server], wanted: Option<ServerId>, nics: usize) -> (Vec<ServerId>, String) {
        match place(servers, &project(), wanted, nics, |_| 0) {
            Err(Refusal::ServersNotReady { ids, why }) => (ids, why),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_idle_server_comes_up_and_no_other() {
        let mut servers: Vec<_> = (1..=5).map(server).collect();
        servers[1].manage_state = ManageState::InUse;
        servers[3].project_id = Some("other".parse().unwrap());
        servers[4].project_id = Some(project());
        let got: Vec<_> = (0..3).map(|n| place(&servers, &project(), None, 2, |_| n).unwrap()).collect();
        assert_eq!(got, [servers[0].id, servers[2].id, servers[4].id]);
        place(&servers, &project(), None, 2, |bound| {
            assert_eq!(bound, 3);
            0
        })
        .unwrap();
    }

    #[test]
    fn a_number_out_of_range_still_chooses_a_server() {
        assert!(place(&[server(1)], &project(), None, 1, |_| u64::MAX).is_ok());
    }

    #[test]
    fn a_server_that_is_unknown_or_anothers_is_not_found() {
        let mut foreign = server(1);
        foreign.project_id = Some("other".parse().unwrap());
        for (servers, wanted) in [(vec![foreign.clone()], foreign.id), (vec![server(2)], server(3).id)] {
            let got = place(&servers, &project(), Some(wanted), 1, |_| 0);
            assert!(matches!(got, Err(Refusal::ServersNotFound(ids)) if ids == [wanted]));
        }
    }

    #[test]
    fn a_server_that_is_wanted_but_cannot_be_used_is_named_with_the_reason() {
        let changes: [(Change, &str); 6] = [
            (|s| s.manage_state = ManageState::Maintain, "it is maintain"),
            (|s| s.task = Some(powering_on()), "its power-on is in progress"),
            (|s| s.owner = None, "it is not owned by the agent that it is registered for"),
            (
                |s| (s.owner, s.registered_agent) = (None, None),
                "it is not owned by the agent that it is registered for",
            ),
            (|s| s.roles = vec![NicRole::Provisioning], "it has fewer than 2 tenant NICs"),
            (|s| s.macs.truncate(1), "it has fewer than 2 tenant NICs"),
        ];
        for (change, reason) in changes {
            let mut server = server(1);
            change(&mut server);
            let id = server.id;
            assert_eq!(why(&[server], Some(id), 2), (vec![id], reason.to_owned()));
        }
        assert_eq!(place(&[server(1)], &project(), Some(server(1).id), 2, |_| 0).unwrap(), server(1).id);
    }

    #[test]
    fn when_none_is_idle_the_reasons_are_counted_over_what_the_project_may_use() {
        let mut servers: Vec<_> = (1..=6).map(server).collect();
        servers[0].manage_state = ManageState::InUse;
        servers[1].manage_state = ManageState::InUse;
        servers[2].manage_state = ManageState::Maintain;
        servers[3].owner = None;
        servers[4].macs.clear();
        servers[5].project_id = Some("other".parse().unwrap());
        servers.push(Server { task: Some(powering_on()), ..server(7) });
        let text = "none is ready for this project: 2 in-use, 1 in maintain, 1 not owned by the agent registered, \
                    1 with work in progress, 1 with too few tenant NICs";
        assert_eq!(why(&servers, None, 1), (vec![], text.to_owned()));
        assert!(why(&[], None, 1).1.contains("no server"));
    }
}
