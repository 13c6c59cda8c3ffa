//! Admin commands to the controller of an NVMe namespace (linux/nvme_ioctl.h).
#![expect(unsafe_code, reason = "ioctl(2) has no safe form")]

use std::{fs::File, io, os::fd::AsRawFd, time::Duration};

/// One command. Which way its data goes, the lowest two bits of `opcode` say (NVM Express Base 2.0 §3.3.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdminCommand {
    /// Which.
    pub opcode: u8,
    /// Namespace; 0: none, 0xffffffff: all.
    pub nsid: u32,
    /// Command dword 10.
    pub cdw10: u32,
    /// After that the kernel aborts it, at the price of a reset of the controller.
    pub timeout: Duration,
}

/// `struct nvme_passthru_cmd`.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Passthru {
    opcode: u8,
    flags: u8,
    rsvd1: u16,
    nsid: u32,
    cdw2: u32,
    cdw3: u32,
    metadata: u64,
    addr: u64,
    metadata_len: u32,
    data_len: u32,
    cdw10: u32,
    cdw11: u32,
    cdw12: u32,
    cdw13: u32,
    cdw14: u32,
    cdw15: u32,
    timeout_ms: u32,
    result: u32,
}

nix::ioctl_none!(
    /// NVME_IOCTL_ID: the number of the namespace.
    namespace_id, b'N', 0x40
);
nix::ioctl_readwrite!(
    /// NVME_IOCTL_ADMIN_CMD: one admin command.
    admin_command, b'N', 0x41, Passthru
);

/// The number of the namespace, from 1.
///
/// # Errors
/// When `device` is no NVMe namespace.
pub fn namespace(device: &File) -> io::Result<u32> {
    // SAFETY: the descriptor is open while `device` is borrowed; the call takes no pointer.
    let id = unsafe { namespace_id(device.as_raw_fd()) }?;
    u32::try_from(id).map_err(|_| io::Error::other("the kernel tells a negative namespace"))
}

/// Runs a command, and waits for its end; `data` is what goes there or comes back, and may be empty. Answers the
/// completion's status (status code type and code, Base 2.0 §3.3.3.2.1); 0 is success.
///
/// # Errors
/// When the kernel refuses it, or it did not end in time.
pub fn admin(device: &File, command: &AdminCommand, data: &mut [u8]) -> io::Result<u16> {
    let mut passthru = passthru(command, data)?;
    // SAFETY: the descriptor is open while `device` is borrowed; the kernel reads and writes one `Passthru` where it
    // lives, and within `data`, which is borrowed until the command has ended, as many bytes as it has.
    let status = unsafe { admin_command(device.as_raw_fd(), &raw mut passthru) }?;
    u16::try_from(status).map_err(|_| io::Error::other(format!("the kernel tells the status {status:#x}")))
}

fn passthru(command: &AdminCommand, data: &mut [u8]) -> io::Result<Passthru> {
    let too_long = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let AdminCommand { opcode, nsid, cdw10, timeout } = *command;
    Ok(Passthru {
        opcode,
        nsid,
        cdw10,
        addr: if data.is_empty() { 0 } else { data.as_mut_ptr().expose_provenance() as u64 },
        data_len: u32::try_from(data.len()).map_err(too_long)?,
        timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
        ..Passthru::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn the_command_lies_in_memory_as_the_kernel_reads_it() {
        // linux/nvme_ioctl.h, counted by hand.
        assert_eq!(size_of::<Passthru>(), 72);
        assert_eq!(
            [offset_of!(Passthru, nsid), offset_of!(Passthru, addr), offset_of!(Passthru, data_len)],
            [4, 24, 36]
        );
        assert_eq!([offset_of!(Passthru, cdw10), offset_of!(Passthru, timeout_ms)], [40, 64]);
        // _IOWR('N', 0x41, 72 bytes).
        assert_eq!(nix::request_code_readwrite!(b'N', 0x41, size_of::<Passthru>()), 0xc048_4e41);
    }

    #[test]
    fn what_is_no_namespace_takes_no_command() {
        let file = tempfile::tempfile().unwrap();
        let command = AdminCommand { opcode: 6, nsid: 0, cdw10: 1, timeout: Duration::from_secs(1) };
        assert!(namespace(&file).is_err() && admin(&file, &command, &mut [0; 16]).is_err());
    }
}
