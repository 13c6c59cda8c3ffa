//! QEMU's monitor (QMP): tells whether a guest that ended reset or powered off.

use anyhow::{Context, Result, bail};
use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// QEMU opens its socket within this time.
const DEADLINE: Duration = Duration::from_secs(20);

pub(super) struct Monitor {
    reset: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    stream: UnixStream,
}

impl Monitor {
    pub(super) fn connect(socket: &Path) -> Result<Self> {
        let began = Instant::now();
        let mut stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(_) if began.elapsed() < DEADLINE => std::thread::sleep(Duration::from_millis(10)),
                Err(error) => bail!("reach QEMU's monitor: {error}"),
            }
        };
        stream.write_all(b"{\"execute\":\"qmp_capabilities\"}\n").context("talk to QEMU")?;
        let lines = BufReader::new(stream.try_clone().context("talk to QEMU")?).lines();
        let reset = Arc::new(AtomicBool::new(false));
        let seen = reset.clone();
        // Ends with QEMU, which closes the socket.
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line.contains("\"SHUTDOWN\"") && line.contains("\"guest-reset\"") {
                    seen.store(true, Ordering::SeqCst);
                }
            }
        });
        Ok(Self { reset, reader: Some(reader), stream })
    }

    /// Pulls a NIC's cable, or puts it in.
    pub(super) fn cable(&mut self, nic: usize, is_in: bool) -> Result<()> {
        let command =
            serde_json::json!({ "execute": "set_link", "arguments": { "name": format!("n{nic}"), "up": is_in } });
        writeln!(self.stream, "{command}").context("talk to QEMU")
    }

    /// Presses the power button: the guest is asked to shut down (ACPI).
    pub(super) fn power_button(&mut self) -> Result<()> {
        writeln!(self.stream, "{{\"execute\":\"system_powerdown\"}}").context("talk to QEMU")
    }

    /// Whether the guest reset; asked when QEMU is gone.
    pub(super) fn was_reset(&mut self) -> bool {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        self.reset.load(Ordering::SeqCst)
    }
}
