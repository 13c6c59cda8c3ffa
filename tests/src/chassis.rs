//! The chassis of a virtual server: power supply, reset button and boot setting, around QEMU.
//!
//! `ipmi_sim` calls [`control`] for each chassis command; it asks [`run`], which owns QEMU, over a socket.

mod monitor;
mod qemu;

use crate::server::Server;
use anyhow::{Context, Result};
use monitor::Monitor;
use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::Child,
    time::Duration,
};

/// Between two looks at QEMU and the socket.
const BEAT: Duration = Duration::from_millis(20);
/// A caller says what it wants at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// What firmware boots next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BootOnce {
    Nothing,
    Network,
    Disk,
}

struct Chassis {
    server: Server,
    boot: String,
    machine: Option<(Child, Monitor)>,
    /// NICs without a cable.
    pulled: BTreeSet<usize>,
}

/// Runs a server's chassis until it is ended.
///
/// # Errors
/// When the socket cannot be made.
pub fn run(dir: &Path) -> Result<()> {
    let server = Server::load(dir)?;
    let socket = server.chassis_socket();
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).with_context(|| format!("listen on {}", socket.display()))?;
    listener.set_nonblocking(true).context("use the socket")?;
    let mut chassis = Chassis { server, boot: "none".into(), machine: None, pulled: BTreeSet::new() };
    loop {
        chassis.look_after()?;
        match listener.accept() {
            Ok((stream, _)) => {
                if let Err(error) = chassis.answer(&stream) {
                    eprintln!("a chassis command was not done: {error:#}");
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(BEAT),
            Err(error) => return Err(error).context("take a caller"),
        }
    }
}

impl Chassis {
    /// QEMU ends when the guest resets or powers off; as on a real machine, a reset starts firmware anew, with the boot
    /// setting that holds then.
    fn look_after(&mut self) -> Result<()> {
        let Some((child, monitor)) = &mut self.machine else { return Ok(()) };
        let Some(status) = child.try_wait().context("look at QEMU")? else { return Ok(()) };
        let was_reset = monitor.was_reset();
        println!("QEMU ended with {status}; the guest {}", if was_reset { "reset" } else { "powered off" });
        self.machine = None;
        if was_reset { self.power_on() } else { Ok(()) }
    }

    fn answer(&mut self, stream: &UnixStream) -> Result<()> {
        stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(PATIENCE))).context("use the call")?;
        let mut line = String::new();
        BufReader::new(stream.take(4096)).read_line(&mut line).context("read the call")?;
        let mut words = line.split_whitespace();
        let mut reply = String::new();
        match words.next() {
            Some("get") => {
                for key in words {
                    let value = match key {
                        "power" => u8::from(self.machine.is_some()).to_string(),
                        "boot" => self.boot.clone(),
                        _ => "none".into(),
                    };
                    reply.push_str(&format!("{key}:{value}\n"));
                }
            }
            Some("set") => {
                while let (Some(key), Some(value)) = (words.next(), words.next()) {
                    println!("set {key} {value}");
                    self.set(key, value)?;
                }
            }
            // "check": everything can be done.
            _ => {}
        }
        let mut stream = stream;
        stream.write_all(reply.as_bytes()).context("answer the call")
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match (key, value) {
            ("power", "1") if self.machine.is_none() => self.power_on(),
            ("power", "0") => self.power_off(),
            ("reset", _) if self.machine.is_some() => {
                self.power_off()?;
                self.power_on()
            }
            ("shutdown", _) => self.machine.as_mut().map_or(Ok(()), |(_, monitor)| monitor.power_button()),
            ("pull", nic) | ("plug", nic) => {
                let nic = nic.parse().context("read a NIC's number")?;
                let is_in = key == "plug";
                if is_in {
                    self.pulled.remove(&nic)
                } else {
                    self.pulled.insert(nic)
                };
                self.machine.as_mut().map_or(Ok(()), |(_, monitor)| monitor.cable(nic, is_in))
            }
            ("boot", device) => {
                device.clone_into(&mut self.boot);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn power_on(&mut self) -> Result<()> {
        let once = match std::mem::replace(&mut self.boot, "none".into()).as_str() {
            "pxe" => BootOnce::Network,
            "default" => BootOnce::Disk,
            _ => BootOnce::Nothing,
        };
        println!("power on, boot {once:?}");
        let child = qemu::command(&self.server, once)?.spawn().context("start QEMU (package qemu-system-x86)")?;
        let mut monitor = Monitor::connect(&self.server.dir.join("qmp.sock"))?;
        self.pulled.iter().try_for_each(|nic| monitor.cable(*nic, false))?;
        self.machine = Some((child, monitor));
        Ok(())
    }

    fn power_off(&mut self) -> Result<()> {
        if let Some((mut child, _)) = self.machine.take() {
            println!("power off");
            child.kill().and_then(|()| child.wait()).context("end QEMU")?;
        }
        Ok(())
    }
}

/// Hands a command of `ipmi_sim` to the chassis, and prints its answer.
///
/// # Errors
/// When no chassis runs.
pub fn control(dir: &Path, words: &[String]) -> Result<()> {
    print!("{}", ask(dir, &words.join(" "))?);
    Ok(())
}

/// Asks a server's chassis.
///
/// # Errors
/// When no chassis runs.
pub fn ask(dir: &Path, command: &str) -> Result<String> {
    let socket = dir.join("chassis.sock");
    let mut stream =
        UnixStream::connect(&socket).with_context(|| format!("reach the chassis at {}", socket.display()))?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).context("use the socket")?;
    stream.write_all(format!("{command}\n").as_bytes()).context("ask the chassis")?;
    let mut reply = String::new();
    stream.take(4096).read_to_string(&mut reply).context("hear the chassis")?;
    Ok(reply)
}
