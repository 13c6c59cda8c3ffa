//! authorized_keys of the administrator, who is root as with the password.

use super::plan::AuthorizedKey;

/// root's folder by passwd(5); `/root` when the file does not say.
pub(super) fn home(passwd: &str) -> String {
    let root = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields[0] == "root");
    let home = root.and_then(|fields| fields.get(5).copied()).unwrap_or_default();
    // No step upwards; what is left is resolved inside the tenant's root.
    let good = home.starts_with('/') && home.len() > 1 && !home.split('/').any(|part| part == "..");
    if good { home.trim_end_matches('/').into() } else { "/root".into() }
}

/// The file with the keys that are not in it yet at its end.
pub(super) fn with_keys(text: &str, keys: &[AuthorizedKey]) -> String {
    let mut text = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for key in keys {
        if !text.lines().any(|line| line == key.key() || line.starts_with(&format!("{} ", key.key()))) {
            text.push_str(&format!("{key}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJo0i19QdzVQANcwjKmXTz2Zg4KaqclRXNEdC7sKQgTg";

    #[test]
    fn keys_are_added_once_and_what_was_there_stays() {
        let key: AuthorizedKey = format!("{KEY} me").parse().unwrap();
        assert_eq!(with_keys("", &[key.clone(), key.clone()]), format!("{KEY} me\n"));
        assert_eq!(with_keys("# note", std::slice::from_ref(&key)), format!("# note\n{KEY} me\n"));
        assert_eq!(with_keys(&format!("{KEY}\n"), &[key]), format!("{KEY}\n"));
    }

    #[test]
    fn roots_folder_is_read_and_leads_nowhere_else() {
        for (passwd, expected) in [
            ("root:x:0:0:root:/root:/bin/sh\n", "/root"),
            ("a:x:1:1::/a:/b\nroot:x:0:0:root:/var/root/:/bin/sh\n", "/var/root"),
            ("root:x:0:0:root:../../x:/bin/sh\n", "/root"),
            ("root:x:0:0:root:/a/../../x:/bin/sh\n", "/root"),
            ("root:x:0:0:root:/:/bin/sh\n", "/root"),
            ("root:x\n", "/root"),
            ("", "/root"),
        ] {
            assert_eq!(home(passwd), expected, "{passwd}");
        }
    }
}
