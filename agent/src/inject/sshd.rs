//! sshd_config(5): so that root's password works, and the host key that was made is offered.

/// The drop-in; its name sorts first, and the first value counts.
pub(super) const PATH: &str = "/etc/ssh/sshd_config.d/00-billet.conf";
/// Its text.
pub(super) const TEXT: &str =
    "PermitRootLogin yes\nPasswordAuthentication yes\nHostKey /etc/ssh/ssh_host_ed25519_key\n";

/// The main file with the line that includes drop-ins, before everything else; none when it is there already.
pub(super) fn with_include(main: &str) -> Option<String> {
    let includes = main.lines().map(str::trim).any(|line| {
        let mut words = line.split_whitespace();
        words.next().is_some_and(|word| word.eq_ignore_ascii_case("include")) && line.contains("sshd_config.d")
    });
    (!includes).then(|| format!("Include /etc/ssh/sshd_config.d/*.conf\n{main}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drop_in_is_included_once() {
        assert_eq!(with_include("Include /etc/ssh/sshd_config.d/*.conf\nPort 22\n"), None);
        let added = with_include("#Include /etc/ssh/sshd_config.d/*.conf\nPort 22\n").unwrap();
        assert!(added.starts_with("Include /etc/ssh/sshd_config.d/*.conf\n#Include"));
        assert_eq!(with_include(&added), None);
    }
}
