//! The password: root's line of shadow(5).

/// Days since 1970 in the line's third field.
const SECONDS_IN_DAY: u64 = 86_400;

/// The file with root's password replaced and its last change set to today; all else stays.
pub(super) fn with_root_password(text: &str, hash: &str, unix_seconds: u64) -> Option<String> {
    let mut found = false;
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let mut fields: Vec<&str> = line.split(':').collect();
            if fields.first() != Some(&"root") || fields.len() < 3 {
                return line.to_owned();
            }
            found = true;
            let today = (unix_seconds / SECONDS_IN_DAY).to_string();
            (fields[1], fields[2]) = (hash, &today);
            fields.join(":")
        })
        .collect();
    found.then(|| lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roots_password_and_day_change() {
        let text = "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nrooty:!:1::::::\n";
        let expected = "root:$6$a$b:19723:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nrooty:!:1::::::\n";
        assert_eq!(with_root_password(text, "$6$a$b", 19_723 * 86_400 + 5).as_deref(), Some(expected));
        assert_eq!(with_root_password("daemon:*:1::::::\n", "$6$a$b", 0), None);
    }
}
