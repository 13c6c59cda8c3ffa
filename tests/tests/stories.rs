//! The laboratory's stories: whole installations on virtual servers, and how they fail. They need what `cargo xtask test`
//! builds, so that task alone runs them.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on is over, and says where")]

#[path = "stories/crash_matrix.rs"]
mod crash_matrix;
#[path = "stories/disk.rs"]
mod disk;
#[path = "stories/failing.rs"]
mod failing;
#[path = "stories/installing.rs"]
mod installing;
#[path = "stories/operations.rs"]
mod operations;
#[path = "stories/stage.rs"]
mod stage;
#[path = "stories/wiping.rs"]
mod wiping;
#[path = "stories/wires.rs"]
mod wires;
