//! An image as it is announced, and which OS one holds.

use super::{
    fields::{Fault, Fields, body, boolean, plain_text, text},
    problem::{Invalid, Problems},
};
use billet_proto::{ProjectId, manifest::MAX_IMAGE_BYTES};
use reqwest::Url;
use serde_json::Value;
use std::{collections::HashMap, fmt};

const MAX_NAME_CHARS: usize = 128;
const MAX_URL_BYTES: usize = 2048;

/// The kind of OS that an image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageOs {
    /// Its administrator is `root`.
    Linux,
    /// Its administrator is `Administrator`.
    Windows,
    /// Unknown: both are thought of.
    Other,
}

impl ImageOs {
    /// The API's and the store's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "Linux",
            Self::Windows => "Windows",
            Self::Other => "Other",
        }
    }
    /// The kind with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Linux, Self::Windows, Self::Other].into_iter().find(|os| os.as_str() == word)
    }
    /// The names of its administrator, in lower case.
    pub const fn administrators(self) -> &'static [&'static str] {
        match self {
            Self::Linux => &["root"],
            Self::Windows => &["administrator"],
            Self::Other => &["root", "administrator"],
        }
    }
}

impl fmt::Display for ImageOs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is said of an image before its bytes come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMeta {
    /// Whose it becomes; none: shared by an operator.
    pub project_id: Option<ProjectId>,
    /// 1 to 128 characters.
    pub name: String,
    /// What it holds.
    pub os: ImageOs,
    /// A positive multiple of 512, up to [`MAX_IMAGE_BYTES`].
    pub size_bytes: u64,
    /// Of the raw bytes.
    pub sha256: [u8; 32],
}

impl ImageMeta {
    /// Reads the query of an upload into `project`; `shared=true` makes the image everybody's, for which the caller
    /// must be an administrator: that is the handler's to check.
    ///
    /// # Errors
    /// All fields that are missing or break a rule.
    pub fn parse(query: &HashMap<String, String>, project: ProjectId) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut field = |name: &str| {
            let value = query.get(name).map(String::as_str);
            if value.is_none() {
                problems.missing.push(name.to_owned());
            }
            value
        };
        let (name, os, size, sha256) = (field("name"), field("os_type"), field("size_bytes"), field("sha256"));
        let name = name.and_then(|given| {
            let good = (1..=MAX_NAME_CHARS).contains(&given.chars().count()) && !given.chars().any(char::is_control);
            kept(&mut problems, "name", "must have 1 to 128 characters and no control character", given, |given| {
                good.then(|| given.to_owned())
            })
        });
        let os = os.and_then(|given| {
            kept(&mut problems, "os_type", "must be Linux, Windows or Other", given, ImageOs::from_word)
        });
        let size_bytes = size.and_then(|given| {
            let rule = format!("must be a multiple of 512 from 512 to {MAX_IMAGE_BYTES}");
            kept(&mut problems, "size_bytes", &rule, given, |given| {
                given.parse().ok().filter(|n: &u64| *n > 0 && n.is_multiple_of(512) && *n <= MAX_IMAGE_BYTES)
            })
        });
        let sha256 = sha256.and_then(|given| {
            kept(&mut problems, "sha256", "must be 64 hexadecimal digits", given, |given| {
                hex::decode(given).ok().and_then(|bytes| bytes.try_into().ok())
            })
        });
        let shared = match query.get("shared").map(String::as_str) {
            Some("true") => true,
            None | Some("false" | "") => false,
            Some(given) => kept(&mut problems, "shared", "must be true or false", given, |_| None).unwrap_or(false),
        };
        match (name, os, size_bytes, sha256) {
            (Some(name), Some(os), Some(size_bytes), Some(sha256)) if problems.is_empty() => {
                let project_id = (!shared).then_some(project);
                Ok(Self { project_id, name, os, size_bytes, sha256 })
            }
            _ => Err(problems),
        }
    }
}

/// A request to fetch an image.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportImage {
    /// Whose it becomes; none: shared by an operator.
    pub project_id: Option<ProjectId>,
    /// In whose path it was asked for.
    pub by_project: ProjectId,
    /// 1 to 128 characters.
    pub name: String,
    /// What it holds.
    pub os: ImageOs,
    /// From where; its query may be a secret.
    pub url: Url,
    /// Of the raw bytes.
    pub sha256: Option<[u8; 32]>,
}

impl fmt::Debug for ImportImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportImage").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ImportImage {
    /// Reads a JSON body into `project`; `"shared": true` makes the image everybody's, for which the caller must be an
    /// operator: that is the handler's to check.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8], project: ProjectId) -> Result<Self, Problems> {
        parsed(bytes, |fields| {
            let name = fields.required("name", |value| plain_text(value, 1, MAX_NAME_CHARS));
            let os = fields.required("os_type", |value| {
                let word = text(value)?;
                ImageOs::from_word(&word).ok_or_else(|| Fault::new("must be Linux, Windows or Other", &word))
            });
            let url = fields.required("url", url);
            let sha256 = fields.optional("sha256", |value| {
                let digits = text(value)?;
                let bytes = hex::decode(&digits).ok().and_then(|bytes| bytes.try_into().ok());
                bytes.ok_or_else(|| Fault::new("must be 64 hexadecimal digits", &digits))
            });
            fields.optional("disk_format", |value| match text(value)?.as_str() {
                "raw" => Ok(()),
                other => Err(Fault::new("must be raw: other formats are not taken yet", other)),
            });
            let shared = fields.optional("shared", boolean).unwrap_or(false);
            let project_id = (!shared).then(|| project.clone());
            Some(Self { project_id, by_project: project, name: name?, os: os?, url: url?, sha256 })
        })
    }
}

/// What is wrong with one is not repeated: it may hold a secret.
fn url(value: Value) -> Result<Url, Fault> {
    let text = text(value)?;
    if text.len() > MAX_URL_BYTES {
        return Err(Fault::secret(format!("must have at most {MAX_URL_BYTES} bytes")));
    }
    let url = Url::parse(&text).map_err(|_| Fault::secret("must be a URL such as https://images.example/a.raw"))?;
    if url.has_host() { Ok(url) } else { Err(Fault::secret("must be a URL with a host")) }
}

/// What is to change of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateImage {
    /// 1 to 128 characters.
    pub name: Option<String>,
    /// A word.
    pub visibility: Option<String>,
}

impl UpdateImage {
    /// Reads a JSON body; what is absent stays.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        parsed(bytes, |fields| {
            let name = fields.optional("name", |value| plain_text(value, 1, MAX_NAME_CHARS));
            let visibility = fields.optional("visibility", text);
            Some(Self { name, visibility })
        })
    }
}

fn parsed<T>(bytes: &[u8], read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Problems> {
    let value = body(bytes)?;
    let mut problems = Problems::default();
    let parsed = Fields::new("", value, &mut problems).and_then(|mut fields| read(&mut fields));
    match parsed {
        Some(request) if problems.is_empty() => Ok(request),
        _ => Err(problems),
    }
}

fn kept<T>(
    problems: &mut Problems,
    field: &str,
    rule: &str,
    given: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let value = parse(given);
    if value.is_none() {
        problems.invalid.push(Invalid::new(field, rule, given));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(changes: &[(&str, &str)]) -> HashMap<String, String> {
        let digest = "ab".repeat(32);
        let good = [("name", "debian 13"), ("os_type", "Linux"), ("size_bytes", "1024"), ("sha256", digest.as_str())];
        good.iter().chain(changes).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn project() -> ProjectId {
        "lab".parse().unwrap()
    }

    #[test]
    fn an_image_is_its_projects_unless_it_is_shared() {
        assert_eq!(ImageMeta::parse(&query(&[]), project()).unwrap().project_id, Some(project()));
        assert_eq!(ImageMeta::parse(&query(&[("shared", "true")]), project()).unwrap().project_id, None);
    }

    #[test]
    fn each_rule_names_its_field() {
        for (field, given) in [
            ("name", ""),
            ("name", "a\nb"),
            ("os_type", "linux"),
            ("size_bytes", "0"),
            ("size_bytes", "1025"),
            ("size_bytes", "-512"),
            ("size_bytes", "2199023256064"),
            ("sha256", "abcd"),
            ("sha256", &"zz".repeat(32)),
            ("shared", "1"),
        ] {
            let problems = ImageMeta::parse(&query(&[(field, given)]), project()).unwrap_err();
            assert_eq!(problems.invalid.len(), 1, "{problems}");
            assert_eq!(problems.invalid[0].field, field);
        }
        assert_eq!(ImageMeta::parse(&HashMap::new(), project()).unwrap_err().missing.len(), 4);
    }
}
