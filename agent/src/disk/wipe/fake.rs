//! A disk made up in memory: with the commands of an NVMe drive, of an ATA disk, or with none, and with defects.

use super::{
    ata::{self, Identity},
    ata_secure_erase::PASSWORD,
    device::Device,
};
use crate::{
    disk::DiskError,
    system::{nvme::AdminCommand, scsi::Transfer},
};
use billet_proto::link::Disk;
use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

const SERIAL: &str = "FAKE-1";
pub(super) const SIZE: usize = 8 << 20;
/// So many looks at a Sanitize find it in progress.
const LOOKS: u32 = 3;

/// What kind it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Nvme {
        oacs: u16,
        fna: u8,
        sanicap: u32,
    },
    /// With word 128 of IDENTIFY DEVICE at the start.
    Ata(u16),
}

pub(super) struct Fake {
    pub(super) kind: Kind,
    /// Commands that it refuses, by their opcode; "zero" for the kernel's zeros.
    pub(super) refuses: Vec<&'static str>,
    /// What its own erasure leaves; none: it does nothing, and says that it did.
    pub(super) leaves: Option<u8>,
    /// A byte that nothing reaches.
    pub(super) stuck: Option<usize>,
    /// Commands that it does not know, by their opcode.
    pub(super) unknown: Vec<&'static str>,
    /// The namespaces of its drive, and which of them it is.
    pub(super) namespaces: Vec<u32>,
    pub(super) namespace: u32,
    pub(super) serial: &'static str,
    /// A Sanitize ends so: 1 well, 3 failed, 2 never.
    pub(super) sanitize_ends: u8,
    /// A disk that was cut off within its erasure takes no other command.
    pub(super) only_erases: Cell<bool>,
    pub(super) bytes: RefCell<Vec<u8>>,
    pub(super) told: RefCell<Vec<String>>,
    pub(super) waited: Cell<Duration>,
    pub(super) password: RefCell<Vec<u8>>,
    word_128: Cell<u16>,
    prepared: Cell<bool>,
    /// State, action and looks left of a Sanitize.
    pub(super) sanitize: Cell<(u8, u8, u32)>,
}

impl Fake {
    /// Full of something that differs from place to place.
    pub(super) fn new(kind: Kind) -> Self {
        let word_128 = if let Kind::Ata(word) = kind { word } else { 0 };
        Self {
            kind,
            refuses: Vec::new(),
            leaves: Some(0),
            stuck: None,
            unknown: Vec::new(),
            namespaces: vec![1],
            namespace: 1,
            serial: SERIAL,
            sanitize_ends: 1,
            only_erases: Cell::new(false),
            bytes: RefCell::new((0..=250_u8).flat_map(|byte| [byte; 7]).cycle().take(SIZE).collect()),
            told: RefCell::default(),
            waited: Cell::default(),
            password: RefCell::new(PASSWORD.to_vec()),
            word_128: Cell::new(word_128),
            prepared: Cell::new(false),
            sanitize: Cell::new((0, 0, 0)),
        }
    }

    /// As it was recorded.
    pub(super) fn recorded(&self) -> Disk {
        let transport = match self.kind {
            Kind::Plain => "virtio",
            Kind::Nvme { .. } => "nvme",
            Kind::Ata(_) => "sata",
        };
        Disk { serial: SERIAL.into(), transport: transport.into(), size_bytes: SIZE as u64, ..Disk::default() }
    }

    pub(super) fn is_zero(&self) -> bool {
        *self.bytes.borrow() == vec![0; SIZE]
    }

    pub(super) fn is_as_new(&self) -> bool {
        *self.bytes.borrow() == *Self::new(Kind::Plain).bytes.borrow()
    }

    pub(super) fn has_password(&self) -> bool {
        self.word_128.get() & 0b10 != 0
    }

    /// What it was told, beside what only looks something up, and marks.
    pub(super) fn orders(&self) -> Vec<String> {
        let looks = |told: &&String| !["identify", "status", "mark"].iter().any(|look| told.starts_with(look));
        self.told.borrow().iter().filter(looks).cloned().collect()
    }

    fn tell(&self, what: &str) -> Result<(), DiskError> {
        let mut told = self.told.borrow_mut();
        if told.last().is_none_or(|last| last != what) {
            told.push(what.to_owned());
        }
        if self.refuses.iter().any(|refused| what.starts_with(refused)) {
            return Err(DiskError::refused("fake", "a command", what));
        }
        if self.unknown.iter().any(|unknown| what.starts_with(unknown)) {
            return Err(DiskError::unknown("fake", "a command", what));
        }
        Ok(())
    }

    fn fill(&self, offset: u64, length: u64, byte: u8) {
        self.put(offset, &vec![byte; usize::try_from(length).unwrap()]);
    }

    fn put(&self, offset: u64, data: &[u8]) {
        let mut bytes = self.bytes.borrow_mut();
        let from = usize::try_from(offset).unwrap();
        let kept = self.stuck.map(|at| (at, bytes[at]));
        bytes[from..from + data.len()].copy_from_slice(data);
        if let Some((at, byte)) = kept {
            bytes[at] = byte;
        }
    }

    fn erase_itself(&self) {
        if let Some(byte) = self.leaves {
            self.fill(0, SIZE as u64, byte);
        }
    }

    fn identify(&self, structure: u32, data: &mut [u8]) {
        let Kind::Nvme { oacs, fna, sanicap } = self.kind else { panic!("no NVMe drive") };
        let mut put = |at: usize, bytes: &[u8]| data[at..at + bytes.len()].copy_from_slice(bytes);
        match structure {
            0 => put(26, &[0]),
            1 => {
                put(4, format!("{:<20}", self.serial).as_bytes());
                put(256, &oacs.to_le_bytes());
                put(328, &sanicap.to_le_bytes());
                put(524, &[fna]);
            }
            2 | 0x10 => {
                let ids: Vec<u8> = self.namespaces.iter().flat_map(|id| id.to_le_bytes()).collect();
                put(0, &ids);
            }
            other => panic!("structure {other:#x}"),
        }
    }

    fn status(&self, data: &mut [u8]) {
        let (mut state, action, mut looks) = self.sanitize.get();
        if state == 2 && self.sanitize_ends != 2 {
            if looks == 0 {
                state = self.sanitize_ends;
                if state == 1 {
                    self.erase_itself();
                }
            }
            looks = looks.saturating_sub(1);
        }
        self.sanitize.set((state, action, looks));
        (data[2], data[4]) = (state, action | 8);
    }
}

impl Device for Fake {
    fn name(&self) -> String {
        "fake".into()
    }
    fn size(&self) -> u64 {
        SIZE as u64
    }
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DiskError> {
        let is_away = self.word_128.get() & 0b100 != 0 || matches!(self.sanitize.get().0, 2 | 3);
        if is_away {
            return Err(DiskError::refused("fake", "reading", "it is away"));
        }
        let from = usize::try_from(offset).unwrap();
        bytes.copy_from_slice(&self.bytes.borrow()[from..from + bytes.len()]);
        Ok(())
    }
    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.tell(if bytes.iter().all(|byte| *byte == 0) { "write" } else { "mark" })?;
        self.put(offset, bytes);
        Ok(())
    }
    fn zero_out(&self, offset: u64, length: u64) -> Result<(), DiskError> {
        self.tell("zero")?;
        self.fill(offset, length, 0);
        Ok(())
    }
    fn flush(&self) -> Result<(), DiskError> {
        Ok(())
    }
    fn namespace(&self) -> Result<u32, DiskError> {
        Ok(self.namespace)
    }
    fn admin(&self, command: &AdminCommand, data: &mut [u8]) -> Result<(), DiskError> {
        match command.opcode {
            0x06 => {
                self.tell(&format!("identify {:#x}", command.cdw10))?;
                self.identify(command.cdw10, data);
            }
            0x02 => {
                self.tell("status")?;
                self.status(data);
            }
            0x80 => {
                self.tell(&format!("format {}", command.cdw10 >> 9))?;
                self.erase_itself();
            }
            0x84 => {
                let action = u8::try_from(command.cdw10 & 7).unwrap();
                self.tell(&format!("sanitize {action}"))?;
                self.sanitize.set(if action == 1 { (0, 0, 0) } else { (2, action, LOOKS) });
            }
            other => panic!("opcode {other:#x}"),
        }
        Ok(())
    }
    fn ata(&self, command: ata::Command, transfer: Transfer<'_>, _: Duration) -> Result<(), DiskError> {
        use ata::Command as C;
        let refused = || Err(DiskError::refused("fake", command.name(), "aborted"));
        let (word, prepared) = (self.word_128.get(), self.prepared.take());
        if command == C::IdentifyDevice {
            self.tell("identify")?;
            let Transfer::From(data) = transfer else { panic!("identify brings data") };
            let mut serial = [b' '; 20];
            serial[..self.serial.len()].copy_from_slice(self.serial.as_bytes());
            let pairs = serial.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            let mut words: Vec<(usize, u16)> = (10..20).zip(pairs).collect();
            words.extend([(82, (word & 1) << 1), (128, word)]);
            data.copy_from_slice(Identity::of(&words).bytes());
            return Ok(());
        }
        self.tell(&format!("{command:?}"))?;
        let frozen = word & 0b1000 != 0;
        if frozen || self.only_erases.get() && !matches!(command, C::SecurityErasePrepare | C::SecurityEraseUnit) {
            return refused();
        }
        let block = if let Transfer::To(block) = transfer { block.to_vec() } else { Vec::new() };
        let knows = || block.get(2..34).is_some_and(|given| given.starts_with(&self.password.borrow()));
        match command {
            C::SecuritySetPassword => {
                *self.password.borrow_mut() = block[2..34].to_vec();
                self.word_128.set(word | 0b10);
            }
            C::SecurityErasePrepare => self.prepared.set(true),
            C::SecurityUnlock if knows() => self.word_128.set(word & !0b100),
            C::SecurityEraseUnit if prepared && knows() => {
                self.erase_itself();
                self.only_erases.set(false);
                self.word_128.set(word & !0b110);
            }
            C::SecurityDisablePassword if knows() && word & 0b100 == 0 => self.word_128.set(word & !0b10),
            _ => return refused(),
        }
        Ok(())
    }
    fn wait(&self, time: Duration) {
        self.waited.set(self.waited.get() + time);
    }
}
