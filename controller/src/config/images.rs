//! `[images]`: from where images may be fetched by URL.

use super::section::Section;
use std::time::Duration;

const MAX_HOSTS: usize = 64;
const GIB: u64 = 1 << 30;

/// From where images may be fetched, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// `https`, `http` or both; none: nothing is fetched.
    pub url_schemes: Vec<String>,
    /// Names and addresses, in lower case; none: nothing is fetched.
    pub url_hosts: Vec<String>,
    /// Those of `url_hosts` that may have addresses of private networks.
    pub url_private_hosts: Vec<String>,
    /// The largest image.
    pub url_max_bytes: u64,
    /// For a whole image.
    pub url_timeout: Duration,
    /// For the next bytes.
    pub url_idle: Duration,
}

impl Default for Images {
    fn default() -> Self {
        Self {
            url_schemes: Vec::new(),
            url_hosts: Vec::new(),
            url_private_hosts: Vec::new(),
            url_max_bytes: 256 * GIB,
            url_timeout: Duration::from_secs(4 * 60 * 60),
            url_idle: Duration::from_secs(60),
        }
    }
}

pub(super) fn read(mut section: Section<'_>, default: &Images) -> Images {
    let lower = |names: Vec<String>| names.into_iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>();
    let url_schemes = lower(section.names("url_schemes", 2));
    if url_schemes.iter().any(|scheme| scheme != "https" && scheme != "http") {
        section.problem("url_schemes", "schemes are \"https\" and \"http\"");
    }
    let url_hosts = lower(section.names("url_hosts", MAX_HOSTS));
    let url_private_hosts = lower(section.names("url_private_hosts", MAX_HOSTS));
    if url_private_hosts.iter().any(|host| !url_hosts.contains(host)) {
        section.problem("url_private_hosts", "each host must stand in url_hosts too");
    }
    let images = Images {
        url_schemes,
        url_hosts,
        url_private_hosts,
        url_max_bytes: section.integer("url_max_gib", default.url_max_bytes / GIB, 1..=2048) * GIB,
        url_timeout: Duration::from_secs(section.integer(
            "url_timeout_seconds",
            default.url_timeout.as_secs(),
            1..=7 * 24 * 60 * 60,
        )),
        url_idle: Duration::from_secs(section.integer("url_idle_seconds", default.url_idle.as_secs(), 1..=3600)),
    };
    section.finish();
    images
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn nothing_is_fetched_unless_the_operator_says_from_where() {
        let images = Config::parse("").unwrap().images;
        assert!(images.url_schemes.is_empty() && images.url_hosts.is_empty());
        let text = "[images]\nurl_schemes = [\"https\"]\nurl_hosts = [\"Images.Example\", \"10.0.0.9\"]\n\
                    url_private_hosts = [\"10.0.0.9\"]\nurl_max_gib = 2\nurl_idle_seconds = 5";
        let images = Config::parse(text).unwrap().images;
        assert_eq!(images.url_hosts, ["images.example", "10.0.0.9"]);
        assert_eq!((images.url_max_bytes, images.url_idle.as_secs()), (2 << 30, 5));
    }

    #[test]
    fn each_problem_names_its_key() {
        for (line, key) in [
            ("url_schemes = [\"file\"]", "url_schemes"),
            ("url_hosts = [\"a b\"]", "url_hosts"),
            ("url_private_hosts = [\"a\"]", "url_private_hosts"),
            ("url_max_gib = 0", "url_max_gib"),
            ("url_idle_seconds = 0", "url_idle_seconds"),
        ] {
            let problems = Config::parse(&format!("[images]\n{line}")).unwrap_err().to_string();
            assert!(problems.contains(&format!("images.{key}")), "{line}: {problems}");
        }
    }
}
