//! A process: a runtime of its own, in virtual time. Dropping it is `kill -9`.

use std::time::Duration;
use tokio::{
    runtime::{Builder, Runtime},
    task::LocalSet,
};

/// A process that runs.
#[derive(Debug)]
pub struct Process {
    // Dropped first: its tasks still find their runtime.
    local: LocalSet,
    runtime: Runtime,
}

impl Process {
    /// Starts one, and what `main` answers at once.
    ///
    /// # Panics
    /// When no runtime can be had, which takes no resources that could be missing.
    pub fn start<T>(main: impl FnOnce() -> T) -> (Self, T) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without drivers takes nothing but memory");
        let begun = {
            let _inside = runtime.enter();
            main()
        };
        (Self { local: LocalSet::new(), runtime }, begun)
    }

    /// Moves it forward.
    pub fn step(&self, milliseconds: u64) {
        let time = Duration::from_millis(milliseconds);
        self.local.block_on(&self.runtime, async { tokio::time::sleep(time).await });
    }

    /// Runs something in it beside all else.
    pub fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        drop(self.local.spawn_local(work));
    }
}
