//! Why a disk could not be chosen or written.

use std::path::{Path, PathBuf};

/// Why a disk could not be chosen or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// No disk fits the hints.
    #[error("choose the disk: none matches {hints}; seen: {seen}")]
    NoneMatches {
        /// The hints.
        hints: String,
        /// Each disk, and why it does not match.
        seen: String,
    },
    /// More than one fits.
    #[error("choose the disk: {matching} match {hints}; give a hint that only one has; seen: {seen}")]
    Ambiguous {
        /// The hints.
        hints: String,
        /// How many match.
        matching: usize,
        /// Each disk.
        seen: String,
    },
    /// The only one that fits may be somebody's stick, and no hint says that it is meant.
    #[error(
        "choose the disk: {disk} ({transport}) is a stick, a card, or not this machine's alone; name it by serial, wwn, model or name"
    )]
    MustBeNamed {
        /// Kernel name.
        disk: String,
        /// How it is attached.
        transport: String,
    },
    /// The image does not fit.
    #[error("use disk {disk}: it has {size} bytes, and the image needs {needed}")]
    TooSmall {
        /// Kernel name.
        disk: String,
        /// Of the disk.
        size: u64,
        /// With room for the backup of the partition table.
        needed: u64,
    },
    /// Another disk holds something that firmware could boot.
    #[error("leave disk {disk} as it is: {reason}, so the server might boot from it; policy does not say to clear it")]
    OtherBootable {
        /// Kernel name.
        disk: String,
        /// What was found.
        reason: String,
    },
    /// Another medium holds something that firmware could boot, and nobody can clear it.
    #[error(
        "leave disk {disk} as it is: {reason}, so the server might boot from it; it takes no writes, so that it cannot be cleared: take \
         it out, or detach it at the BMC"
    )]
    ReadOnlyBootable {
        /// Kernel name.
        disk: String,
        /// What was found.
        reason: String,
    },
    /// Another disk, which other machines may use as well, holds something that firmware could boot.
    #[error(
        "leave disk {disk} as it is: {reason}, so the server might boot from it; it is not this machine's alone, so that it is not cleared: \
         detach it"
    )]
    SharedBootable {
        /// Kernel name.
        disk: String,
        /// What was found.
        reason: String,
    },
    /// A chunk is not what the manifest says.
    #[error("write chunk {index}: {reason}; nothing of it was written, and the disk cannot boot")]
    ChunkCorrupt {
        /// Which.
        index: usize,
        /// In which way.
        reason: String,
    },
    /// The image's partition table is for other sectors.
    #[error("use disk {disk}: its sectors have {sector} bytes, and the image is made for sectors of 512")]
    SectorSize {
        /// Kernel name.
        disk: String,
        /// In bytes.
        sector: u32,
    },
    /// The image's partition table cannot be used.
    #[error("repair the partition table: {0}")]
    GptBroken(String),
    /// What was written reads back as something else.
    #[error("read back {what} of {disk}: it is not what was written")]
    ReadBack {
        /// Kernel name.
        disk: String,
        /// Which part.
        what: String,
    },
    /// The disk or the kernel refused.
    #[error("{doing} {path}: {reason}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// What is there is not what was recorded at inspection.
    #[error("wipe the disks: {0}; nothing was written")]
    NotRecorded(String),
    /// It does not do what it was told to.
    #[error("erase disk {disk}: it refuses {command}: {why}")]
    Refused {
        /// Kernel name.
        disk: String,
        /// What it was told.
        command: &'static str,
        /// Its answer.
        why: String,
    },
    /// It has no such command, or none with these fields, or the kernel has none for it.
    #[error("erase disk {disk}: it does not know {command}, or not so: {why}")]
    Unknown {
        /// Kernel name.
        disk: String,
        /// What it was told.
        command: &'static str,
        /// Its answer.
        why: String,
    },
    /// Its drive has namespaces that no recorded disk is: what a tenant wrote there would stay.
    #[error(
        "wipe disk {disk}: its NVMe drive has, beside the recorded disks, {}; inspect the server again, or delete what \
         is not attached; nothing was written", namespaces(.ids)
    )]
    OtherNamespaces {
        /// Kernel name.
        disk: String,
        /// Their numbers.
        ids: Vec<u32>,
    },
    /// It says that it is another than the recorded one.
    #[error(
        "wipe disk {disk}: its serial number is \"{told}\" by its own word, \"{recorded}\" was recorded; it is left as it is"
    )]
    AnotherDisk {
        /// Kernel name.
        disk: String,
        /// As the disk says now.
        told: String,
        /// As was recorded at inspection.
        recorded: String,
    },
    /// An ATA disk with a password would be of no use after its next power-off.
    #[error("erase disk {disk}: it is locked, or will be at its next power-on: {why}")]
    Locked {
        /// Kernel name.
        disk: String,
        /// What stands against taking the password off.
        why: String,
    },
    /// Nothing that is allowed erased it.
    #[error("erase disk {disk}: {tried}")]
    NotErased {
        /// Kernel name.
        disk: String,
        /// Each way, and why it did not do.
        tried: String,
        /// Of the last of them.
        cause: &'static str,
    },
    /// The source of chunks ended before the image did.
    #[error("write the image: its chunks ended at {at} of {total}")]
    Ended {
        /// The next chunk.
        at: usize,
        /// Chunks in all.
        total: usize,
    },
}

impl DiskError {
    /// One word for programs.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::NoneMatches { .. } => "disk_none_matches",
            Self::Ambiguous { .. } => "disk_ambiguous",
            Self::MustBeNamed { .. } => "disk_must_be_named",
            Self::TooSmall { .. } => "disk_too_small",
            Self::OtherBootable { .. } | Self::ReadOnlyBootable { .. } | Self::SharedBootable { .. } => {
                "other_bootable_disk"
            }
            Self::ChunkCorrupt { .. } => "chunk_corrupt",
            Self::SectorSize { .. } => "sector_size",
            Self::GptBroken(_) => "gpt_broken",
            Self::ReadBack { .. } => "disk_read_back",
            Self::Io { .. } => "disk_io",
            Self::NotRecorded(_) | Self::AnotherDisk { .. } | Self::OtherNamespaces { .. } => "disks_not_recorded",
            Self::Refused { .. } | Self::Unknown { .. } => "disk_refused",
            Self::Locked { .. } => "disk_locked",
            Self::NotErased { cause, .. } => cause,
            Self::Ended { .. } => "image_cut_short",
        }
    }

    pub(super) fn refused(disk: &str, command: &'static str, why: impl ToString) -> Self {
        Self::Refused { disk: disk.to_owned(), command, why: why.to_string() }
    }

    pub(super) fn unknown(disk: &str, command: &'static str, why: impl ToString) -> Self {
        Self::Unknown { disk: disk.to_owned(), command, why: why.to_string() }
    }

    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Io { doing, path: path.to_owned(), reason: error.to_string() }
    }
}

/// "namespace 2", "namespaces 2, 3".
fn namespaces(ids: &[u32]) -> String {
    let each: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!("namespace{} {}", if ids.len() == 1 { "" } else { "s" }, each.join(", "))
}
