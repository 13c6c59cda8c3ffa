//! A hook for tests.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Writes a hook of these lines of sh(1) into the folder. Another process writes it: whatever a test beside this one starts
/// meanwhile would inherit a file that is open for writing here, and the kernel runs none such (ETXTBSY of execve(2)).
pub(crate) fn hook_script(dir: &Path, lines: &str) -> PathBuf {
    let path = dir.join("hook");
    let write = r##"printf '#!/bin/sh\n%s\n' "$1" > "$0" && chmod 0700 "$0""##;
    let written = Command::new("sh").args(["-c", write]).arg(&path).arg(lines).status();
    assert!(written.is_ok_and(|status| status.success()), "sh writes the hook");
    path
}
