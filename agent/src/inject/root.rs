//! A tenant's root folder: every path is resolved inside it (openat2(2), RESOLVE_IN_ROOT), whatever links the image has.

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, renameat},
    sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat},
    unistd::{Gid, Uid, UnlinkatFlags, fchown, symlinkat, unlinkat},
};
use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    path::Path,
};

/// No file that we read is longer.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Our temporary names in the tenant's folders.
const TEMPORARY: &str = ".billet-new";

/// A tenant's root.
#[derive(Debug)]
pub struct Root(OwnedFd);

/// Why a file of the tenant's could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {path}: {reason}")]
pub struct RootError {
    doing: &'static str,
    path: String,
    reason: String,
}

fn failed<E: std::fmt::Display>(doing: &'static str, path: &str) -> impl FnOnce(E) -> RootError {
    move |error| RootError { doing, path: path.to_owned(), reason: error.to_string() }
}

impl Root {
    /// Opens the folder where the tenant's root is mounted.
    ///
    /// # Errors
    /// When it is no folder.
    pub fn open(path: &Path) -> Result<Self, RootError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened = nix::fcntl::open(path, flags, Mode::empty());
        opened.map(Self).map_err(failed("open", &path.display().to_string()))
    }

    fn resolve(&self, path: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        openat2(&self.0, path, how)
    }

    /// A file's folder, and its name in it.
    fn parent<'a>(&self, path: &'a str, doing: &'static str) -> Result<(OwnedFd, &'a str), RootError> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = if parent.is_empty() { "/" } else { parent };
        let dir = self.resolve(parent, OFlag::O_PATH | OFlag::O_DIRECTORY).map_err(failed(doing, path))?;
        Ok((dir, name))
    }

    /// Whether something is there; links are followed, inside the root.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.resolve(path, OFlag::O_PATH).is_ok()
    }

    /// Whether a symbolic link is there itself.
    #[must_use]
    pub fn is_link(&self, path: &str) -> bool {
        self.link_status(path).is_some_and(|status| kind(&status) == SFlag::S_IFLNK)
    }

    fn link_status(&self, path: &str) -> Option<FileStat> {
        let (dir, name) = self.parent(path, "look at").ok()?;
        fstatat(&dir, name, AtFlags::AT_SYMLINK_NOFOLLOW).ok()
    }

    /// A text file of at most 1 MiB.
    ///
    /// # Errors
    /// When it is not there, no ordinary file, too long, or not UTF-8.
    pub fn read(&self, path: &str) -> Result<String, RootError> {
        // Not blocking: a pipe or a device in the file's place must not hold us up.
        let file = self.resolve(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY);
        let mut file = File::from(file.map_err(failed("read", path))?);
        let status = file.metadata().map_err(failed("read", path))?;
        if !status.is_file() || status.len() > MAX_FILE_BYTES {
            return Err(failed("read", path)("it is no ordinary file of at most 1 MiB"));
        }
        let mut text = String::new();
        (&mut file).take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed("read", path))?;
        Ok(text)
    }

    /// Puts a file of root's in place, as a whole; what was there, a link too, is replaced. It is read again and compared.
    ///
    /// # Errors
    /// When its folder is not there, or the file system refuses.
    pub fn write(&self, path: &str, mode: u32, content: &[u8]) -> Result<(), RootError> {
        self.put(path, mode, (0, 0), content)
    }

    /// As [`Root::write`], with mode and owner of the file that is there.
    ///
    /// # Errors
    /// When there is none, or the file system refuses.
    pub fn rewrite(&self, path: &str, content: &[u8]) -> Result<(), RootError> {
        let file = self.resolve(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK).map_err(failed("replace", path))?;
        let status = fstat(&file).map_err(failed("replace", path))?;
        self.put(path, status.st_mode & 0o7777, (status.st_uid, status.st_gid), content)
    }

    fn put(&self, path: &str, mode: u32, (uid, gid): (u32, u32), content: &[u8]) -> Result<(), RootError> {
        let doing = "write";
        let (dir, name) = self.parent(path, doing)?;
        let temporary = format!("{TEMPORARY}-{name}");
        let _ = unlinkat(&dir, temporary.as_str(), UnlinkatFlags::NoRemoveDir);
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file =
            openat(&dir, temporary.as_str(), flags, Mode::from_bits_truncate(0o600)).map_err(failed(doing, path))?;
        let mut file = File::from(file);
        // As an ordinary user, in tests, files stay the user's.
        match fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))) {
            Err(Errno::EPERM) if !nix::unistd::geteuid().is_root() => {}
            owned => owned.map_err(failed(doing, path))?,
        }
        fchmod(&file, Mode::from_bits_truncate(mode)).map_err(failed(doing, path))?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(failed(doing, path))?;
        renameat(&dir, temporary.as_str(), &dir, name).map_err(failed(doing, path))?;
        let again = openat(&dir, name, OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty());
        let mut written = Vec::new();
        File::from(again.map_err(failed(doing, path))?).read_to_end(&mut written).map_err(failed(doing, path))?;
        if written != content {
            return Err(failed(doing, path)("it reads back as something else"));
        }
        Ok(())
    }

    /// Makes a folder of root's and those above it; what is there stays as it is.
    ///
    /// # Errors
    /// When the file system refuses, or something else is in the way.
    pub fn mkdir_all(&self, path: &str, mode: u32) -> Result<(), RootError> {
        let mut made = String::new();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            made = format!("{made}/{name}");
            let (dir, name) = self.parent(&made, "make the folder")?;
            match mkdirat(&dir, name, Mode::from_bits_truncate(mode)) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(error) => return Err(failed("make the folder", &made)(error)),
            }
        }
        Ok(())
    }

    /// Puts a symbolic link in place; an ordinary file or link that was there is replaced.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn symlink(&self, path: &str, target: &str) -> Result<(), RootError> {
        let (dir, name) = self.parent(path, "link")?;
        let _ = unlinkat(&dir, name, UnlinkatFlags::NoRemoveDir);
        symlinkat(target, &dir, name).map_err(failed("link", path))
    }

    /// Removes a file or link; not there is well.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove(&self, path: &str) -> Result<(), RootError> {
        let Ok((dir, name)) = self.parent(path, "remove") else { return Ok(()) };
        match unlinkat(&dir, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(failed("remove", path)(error)),
        }
    }

    /// Names in a folder, sorted; none when it is not there.
    #[must_use]
    pub fn list(&self, path: &str) -> Vec<String> {
        let Ok(dir) = self.resolve(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY) else { return Vec::new() };
        let Ok(mut dir) = Dir::from_fd(dir) else { return Vec::new() };
        let names = dir.iter().filter_map(|entry| entry.ok()?.file_name().to_str().ok().map(str::to_owned));
        let mut names: Vec<String> = names.filter(|name| name != "." && name != "..").take(10_000).collect();
        names.sort();
        names
    }
}

fn kind(status: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    fn tree() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("root/etc")).unwrap();
        fs::write(dir.path().join("outside"), "outside").unwrap();
        let root = Root::open(&dir.path().join("root")).unwrap();
        (dir, root)
    }

    #[test]
    fn no_link_leads_outside() {
        let (dir, root) = tree();
        let etc = dir.path().join("root/etc");
        symlink("../../outside", etc.join("up")).unwrap();
        symlink(dir.path().join("outside"), etc.join("absolute")).unwrap();
        symlink("/proc/self/root/etc/passwd", etc.join("magic")).unwrap();
        symlink("../../..", etc.join("parents")).unwrap();
        for name in ["/etc/up", "/etc/absolute", "/etc/magic", "/../outside", "/etc/parents/outside"] {
            assert!(root.read(name).is_err(), "{name}");
            assert!(!root.exists(name), "{name}");
        }
        root.write("/etc/up", 0o644, b"new").unwrap();
        root.write("/etc/parents/made", 0o644, b"new").unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("outside")).unwrap(), "outside");
        assert_eq!(root.read("/etc/up").unwrap(), "new");
        assert_eq!(fs::read_to_string(dir.path().join("root/made")).unwrap(), "new", "a root has no parent");
    }

    #[test]
    fn a_file_is_replaced_with_its_mode_and_a_link_itself() {
        use std::os::unix::fs::PermissionsExt;
        let (dir, root) = tree();
        let shadow = dir.path().join("root/etc/shadow");
        fs::write(&shadow, "old").unwrap();
        fs::set_permissions(&shadow, fs::Permissions::from_mode(0o640)).unwrap();
        root.rewrite("/etc/shadow", b"new").unwrap();
        assert_eq!(fs::metadata(&shadow).unwrap().permissions().mode() & 0o7777, 0o640);
        root.write("/etc/key", 0o600, b"k").unwrap();
        assert_eq!(fs::metadata(dir.path().join("root/etc/key")).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(root.list("/etc"), ["key", "shadow"]);
        root.mkdir_all("/a/b/c", 0o755).unwrap();
        root.symlink("/a/b/link", "../x").unwrap();
        assert!(root.is_link("/a/b/link") && !root.is_link("/etc/key"));
        root.remove("/a/b/link").unwrap();
        root.remove("/a/b/link").unwrap();
        assert_eq!(root.list("/a/b"), ["c"]);
    }

    #[test]
    fn what_is_no_ordinary_file_is_not_read() {
        let (dir, root) = tree();
        nix::unistd::mkfifo(&dir.path().join("root/etc/pipe"), Mode::S_IRWXU).unwrap();
        assert!(root.read("/etc/pipe").is_err());
        assert!(root.read("/etc").is_err());
    }
}
