//! The archive that a kernel unpacks as its first file system: cpio in the "newc" form
//! (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).

use std::fmt::Write;

/// An archive in memory.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

impl Archive {
    /// An empty archive.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a folder; its parents must have been added before.
    #[must_use]
    pub fn dir(self, path: &str, mode: u32) -> Self {
        self.entry(path, DIRECTORY | mode, (0, 0), &[])
    }

    /// Adds a file; at most 4 GiB − 1.
    #[must_use]
    pub fn file(self, path: &str, mode: u32, content: &[u8]) -> Self {
        self.entry(path, FILE | mode, (0, 0), content)
    }

    /// Adds a character device.
    #[must_use]
    pub fn device(self, path: &str, mode: u32, major: u32, minor: u32) -> Self {
        self.entry(path, CHARACTER_DEVICE | mode, (major, minor), &[])
    }

    /// The archive's bytes; a multiple of four, so that another archive may follow.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut end = self.entry("TRAILER!!!", 0, (0, 0), &[]);
        end.pad();
        end.bytes
    }

    fn entry(mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) -> Self {
        let path = path.trim_start_matches('/');
        self.entries += 1;
        let links = if mode & DIRECTORY == DIRECTORY { 2 } else { 1 };
        let length = |bytes: usize| u32::try_from(bytes).expect("a ramdisk's files are far below 4 GiB");
        // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
        let fields = [
            self.entries,
            mode,
            0,
            0,
            links,
            0,
            length(content.len()),
            0,
            0,
            device.0,
            device.1,
            length(path.len() + 1),
            0,
        ];
        let mut header = String::from("070701");
        for field in fields {
            write!(header, "{field:08x}").expect("a String takes any text");
        }
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
        self
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    /// The independent peer: GNU cpio lists what we packed.
    #[test]
    fn another_implementation_reads_the_archive() {
        let archive = Archive::new()
            .dir("/dev", 0o755)
            .file("init", 0o755, b"#!/bin/sh\n")
            .file("/secret.json", 0o600, b"{}x")
            .device("/dev/console", 0o600, 5, 1)
            .finish();
        assert_eq!(archive.len() % 4, 0);
        let mut cpio = Command::new("cpio")
            .args(["-itv", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        cpio.stdin.take().unwrap().write_all(&archive).unwrap();
        let listed = String::from_utf8(cpio.wait_with_output().unwrap().stdout).unwrap();
        let lines: Vec<&str> = listed.lines().collect();
        assert_eq!(lines.len(), 4, "{listed}");
        assert!(lines[0].starts_with("drwxr-xr-x") && lines[0].ends_with(" dev"), "{listed}");
        assert!(lines[1].starts_with("-rwxr-xr-x") && lines[1].contains(" 10 "), "{listed}");
        assert!(lines[2].starts_with("-rw-------") && lines[2].ends_with("secret.json"), "{listed}");
        assert!(lines[3].starts_with("crw-------"), "{listed}");
    }
}
