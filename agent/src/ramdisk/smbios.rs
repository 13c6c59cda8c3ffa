//! What the firmware says of the machine: the SMBIOS structure table (DSP0134, System Management BIOS Reference
//! Specification), as far as the inventory goes.
//!
//! Firmware writes it and we do not trust it: any bytes give an answer, and what is not told is empty or zero.

use billet_proto::link::{MemoryModule, Processor};

/// The most structures that are looked at; large machines have some hundreds.
const MAX_STRUCTURES: usize = 8192;
/// More than any machine has sockets.
const MAX_PROCESSORS: usize = 256;
/// More than any machine has slots.
const MAX_MODULES: usize = 1024;
/// The most characters of a text.
const MAX_TEXT: usize = 128;
/// Type, length and handle (§6.1.2).
const HEADER: usize = 4;
/// The structure that ends the table (§7, End-of-Table).
const END_OF_TABLE: u8 = 127;
/// Central Processor, of the processor types (§7.5.1).
const CENTRAL_PROCESSOR: u8 = 3;
/// CPU Socket Populated, of a processor's status (§7.5).
const POPULATED: u8 = 1 << 6;
const MIB: u64 = 1 << 20;

/// What the table tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Smbios {
    pub(super) firmware_vendor: String,
    pub(super) firmware_version: String,
    pub(super) manufacturer: String,
    pub(super) model: String,
    pub(super) board_manufacturer: String,
    pub(super) board_model: String,
    pub(super) board_version: String,
    pub(super) board_serial: String,
    /// Of populated sockets.
    pub(super) processors: Vec<Processor>,
    /// Of populated slots.
    pub(super) memory_modules: Vec<MemoryModule>,
}

impl Smbios {
    /// Reads the structures up to the end of the table, or to the first that is none.
    pub(super) fn parse(table: &[u8]) -> Self {
        let mut told = Self::default();
        let mut seen = [false; 3];
        for structure in Structures(table).take(MAX_STRUCTURES) {
            // A blade names its enclosure's boards too, after its own.
            let again = seen.get_mut(usize::from(structure.kind)).is_some_and(|seen| std::mem::replace(seen, true));
            match structure.kind {
                0..=2 if again => {}
                0 => told.firmware(&structure),
                1 => told.system(&structure),
                2 => told.board(&structure),
                4 if told.processors.len() < MAX_PROCESSORS => told.processors.extend(structure.processor()),
                17 if told.memory_modules.len() < MAX_MODULES => told.memory_modules.extend(structure.memory_module()),
                _ => {}
            }
        }
        told
    }

    /// BIOS Information (§7.1).
    fn firmware(&mut self, structure: &Structure<'_>) {
        self.firmware_vendor = structure.text(0x04);
        self.firmware_version = structure.text(0x05);
    }

    /// System Information (§7.2).
    fn system(&mut self, structure: &Structure<'_>) {
        self.manufacturer = structure.text(0x04);
        self.model = structure.text(0x05);
    }

    /// Baseboard Information (§7.3).
    fn board(&mut self, structure: &Structure<'_>) {
        self.board_manufacturer = structure.text(0x04);
        self.board_model = structure.text(0x05);
        self.board_version = structure.text(0x06);
        self.board_serial = structure.text(0x07);
    }
}

/// The structures of a table, in its order.
struct Structures<'a>(&'a [u8]);

impl<'a> Iterator for Structures<'a> {
    type Item = Structure<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, &length) = (self.0.first()?, self.0.get(1)?);
        let length = usize::from(length);
        if kind == END_OF_TABLE || length < HEADER {
            return None;
        }
        let (formatted, rest) = self.0.split_at_checked(length)?;
        // Two zeros end the strings, also where there are none (§6.1.3); a table that is cut off ends with itself.
        let strings = rest.windows(2).position(|pair| pair == [0, 0]).map_or(rest.len(), |at| at + 2);
        let (strings, rest) = rest.split_at(strings);
        self.0 = rest;
        Some(Structure { kind, formatted, strings })
    }
}

/// One structure. Fields are at the specification's offsets; one beyond its length, as of an older version, is zero.
struct Structure<'a> {
    kind: u8,
    formatted: &'a [u8],
    strings: &'a [u8],
}

impl Structure<'_> {
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        self.formatted.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
    }

    fn byte(&self, at: usize) -> u8 {
        u8::from_le_bytes(self.array(at))
    }

    fn word(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    fn dword(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    /// The string with the number at this place, counted from one; zero is none (§6.1.3).
    fn text(&self, at: usize) -> String {
        let Some(index) = usize::from(self.byte(at)).checked_sub(1) else { return String::new() };
        let bytes = self.strings.split(|byte| *byte == 0).nth(index).unwrap_or_default();
        let text: String = String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).collect();
        text.trim().chars().take(MAX_TEXT).collect()
    }

    /// A count in a byte, or where that says FFh in the word that later versions added (§7.5).
    fn count(&self, byte: usize, word: usize) -> u32 {
        match self.byte(byte) {
            u8::MAX if self.word(word) != 0 => self.word(word).into(),
            count => count.into(),
        }
    }

    /// Processor Information (§7.5); none of an empty socket, nor of what is no central processor.
    fn processor(&self) -> Option<Processor> {
        let populated = self.byte(0x18) & POPULATED != 0 && self.byte(0x05) == CENTRAL_PROCESSOR;
        populated.then(|| Processor {
            slot: self.text(0x04),
            manufacturer: self.text(0x07),
            model: self.text(0x10),
            cores: self.count(0x23, 0x2A),
            threads: self.count(0x25, 0x2E),
            max_mhz: self.word(0x14).into(),
        })
    }

    /// Memory Device (§7.18); none of an empty slot.
    fn memory_module(&self) -> Option<MemoryModule> {
        Some(MemoryModule {
            slot: self.text(0x10),
            size_bytes: self.memory_bytes()?,
            manufacturer: self.text(0x17),
            part_number: self.text(0x1A),
            serial: self.text(0x18),
            kind: memory_kind(self.byte(0x12)).into(),
            mhz: self.memory_speed(),
        })
    }

    /// Size and Extended Size (§7.18.5); zero where the firmware does not know it.
    fn memory_bytes(&self) -> Option<u64> {
        match self.word(0x0C) {
            0 => None,
            u16::MAX => Some(0),
            0x7FFF => Some(u64::from(self.dword(0x1C) & 0x7FFF_FFFF) * MIB),
            // Bit 15: in KiB.
            size if size & 0x8000 != 0 => Some(u64::from(size & 0x7FFF) * 1024),
            size => Some(u64::from(size) * MIB),
        }
    }

    /// The most that the module can do, not what it is run at (§7.18, Speed and Extended Speed).
    fn memory_speed(&self) -> u32 {
        match self.word(0x15) {
            u16::MAX => self.dword(0x54) & 0x7FFF_FFFF,
            speed => speed.into(),
        }
    }
}

/// Memory Device: Type (§7.18.2); empty where it is other, unknown or newer.
fn memory_kind(kind: u8) -> &'static str {
    match kind {
        0x03 => "DRAM",
        0x07 => "RAM",
        0x0F => "SDRAM",
        0x12 => "DDR",
        0x13 => "DDR2",
        0x14 => "DDR2 FB-DIMM",
        0x18 => "DDR3",
        0x19 => "FBD2",
        0x1A => "DDR4",
        0x1B => "LPDDR",
        0x1C => "LPDDR2",
        0x1D => "LPDDR3",
        0x1E => "LPDDR4",
        0x1F => "logical non-volatile device",
        0x20 => "HBM",
        0x21 => "HBM2",
        0x22 => "DDR5",
        0x23 => "LPDDR5",
        0x24 => "HBM3",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Written by hand after DSP0134 3.7 §7, with the shape and texts of QEMU's tables. Do not change it to make a test pass.
    fn golden() -> Vec<u8> {
        let mut table = Vec::new();
        // §7.1 BIOS Information, length 18h.
        table.extend(b"\x00\x18\x00\x00\x01\x02\x00\xe8\x03\x00\x08\0\0\0\0\0\0\0\x00\x1c\x00\x00\xff\xff");
        table.extend(b"SeaBIOS\0rel-1.16.3\x0004/01/2014\0\0");
        // §7.2 System Information, length 1Bh; the UUID of sixteen bytes at 08h.
        table.extend(b"\x01\x1b\x00\x01\x01\x02\x03\x00UUIDUUIDUUIDUUID\x06\x00\x00");
        table.extend(b"QEMU\0Standard PC (Q35 + ICH9, 2009)\0pc-q35-9.0\0\0");
        // §7.3 Baseboard Information, length 0Fh.
        table.extend(b"\x02\x0f\x00\x02\x01\x02\x03\x04\x00\x09\x00\x00\x03\x0a\x00");
        table.extend(b"Billet \x07\0Board 1\0rev B\0SN-0001\0\0");
        // §7.5 Processor Information, length 30h: 4 cores, 8 threads, 2000 MHz.
        table.extend(processor(b"\x04\x08", [0, 0, 0], 0x41));
        table.extend(b"CPU 0\0QEMU\0pc-q35-9.0\0\0");
        // The same with 300 cores and 600 threads, which only the words can say; then an empty socket.
        table.extend(processor(b"\xff\xff", [300, 300, 600], 0x41));
        table.extend(b"CPU 1\0QEMU\0pc-q35-9.0\0\0");
        table.extend(processor(b"\x00\x00", [0, 0, 0], 0x00));
        table.extend(b"CPU 2\0\0");
        // §7.17 Physical Memory Array, length 17h, no strings: two zeros follow.
        table.extend(b"\x10\x17\x00\x10\x01\x03\x06\x00\x00\x00\x02\xfe\xff\x02\x00\0\0\0\0\0\0\0\0\0\0");
        // §7.18 Memory Device: 2 GiB; 64 GiB by the extended size; 512 KiB by bit 15; an empty slot.
        table.extend(module(0x0800, 0, 0x07, 0));
        table.extend(b"DIMM 0\0QEMU\0\0");
        table.extend(module(0x7fff, 0x1_0000, 0x22, 4800));
        table.extend(b"DIMM 1\0Maker\0S-1\0\x20P-1 \0\0");
        table.extend(module(0x8200, 0, 0x1a, 0xffff));
        table.extend(b"DIMM 2\0\0");
        table.extend(module(0, 0, 0x02, 0));
        table.extend(b"DIMM 3\0\0");
        // §7 End-of-Table (type 127); what follows is not looked at.
        table.extend(b"\x7f\x04\x00\x7f\0\0");
        table.extend(module(0x0800, 0, 0x07, 0));
        table
    }

    fn processor(counts: &[u8; 2], words: [u16; 3], status: u8) -> Vec<u8> {
        let mut bytes = b"\x04\x30\x00\x04\x01\x03\x01\x02\0\0\0\0\0\0\0\0\x03\x00\x00\x00\xd0\x07\xd0\x07".to_vec();
        bytes.extend([status, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, counts[0], counts[0], counts[1]]);
        bytes.extend(b"\x02\x00\x01\x00");
        bytes.extend(words.into_iter().flat_map(u16::to_le_bytes));
        assert_eq!(bytes.len(), 0x30);
        bytes
    }

    fn module(size: u16, extended: u32, kind: u8, speed: u16) -> Vec<u8> {
        let mut bytes = b"\x11\x5c\x00\x11\x00\x10\xfe\xff\x40\x00\x40\x00".to_vec();
        bytes.extend(size.to_le_bytes());
        bytes.extend([0x09, 0, 1, 0, kind, 2, 0]);
        bytes.extend(speed.to_le_bytes());
        bytes.extend([2, 3, 0, 4, 0]);
        bytes.extend(extended.to_le_bytes());
        bytes.resize(0x54, 0);
        bytes.extend(70_000_u32.to_le_bytes());
        bytes.resize(0x5c, 0);
        bytes
    }

    #[test]
    fn a_table_after_the_specification_is_understood() {
        let told = Smbios::parse(&golden());
        let texts = [&told.firmware_vendor, &told.firmware_version, &told.manufacturer, &told.model];
        assert_eq!(texts, ["SeaBIOS", "rel-1.16.3", "QEMU", "Standard PC (Q35 + ICH9, 2009)"]);
        let board = [&told.board_manufacturer, &told.board_model, &told.board_version, &told.board_serial];
        assert_eq!(board, ["Billet", "Board 1", "rev B", "SN-0001"]);
        let processors: Vec<_> =
            told.processors.iter().map(|p| (p.slot.as_str(), p.cores, p.threads, p.max_mhz)).collect();
        assert_eq!(processors, [("CPU 0", 4, 8, 2000), ("CPU 1", 300, 600, 2000)]);
        assert_eq!(
            (told.processors[0].manufacturer.as_str(), told.processors[0].model.as_str()),
            ("QEMU", "pc-q35-9.0")
        );
        let modules: Vec<_> =
            told.memory_modules.iter().map(|m| (m.slot.as_str(), m.size_bytes, m.kind.as_str(), m.mhz)).collect();
        assert_eq!(
            modules,
            [("DIMM 0", 2 << 30, "RAM", 0), ("DIMM 1", 64 << 30, "DDR5", 4800), ("DIMM 2", 512 << 10, "DDR4", 70_000)]
        );
        let second = &told.memory_modules[1];
        assert_eq!([&second.manufacturer, &second.serial, &second.part_number], ["Maker", "S-1", "P-1"]);
    }

    #[test]
    fn a_text_is_cut_and_one_that_is_not_there_is_empty() {
        let mut table = b"\x01\x06\x00\x01\x01\x02".to_vec();
        table.extend([b'a'; 300]);
        table.extend(b"\0\0");
        let told = Smbios::parse(&table);
        assert_eq!((told.manufacturer.len(), told.model.as_str()), (MAX_TEXT, ""));
    }

    #[test]
    fn a_second_board_does_not_take_the_place_of_the_first() {
        let told = Smbios::parse(b"\x02\x05\x00\x02\x01first\0\0\x02\x05\x01\x02\x01second\0\0");
        assert_eq!(told.board_manufacturer, "first");
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let mut one = module(0x0800, 0, 0x1a, 3200);
        one.extend(b"D\0\0");
        assert_eq!(Smbios::parse(&one.repeat(MAX_MODULES + 5)).memory_modules.len(), MAX_MODULES);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(table in proptest::collection::vec(any::<u8>(), 0..4096)) {
            let _ = Smbios::parse(&table);
        }

        #[test]
        fn no_damaged_table_panics(at in 0_usize..700, byte: u8, end in 0_usize..1000) {
            let mut table = golden();
            if let Some(place) = table.get_mut(at) {
                *place = byte;
            }
            table.truncate(end);
            let told = Smbios::parse(&table);
            prop_assert!(told.model.chars().all(|c| !c.is_control()));
        }
    }
}
