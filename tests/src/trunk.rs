//! A port that speaks 802.1Q: between a server's NIC and two taps, one for what has no tag and one for what has that of the port.
//!
//! The kernel that a laboratory runs on may have neither VLAN devices nor filtering bridges, so this is done here: QEMU's frames
//! come and go as datagrams, and the taps are moved from bridge to bridge like any other. What has another tag is dropped.

use anyhow::{Context, Result};
use nix::{
    libc,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::{
        fd::{AsFd, AsRawFd},
        unix::{fs::OpenOptionsExt, net::UnixDatagram},
    },
    path::{Path, PathBuf},
};

/// Longer than any frame with a tag.
const MAX_FRAME: usize = 16 << 10;
/// TPID of a customer's tag (IEEE 802.1Q §9.6).
const TPID: [u8; 2] = [0x81, 0x00];
/// Destination and source stand before the tag.
const ADDRESSES: usize = 12;

/// Where QEMU takes frames for a NIC, and where it sends them.
#[must_use]
pub fn sockets(dir: &Path, nic: usize) -> (PathBuf, PathBuf) {
    (dir.join(format!("n{nic}.qemu")), dir.join(format!("n{nic}.trunk")))
}

/// The tap for what has the port's tag.
#[must_use]
pub fn tagged_tap(tap: &str) -> String {
    format!("{tap}v")
}

/// Carries frames until it is ended.
///
/// # Errors
/// When socket or taps cannot be had, or fail.
pub fn run(dir: &Path, nic: usize, tap: &str, tag: u16) -> Result<()> {
    let (qemu, own) = sockets(dir, nic);
    let _ = fs::remove_file(&own);
    let socket = UnixDatagram::bind(&own).with_context(|| format!("listen on {}", own.display()))?;
    socket.set_nonblocking(true).context("use the socket")?;
    let (mut native, mut tagged) = (open(tap)?, open(&tagged_tap(tap))?);
    let mut frame = vec![0; MAX_FRAME];
    loop {
        let mut waiting = [socket.as_fd(), native.as_fd(), tagged.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        poll(&mut waiting, PollTimeout::NONE).context("wait for frames")?;
        while let Some(length) = some(socket.recv(&mut frame))? {
            match untagged(&frame[..length]) {
                Untagged::Native(frame) => send(&mut native, frame),
                Untagged::Tagged(of, frame) if of == tag => send(&mut tagged, &frame),
                Untagged::Tagged(..) => {}
            }
        }
        while let Some(length) = some(native.read(&mut frame))? {
            // A server that is off takes nothing.
            let _ = socket.send_to(&frame[..length], &qemu);
        }
        while let Some(length) = some(tagged.read(&mut frame))? {
            let _ = socket.send_to(&with_tag(&frame[..length], tag), &qemu);
        }
    }
}

/// None: nothing for now.
fn some(read: std::io::Result<usize>) -> Result<Option<usize>> {
    match read {
        Ok(length) => Ok(Some(length)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error).context("read a frame"),
    }
}

/// A network loses frames: a tap that is on no bridge, or full, does as well.
fn send(tap: &mut File, frame: &[u8]) {
    let _ = tap.write(frame);
}

#[derive(Debug, PartialEq, Eq)]
enum Untagged<'a> {
    Native(&'a [u8]),
    Tagged(u16, Vec<u8>),
}

fn untagged(frame: &[u8]) -> Untagged<'_> {
    match frame.get(ADDRESSES..ADDRESSES + 4) {
        Some(&[high, low, first, second]) if [high, low] == TPID => {
            let tag = u16::from_be_bytes([first, second]) & 0x0fff;
            Untagged::Tagged(tag, [&frame[..ADDRESSES], &frame[ADDRESSES + 4..]].concat())
        }
        _ => Untagged::Native(frame),
    }
}

fn with_tag(frame: &[u8], tag: u16) -> Vec<u8> {
    let at = ADDRESSES.min(frame.len());
    [&frame[..at], &TPID, &tag.to_be_bytes(), &frame[at..]].concat()
}

/// Opens a tap that is there.
fn open(name: &str) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun");
    let file = file.context("open /dev/net/tun")?;
    attach(&file, name).with_context(|| format!("open the tap {name}"))?;
    Ok(file)
}

#[expect(unsafe_code, reason = "no safe wrapper of TUNSETIFF is among the dependencies")]
fn attach(file: &File, name: &str) -> nix::Result<()> {
    nix::ioctl_write_ptr_bad!(tun_set_iff, nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()), libc::ifreq);
    let mut ifr_name = [0; libc::IFNAMSIZ];
    for (to, from) in ifr_name.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    let ifru_flags = i16::try_from(libc::IFF_TAP | libc::IFF_NO_PI).expect("two low bits of a short");
    let request = libc::ifreq { ifr_name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags } };
    // SAFETY: the kernel reads one `ifreq`, which lives until the call returns; the descriptor is open.
    unsafe { tun_set_iff(file.as_raw_fd(), &request) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_taken_off_and_put_on_where_the_standard_has_it() {
        let native: Vec<u8> = (0..12).chain([0x08, 0x06, 1, 2, 3]).collect();
        let tagged: Vec<u8> = (0..12).chain([0x81, 0x00, 0x00, 0x64, 0x08, 0x06, 1, 2, 3]).collect();
        assert_eq!(with_tag(&native, 100), tagged);
        assert_eq!(untagged(&native), Untagged::Native(&native));
        assert_eq!(untagged(&tagged), Untagged::Tagged(100, native));
        // Priority bits are no part of the number.
        let urgent: Vec<u8> = (0..12).chain([0x81, 0x00, 0xe0, 0x64]).collect();
        assert_eq!(untagged(&urgent), Untagged::Tagged(100, (0..12).collect()));
        assert_eq!(untagged(&[1, 2]), Untagged::Native(&[1, 2]));
    }
}
