//! The ways out of stuck.md, walked: a world is brought to where a row says, and the life cycle takes what its command asks for.

mod command;
mod instance;
mod server;
mod way_out;

use super::{
    documents::{STUCK, reachable, rows, words},
    world::World,
};
use crate::lifecycle::table::{Operation, Standing};
use std::collections::HashSet;
use way_out::WayOut;

type Row = Vec<&'static str>;

/// Goes it; what one of its commands begins ends well before the next.
async fn walk(world: &World, way: &WayOut, case: &str) {
    for command in &way.commands {
        server::settle(world).await;
        if let Err(refused) = command::run(world, command).await {
            panic!("{case}: {command}: {refused}");
        }
    }
}

/// The one way out of a row.
fn only_way(row: &Row) -> WayOut {
    let mut ways = WayOut::all(row[4]);
    assert_eq!(ways.len(), 1, "one way out: {row:?}");
    ways.remove(0)
}

/// The row of where an operation stands: the one that names the operation, or else the one that names none.
fn row_of(rows: &[Row], Standing { operation, phase }: Standing) -> &Row {
    let of_phase = || rows.iter().filter(|row| words(row[0]).next() == Some(phase.word()));
    let names = |row: &&Row| words(row[0]).skip(1).any(|word| word == operation.word());
    let names_none = |row: &&Row| words(row[0]).count() == 1;
    let row = of_phase().find(names).or_else(|| of_phase().find(names_none));
    row.unwrap_or_else(|| panic!("no row is of {operation:?} in {phase:?}"))
}

fn in_progress() -> impl Iterator<Item = Standing> {
    reachable().into_iter().filter(|standing| standing.phase.has_order())
}

#[tokio::test]
async fn what_is_in_progress_with_an_instance_has_the_way_out_that_its_row_names() {
    let rows = rows(STUCK, "An instance with something in progress");
    let mut met = HashSet::new();
    for standing in in_progress() {
        let row = row_of(&rows, standing);
        met.insert(row[0]);
        let way = only_way(row);
        for is_told in [false, true] {
            let (world, id) = instance::brought_to(standing).await;
            if way.is_after_failure {
                instance::fail(&world, id, is_told).await;
            }
            walk(&world, &way, &format!("{standing:?}")).await;
        }
    }
    let unmet: Vec<&Row> = rows.iter().filter(|row| !met.contains(row[0])).collect();
    assert!(unmet.is_empty(), "no operation comes to {unmet:?}");
}

#[tokio::test]
async fn whatever_an_operation_fails_in_it_has_the_way_out_that_its_row_names() {
    for row in rows(STUCK, "An instance whose operation failed") {
        let operation = words(row[0]).next().and_then(Operation::from_word);
        let operation = operation.unwrap_or_else(|| panic!("no operation fails as {row:?}"));
        let way = only_way(&row);
        for standing in in_progress().filter(|standing| standing.operation == operation) {
            for is_told in [false, true] {
                let (world, id) = instance::brought_to(standing).await;
                instance::fail(&world, id, is_told).await;
                walk(&world, &way, &format!("{standing:?}")).await;
            }
        }
    }
}

#[tokio::test]
async fn a_server_has_the_ways_out_that_its_row_names() {
    for row in rows(STUCK, "A server") {
        for way in WayOut::all(row[4]) {
            let world = server::brought_to(row[0]).await;
            let state = world.server().await.manage_state.as_str();
            assert_eq!(words(row[0]).next(), Some(state), "{row:?}");
            walk(&world, &way, row[0]).await;
        }
    }
}

#[tokio::test]
async fn a_task_that_failed_has_the_way_out_that_its_row_names() {
    for row in rows(STUCK, "A server with a task in progress") {
        let task = words(row[0]).next().unwrap();
        let way = only_way(&row);
        for is_told in [false, true] {
            let world = server::with_failed(task, &way, is_told).await;
            walk(&world, &way, task).await;
        }
    }
}
