//! Who may call: `[auth]`, `[keystone]`, `[quota]` and `[audit]`.

use super::section::Section;
use crate::{quota, store::access::Quota};
use reqwest::Url;
use std::{fmt, path::PathBuf, time::Duration};

/// More roles than anybody maps.
const MAX_ROLES: usize = 16;

/// Which ways to say who calls are on, and where their secrets lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// Tokens of the token file.
    pub tokens: bool,
    /// Signatures with access keys.
    pub signature: bool,
    /// Tokens of Keystone's.
    pub keystone: bool,
    /// The access keys.
    pub access_keys_file: PathBuf,
}

/// An `http` or `https` URL without query and user.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(pub Url);

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_str(), f)
    }
}

/// How Keystone is asked, and what its roles are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keystone {
    /// Without `/v3`.
    pub url: BaseUrl,
    /// PEM: the authorities that its certificate may be of.
    pub ca_file: PathBuf,
    /// Ours there.
    pub username: String,
    /// Its first line is the password.
    pub password_file: PathBuf,
    /// The domain of our user.
    pub user_domain: String,
    /// The project of our token.
    pub project: String,
    /// Its domain.
    pub project_domain: String,
    /// Roles that make an operator.
    pub operator_roles: Vec<String>,
    /// Roles that make a tenant.
    pub tenant_roles: Vec<String>,
    /// Roles that make a reader.
    pub read_only_roles: Vec<String>,
    /// How long an answer is remembered.
    pub cache: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// The audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audit {
    /// How long a line is kept.
    pub retention: Duration,
}

impl Default for Auth {
    fn default() -> Self {
        let access_keys_file = "/etc/billet/access_keys.toml".into();
        Self { tokens: true, signature: false, keystone: false, access_keys_file }
    }
}

impl Default for Keystone {
    fn default() -> Self {
        Self {
            url: BaseUrl(Url::parse("https://127.0.0.1:5000").expect("it is a URL")),
            ca_file: "/etc/ssl/certs/ca-certificates.crt".into(),
            username: "billet".into(),
            password_file: "/etc/billet/keystone-password".into(),
            user_domain: "Default".into(),
            project: "service".into(),
            project_domain: "Default".into(),
            operator_roles: vec!["billet-operator".into()],
            tenant_roles: vec!["member".into()],
            read_only_roles: vec!["reader".into()],
            cache: Duration::from_secs(300),
            timeout: Duration::from_secs(5),
        }
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self { retention: days(400) }
    }
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}

pub(super) fn read_auth(mut section: Section<'_>) -> Auth {
    let default = Auth::default();
    let auth = Auth {
        tokens: section.boolean("tokens", default.tokens),
        signature: section.boolean("signature", default.signature),
        keystone: section.boolean("keystone", default.keystone),
        access_keys_file: section.path("access_keys_file", default.access_keys_file),
    };
    if !(auth.tokens || auth.signature || auth.keystone) {
        section.problem("tokens", "one of tokens, signature and keystone must be true: nobody could call");
    }
    section.finish();
    auth
}

pub(super) fn read_keystone(mut section: Section<'_>) -> Keystone {
    const URL: &str = "an http or https URL without user and query, and without /v3";
    let default = Keystone::default();
    let base = |text: &str| {
        let url = Url::parse(text).ok()?;
        let plain = url.username().is_empty() && url.query().is_none() && url.fragment().is_none();
        let whole = !url.path().trim_end_matches('/').ends_with("/v3");
        (matches!(url.scheme(), "http" | "https") && plain && whole).then_some(BaseUrl(url))
    };
    let name = |text: &str| (1..=255).contains(&text.chars().count()).then(|| text.to_owned());
    let seconds = |section: &mut Section<'_>, key, default: Duration, most| {
        Duration::from_secs(section.integer(key, default.as_secs(), 1..=most))
    };
    let keystone = Keystone {
        url: section.text("url", default.url, URL, base),
        ca_file: section.path("ca_file", default.ca_file),
        username: section.text("username", default.username, "a name", name),
        password_file: section.path("password_file", default.password_file),
        user_domain: section.text("user_domain", default.user_domain, "a name", name),
        project: section.text("project", default.project, "a name", name),
        project_domain: section.text("project_domain", default.project_domain, "a name", name),
        operator_roles: section.words("operator_roles", default.operator_roles, MAX_ROLES),
        tenant_roles: section.words("tenant_roles", default.tenant_roles, MAX_ROLES),
        read_only_roles: section.words("read_only_roles", default.read_only_roles, MAX_ROLES),
        cache: seconds(&mut section, "cache_seconds", default.cache, 300),
        timeout: seconds(&mut section, "timeout_seconds", default.timeout, 30),
    };
    section.finish();
    keystone
}

pub(super) fn read_quota(mut section: Section<'_>) -> Quota {
    let mut number = |key, default: u32| {
        let value = section.integer(key, default.into(), 0..=u32::MAX.into());
        u32::try_from(value).expect("the range is one of 32 bits")
    };
    let quota = Quota {
        instances: number("instances", quota::DEFAULT.instances),
        addresses: number("addresses", quota::DEFAULT.addresses),
        images: number("images", quota::DEFAULT.images),
        vpcs: number("vpcs", quota::DEFAULT.vpcs),
        subnets: number("subnets", quota::DEFAULT.subnets),
    };
    section.finish();
    quota
}

pub(super) fn read_audit(mut section: Section<'_>) -> Audit {
    let default = Audit::default().retention.as_secs() / (24 * 60 * 60);
    // Ten years: longer is for an archive.
    let audit = Audit { retention: days(section.integer("retention_days", default, 1..=3650)) };
    section.finish();
    audit
}
