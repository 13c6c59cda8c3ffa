//! What a NIC's driver tells (linux/ethtool.h).
#![expect(unsafe_code, reason = "ioctl(2) has no safe form")]

use nix::libc;
use std::{
    ffi::{CStr, c_char},
    io,
    os::fd::AsRawFd,
};

const ETHTOOL_GDRVINFO: u32 = 0x03;

/// struct ethtool_drvinfo.
#[repr(C)]
struct DriverInfo {
    command: u32,
    driver: [c_char; 32],
    version: [c_char; 32],
    firmware_version: [c_char; 32],
    bus: [c_char; 32],
    rom_version: [c_char; 32],
    reserved: [c_char; 12],
    counts: [u32; 5],
}

nix::ioctl_readwrite_bad!(
    /// SIOCETHTOOL, on any socket.
    ask, libc::SIOCETHTOOL, libc::ifreq
);

/// The version of a NIC's firmware, as its driver tells it; at most 31 bytes, and may be empty.
///
/// # Errors
/// When there is no such NIC, or its driver tells nothing.
pub fn firmware_version(interface: &str) -> io::Result<String> {
    if interface.len() >= libc::IFNAMSIZ {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    let mut info = DriverInfo {
        command: ETHTOOL_GDRVINFO,
        driver: [0; 32],
        version: [0; 32],
        firmware_version: [0; 32],
        bus: [0; 32],
        rom_version: [0; 32],
        reserved: [0; 12],
        counts: [0; 5],
    };
    // SAFETY: all zeros is a name without letters and a null pointer, which ifreq may hold.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = c_char::from_ne_bytes([from]);
    }
    request.ifr_ifru.ifru_data = (&raw mut info).cast();
    // SAFETY: the descriptor is open while `socket` lives; the kernel writes one ethtool_drvinfo where `info` lives.
    unsafe { ask(socket.as_raw_fd(), &raw mut request) }?;
    info.firmware_version[31] = 0;
    // SAFETY: the text is within the array, and ends at the zero above at the latest.
    let text = unsafe { CStr::from_ptr(info.firmware_version.as_ptr()) };
    Ok(text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nic_that_is_not_there_tells_nothing() {
        assert!(firmware_version("nonexistent").is_err());
        assert!(firmware_version("longer-than-any-name").is_err());
        assert_eq!(size_of::<DriverInfo>(), 196, "as the kernel has it");
    }
}
