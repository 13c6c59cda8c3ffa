//! A virtual server: its parts, and the files that its BMC and its chassis run from.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// How a server boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// OVMF.
    Uefi,
    /// SeaBIOS.
    Bios,
}

impl Firmware {
    /// The word in the agent's configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Uefi => "uefi",
            Self::Bios => "bios",
        }
    }
}

/// What a server is to be.
#[derive(Debug, Clone)]
pub struct ServerSpec {
    /// How it boots.
    pub firmware: Firmware,
    /// Sizes in bytes.
    pub disks: Vec<u64>,
    /// How many; the first boots.
    pub nics: usize,
    /// Those that are one port.
    pub bonds: Vec<Bond>,
    /// How many of the last are on a rail of the parameter plane each.
    pub rails: usize,
    /// Whose it is.
    pub rack: usize,
}

/// NICs that are one port; with a tag each is behind a port that speaks 802.1Q.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bond {
    /// As the agent's configuration has it.
    pub mode: String,
    /// By number; the first names the port.
    pub nics: Vec<usize>,
    /// Of the tenant's network.
    pub vlan: Option<u16>,
}

impl Default for ServerSpec {
    fn default() -> Self {
        Self { firmware: Firmware::Uefi, disks: vec![4 << 30], nics: 2, bonds: Vec::new(), rails: 0, rack: 0 }
    }
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// From 0.
    pub number: usize,
    /// The product's id for it.
    pub id: String,
    /// Its files.
    pub dir: PathBuf,
    /// How it boots.
    pub firmware: Firmware,
    /// SMBIOS UUID, and the BMC's.
    pub uuid: String,
    /// SMBIOS serial number.
    pub serial: String,
    /// In port order.
    pub macs: Vec<String>,
    /// Taps in port order.
    pub taps: Vec<String>,
    /// Those that are one port.
    pub bonds: Vec<Bond>,
    /// How many of the last are on a rail each.
    pub rails: usize,
    /// Disk files; serial numbers are `DISKnm`.
    pub disks: Vec<PathBuf>,
    /// Whose it is.
    pub rack: usize,
    /// Where the BMC answers.
    pub bmc_address: String,
    /// While it boots.
    pub provisioning_address: String,
}

/// The BMC's account.
pub const BMC_USER: &str = "billet";

const MACHINE: &str = "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nmc_enable 0x20\n";

impl Server {
    /// Makes the server's files below `lab`; nothing is started. `program` is the laboratory's own.
    ///
    /// # Errors
    /// When a file cannot be made.
    pub fn make(lab: &Path, number: usize, spec: &ServerSpec, program: &Path) -> Result<Self> {
        let dir = lab.join(format!("server{number}"));
        fs::create_dir_all(dir.join("bmc-state")).with_context(|| format!("make {}", dir.display()))?;
        let mut disks = Vec::new();
        for (index, bytes) in spec.disks.iter().enumerate() {
            let path = dir.join(format!("disk{index}.raw"));
            File::create(&path)
                .and_then(|file| file.set_len(*bytes))
                .with_context(|| format!("make {}", path.display()))?;
            disks.push(path);
        }
        let server = Self {
            number,
            id: format!("0198170e-4ca7-7000-8000-{number:012x}"),
            firmware: spec.firmware,
            uuid: format!("b1113700-0000-4000-8000-{number:012x}"),
            serial: format!("SN{number:04}"),
            macs: (0..spec.nics).map(|nic| format!("52:54:00:b1:{number:02x}:{nic:02x}")).collect(),
            taps: (0..spec.nics).map(|nic| format!("t{number}n{nic}")).collect(),
            bonds: spec.bonds.clone(),
            rails: spec.rails,
            disks,
            rack: spec.rack,
            bmc_address: format!("10.78.0.{}", 100 + number),
            provisioning_address: format!("10.77.0.{}", 100 + number),
            dir,
        };
        server.write_files(program)?;
        Ok(server)
    }

    /// The BMC's password, in its own file.
    #[must_use]
    pub fn password_file(&self) -> PathBuf {
        self.dir.join("bmc-password")
    }

    /// The password that the BMC accepts: usually the same.
    #[must_use]
    pub fn accepted_password_file(&self) -> PathBuf {
        self.dir.join("bmc-accepts")
    }

    /// What the server wrote to its serial console since the last power on.
    #[must_use]
    pub fn console(&self) -> PathBuf {
        self.dir.join("console.log")
    }

    /// Where the chassis listens.
    #[must_use]
    pub fn chassis_socket(&self) -> PathBuf {
        self.dir.join("chassis.sock")
    }

    /// While this file is there, the server gets power and does nothing with it.
    #[must_use]
    pub fn dead_switch(&self) -> PathBuf {
        self.dir.join("dead")
    }

    /// What its battery-backed clock says at each power on, where this file says something (`2011-11-11T11:11:11`); otherwise the host's time.
    #[must_use]
    pub fn clock(&self) -> PathBuf {
        self.dir.join("clock")
    }

    /// While this file is there, it is a disk of the server from its next power on: one that nobody recorded.
    #[must_use]
    pub fn strange_disk(&self) -> PathBuf {
        self.dir.join("strange.raw")
    }

    /// Its serial number.
    #[must_use]
    pub fn strange_serial(&self) -> String {
        format!("STRANGE{}", self.number)
    }

    /// The tag that a NIC's port has for the tenant's network.
    #[must_use]
    pub fn vlan(&self, nic: usize) -> Option<u16> {
        self.bonds.iter().find(|bond| bond.nics.contains(&nic)).and_then(|bond| bond.vlan)
    }

    /// The rail that a NIC is on.
    #[must_use]
    pub fn rail(&self, nic: usize) -> Option<usize> {
        nic.checked_sub(self.macs.len().saturating_sub(self.rails))
    }

    /// Serial number of a disk.
    #[must_use]
    pub fn disk_serial(&self, disk: usize) -> String {
        format!("DISK{}{disk}", self.number)
    }

    fn write_files(&self, program: &Path) -> Result<()> {
        let put = |name: &str, mode: u32, text: &str| -> Result<()> {
            let path = self.dir.join(name);
            fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(mode)
                .open(&path)
                .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
                .with_context(|| format!("write {}", path.display()))
        };
        let mut secret = [0u8; 8];
        std::io::Read::read_exact(&mut File::open("/dev/urandom")?, &mut secret).context("make a password")?;
        let password = hex::encode(secret);
        put("bmc-password", 0o600, &format!("{password}\n"))?;
        self.write_bmc(&password, &self.uuid)?;
        put("machine.emu", 0o600, MACHINE)?;
        let script =
            format!("#!/bin/sh\nexec {} chassis-control --dir {} -- \"$@\"\n", program.display(), self.dir.display());
        put("chassis-control", 0o700, &script)?;
        fs::set_permissions(self.dir.join("chassis-control"), fs::Permissions::from_mode(0o700))
            .context("mark the script")?;
        let json = serde_json::to_string_pretty(self).context("describe the server")?;
        put("server.json", 0o600, &json)
    }

    /// Writes the BMC's configuration: with another password or machine than its own, for what should then fail.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_bmc(&self, password: &str, uuid: &str) -> Result<()> {
        let text = format!(
            "name \"server{}\"\nset_working_mc 0x20\n  startlan 1\n    addr {} 623\n    priv_limit admin\n    \
             allowed_auths_operator none md2 md5 straight\n    allowed_auths_admin none md2 md5 straight\n    guid {}\n  \
             endlan\n  chassis_control \"{}\"\n  user 2 true \"{BMC_USER}\" \"{password}\" admin 10 none md2 md5 straight\n",
            self.number,
            self.bmc_address,
            uuid.replace('-', ""),
            self.dir.join("chassis-control").display(),
        );
        crate::daemons::write_private(&self.accepted_password_file(), &format!("{password}\n"))?;
        crate::daemons::write_private(&self.dir.join("lan.conf"), &text)
    }

    /// Reads a server's description from its folder.
    ///
    /// # Errors
    /// When it is not there.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join("server.json");
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("read {}", path.display()))
    }
}
