//! The iPXE script of a boot, from typed values alone: no text that anybody gave is in it.

use super::{dhcp::Place, table::Answered};

/// The kernel's arguments: both consoles, few lines, no restart after a panic, for then firmware would boot what is on the disk (the agent
/// powers a silent machine off, and boots it again), and SCSI disks that are there when their driver is (drivers/scsi/scsi_scan.c): the right one is chosen among all. Nothing secret
/// may ever stand here: every process of the machine can read it.
const KERNEL_ARGUMENTS: &str = "console=tty0 console=ttyS0,115200 quiet panic=0 scsi_mod.scan=sync";

/// The script (iPXE's commands as of 2019). After a failure it tries again and never leaves to the firmware, which would
/// boot what is on the disk; the agent powers the server off when the boot's deadline is over.
///
/// Firmware of the UEFI kind takes the `initrd=` names from the command line, in this order; for BIOS iPXE puts the
/// files behind each other itself. The identity comes last in both.
pub(super) fn script(place: &Place, boot: &Answered) -> String {
    let base = format!("http://{}:{}/boot/{}", place.address, place.http_port, boot.mac.hyphenated());
    let id = boot.id.simple();
    format!(
        "#!ipxe\n\
         :again\n\
         kernel {base}/vmlinuz initrd=initrd initrd=identity {KERNEL_ARGUMENTS} || goto failed\n\
         initrd --name initrd {base}/initrd || goto failed\n\
         initrd --name identity {base}/{id}/identity.cpio || goto failed\n\
         boot || goto failed\n\
         :failed\n\
         echo The boot failed. It is tried again in 10 seconds.\n\
         sleep 10\n\
         imgfree\n\
         goto again\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_script_is_exactly_this() {
        let place = Place { address: [10, 77, 0, 1].into(), prefix_length: 24, http_port: 8080 };
        let mac = "52:54:00:00:00:01".parse().unwrap();
        let boot = Answered { mac, address: [10, 77, 0, 101].into(), id: Uuid::from_u128(0xabc) };
        let base = "http://10.77.0.1:8080/boot/52-54-00-00-00-01";
        let expected = [
            "#!ipxe".to_owned(),
            ":again".into(),
            format!(
                "kernel {base}/vmlinuz initrd=initrd initrd=identity \
                 console=tty0 console=ttyS0,115200 quiet panic=0 scsi_mod.scan=sync || goto failed"
            ),
            format!("initrd --name initrd {base}/initrd || goto failed"),
            format!("initrd --name identity {base}/00000000000000000000000000000abc/identity.cpio || goto failed"),
            "boot || goto failed".into(),
            ":failed".into(),
            "echo The boot failed. It is tried again in 10 seconds.".into(),
            "sleep 10".into(),
            "imgfree".into(),
            "goto again".into(),
        ];
        assert_eq!(script(&place, &boot).lines().collect::<Vec<_>>(), expected);
    }
}
