//! Commands to a SCSI disk, or to an ATA disk behind a translation layer (SG_IO, scsi/sg.h).
#![expect(unsafe_code, reason = "ioctl(2) has no safe form")]

use std::{ffi::c_void, fs::File, io, os::fd::AsRawFd, ptr, time::Duration};

/// Fixed or descriptor sense data; no layer tells more that is of use.
const SENSE: u8 = 32;

/// Which way data goes.
#[derive(Debug)]
pub enum Transfer<'a> {
    /// There is none.
    None,
    /// To the disk.
    To(&'a [u8]),
    /// From the disk; as many bytes as there is room for.
    From(&'a mut [u8]),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Completion {
    /// SCSI status (SAM-5 §5.3); 0 is GOOD, 2 CHECK CONDITION.
    pub status: u8,
    /// What the adapter says; 0 is no error, 3 that it took too long.
    pub host: u16,
    /// What the driver says; 8 is that there is sense data.
    pub driver: u16,
    /// Sense data (SPC-5 §4.4).
    pub sense: [u8; SENSE as usize],
}

impl Completion {
    /// Whether the command did what it should.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.status == 0 && self.host == 0 && self.driver == 0
    }
}

/// `struct sg_io_hdr`.
#[repr(C)]
#[derive(Debug)]
pub struct Header {
    interface_id: i32,
    dxfer_direction: i32,
    cmd_len: u8,
    mx_sb_len: u8,
    iovec_count: u16,
    dxfer_len: u32,
    dxferp: *mut c_void,
    cmdp: *const u8,
    sbp: *mut u8,
    timeout: u32,
    flags: u32,
    pack_id: i32,
    usr_ptr: *mut c_void,
    status: u8,
    masked_status: u8,
    msg_status: u8,
    sb_len_wr: u8,
    host_status: u16,
    driver_status: u16,
    resid: i32,
    duration: u32,
    info: u32,
}

nix::ioctl_readwrite_bad!(
    /// SG_IO: one command.
    sg_io, 0x2285, Header
);

/// Runs a command of 16 bytes, and waits for its end, or for `timeout`, after which the kernel aborts it.
///
/// # Errors
/// When `device` takes no such commands. How the disk answers is the [`Completion`].
pub fn run(device: &File, cdb: &[u8; 16], transfer: Transfer<'_>, timeout: Duration) -> io::Result<Completion> {
    let (direction, pointer, length) = match transfer {
        Transfer::None => (-1, ptr::null_mut(), 0),
        // The kernel only reads what goes to the disk.
        Transfer::To(bytes) => (-2, bytes.as_ptr().cast_mut().cast::<c_void>(), bytes.len()),
        Transfer::From(bytes) => (-3, bytes.as_mut_ptr().cast::<c_void>(), bytes.len()),
    };
    let mut sense = [0; SENSE as usize];
    let mut header = Header {
        interface_id: i32::from(b'S'),
        dxfer_direction: direction,
        cmd_len: 16,
        mx_sb_len: SENSE,
        iovec_count: 0,
        dxfer_len: u32::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?,
        dxferp: pointer,
        cmdp: cdb.as_ptr(),
        sbp: sense.as_mut_ptr(),
        timeout: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
        flags: 0,
        pack_id: 0,
        usr_ptr: ptr::null_mut(),
        status: 0,
        masked_status: 0,
        msg_status: 0,
        sb_len_wr: 0,
        host_status: 0,
        driver_status: 0,
        resid: 0,
        duration: 0,
        info: 0,
    };
    // SAFETY: the descriptor is open while `device` is borrowed; command, data and sense are borrowed or live until the
    // command has ended, are as long as the header says, and the kernel writes to data only where it was borrowed for
    // writing.
    unsafe { sg_io(device.as_raw_fd(), &raw mut header) }?;
    Ok(Completion { status: header.status, host: header.host_status, driver: header.driver_status, sense })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn the_header_lies_in_memory_as_the_kernel_reads_it() {
        // scsi/sg.h for 64-bit pointers, counted by hand.
        assert_eq!(size_of::<Header>(), 88);
        assert_eq!([offset_of!(Header, dxferp), offset_of!(Header, cmdp), offset_of!(Header, sbp)], [16, 24, 32]);
        assert_eq!([offset_of!(Header, timeout), offset_of!(Header, status), offset_of!(Header, info)], [40, 64, 80]);
    }

    #[test]
    fn what_is_no_scsi_disk_takes_no_command() {
        let file = tempfile::tempfile().unwrap();
        assert!(run(&file, &[0; 16], Transfer::None, Duration::from_secs(1)).is_err());
    }
}
