//! With whom `billet` speaks, and as whom: options, then the environment, then the configuration file.

use super::{
    arguments::Globals,
    endpoint::{Endpoint, EndpointError},
    secret::{self, SecretFileError},
};
use billet_proto::{ProjectId, id};
use secrecy::SecretString;
use serde::Deserialize;
use std::{
    env, io,
    path::{Path, PathBuf},
};

/// Longer than any configuration of a client.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// All that a client needs.
#[derive(Debug)]
pub struct Settings {
    /// Where the controller is.
    pub endpoint: Endpoint,
    /// PEM of the authority to trust; none: the system's.
    pub ca_file: Option<PathBuf>,
    /// The project to work in; an operator's calls need none.
    pub project: Option<ProjectId>,
    /// Sent as `X-Auth-Token`.
    pub token: SecretString,
    /// For a person, such as a token file that others may read.
    pub warnings: Vec<String>,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Nobody says where the controller is.
    #[error("find the controller: give --endpoint, BILLET_ENDPOINT or 'endpoint' in config.toml")]
    NoEndpoint,
    /// Nobody says which token to use.
    #[error("find a token: give --token-file, BILLET_TOKEN_FILE or 'token_file' in config.toml")]
    NoToken,
    /// The token cannot be read.
    #[error(transparent)]
    Token(#[from] SecretFileError),
    /// A token with characters that no header can carry.
    #[error("send the token: it has characters other than visible ASCII")]
    TokenText,
    /// The configuration file cannot be read.
    #[error("read the configuration {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The configuration file is not understood. The line itself is not repeated: someone may have put a token there.
    #[error("use the configuration {path}, line {line}: {message}")]
    Toml {
        /// Which.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Names the key.
        message: String,
    },
    /// Its endpoint is not one.
    #[error("use 'endpoint' of the configuration {path}")]
    Endpoint {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: EndpointError,
    },
    /// Its project is not one.
    #[error("use 'project' of the configuration {path}")]
    Project {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: id::ProjectIdError,
    },
    /// The authority's file cannot be read.
    #[error("read the certificate authority {path}")]
    Authority {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The authority's file has no certificate.
    #[error("trust {path}: no certificate stands in it")]
    NoAuthority {
        /// Which.
        path: PathBuf,
    },
    /// A certificate that TLS cannot use.
    #[error("use the certificates")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be built, for one because the system has no authorities.
    #[error("prepare calls (name the controller's authority by --ca-file)")]
    Http(#[source] reqwest::Error),
}

/// What may stand in the configuration file; paths are relative to its folder.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    endpoint: Option<String>,
    ca_file: Option<PathBuf>,
    project: Option<String>,
    token_file: Option<PathBuf>,
}

impl Settings {
    /// Joins the options, which hold the environment too, with the configuration file, and reads the token.
    ///
    /// # Errors
    /// When something is missing or cannot be used.
    pub fn resolve(globals: &Globals) -> Result<Self, SettingsError> {
        let (path, file) = load(globals.config.as_deref())?;
        let beside = |given: PathBuf| path.parent().map(|folder| folder.join(at_home(&given))).unwrap_or(given);
        let endpoint = match (&globals.endpoint, file.endpoint) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(text)) => {
                text.parse().map_err(|source| SettingsError::Endpoint { path: path.clone(), source })?
            }
            (None, None) => return Err(SettingsError::NoEndpoint),
        };
        let project = match (&globals.project, file.project) {
            (Some(project), _) => Some(project.clone()),
            (None, text) => text
                .map(|text| text.parse())
                .transpose()
                .map_err(|source| SettingsError::Project { path: path.clone(), source })?,
        };
        let token_file = globals.token_file.clone().or(file.token_file.map(&beside));
        let token = secret::read("token", &token_file.ok_or(SettingsError::NoToken)?)?;
        Ok(Self {
            endpoint,
            ca_file: globals.ca_file.clone().or(file.ca_file.map(&beside)),
            project,
            token: token.secret,
            warnings: token.warning.into_iter().collect(),
        })
    }
}

/// The configuration and its path. A default file that does not exist is an empty one.
fn load(given: Option<&Path>) -> Result<(PathBuf, ConfigFile), SettingsError> {
    let Some(path) = given.map(Path::to_owned).or_else(default_path) else {
        return Ok((PathBuf::new(), ConfigFile::default()));
    };
    match read_text(&path) {
        Ok(text) => match toml::from_str(&text) {
            Ok(file) => Ok((path, file)),
            Err(error) => {
                let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                Err(SettingsError::Toml { path, line, message: error.message().to_owned() })
            }
        },
        Err(error) if given.is_none() && error.kind() == io::ErrorKind::NotFound => Ok((path, ConfigFile::default())),
        Err(source) => Err(SettingsError::File { path, source }),
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    use io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// By the XDG Base Directory Specification: relative values of its variables are ignored.
fn default_path() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("billet/config.toml"))
}

/// People write `~/` in files as they do in shells.
fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use std::fs::write;

    fn folder(config: &str) -> (tempfile::TempDir, Globals) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        write(&path, config).unwrap();
        write(dir.path().join("token"), "tops3cret\n").unwrap();
        write(dir.path().join("other-token"), "other\n").unwrap();
        (dir, Globals { config: Some(path), ..Globals::default() })
    }

    const FULL: &str = "endpoint = 'https://h:1'\nca_file = 'ca.pem'\nproject = 'p'\ntoken_file = 'token'\n";

    #[test]
    fn a_file_says_it_all_with_paths_beside_it() {
        let (dir, globals) = folder(FULL);
        let settings = Settings::resolve(&globals).unwrap();
        assert_eq!(settings.endpoint.to_string(), "https://h:1");
        assert_eq!(settings.ca_file, Some(dir.path().join("ca.pem")));
        assert_eq!(settings.project.as_ref().unwrap().as_str(), "p");
        assert_eq!(settings.token.expose_secret(), "tops3cret");
        assert!(!format!("{settings:?}").contains("tops3cret"));
    }

    #[test]
    fn an_option_goes_before_the_file() {
        let (dir, mut globals) = folder(FULL);
        globals.endpoint = Some("https://other".parse().unwrap());
        globals.project = Some("q".parse().unwrap());
        globals.token_file = Some(dir.path().join("other-token"));
        let settings = Settings::resolve(&globals).unwrap();
        assert_eq!(settings.endpoint.to_string(), "https://other");
        assert_eq!(settings.project.unwrap().as_str(), "q");
        assert_eq!(settings.token.expose_secret(), "other");
    }

    #[test]
    fn each_mistake_is_named() {
        for (config, why) in [
            ("", "find the controller"),
            ("endpoint = 'https://h'", "find a token"),
            ("endpoint = 'http://192.0.2.1'\ntoken_file = 'token'", "use 'endpoint'"),
            ("endpoint = 'https://h'\nproject = 'a/b'\ntoken_file = 'token'", "use 'project'"),
            ("endpoint = 'https://h'\ntoken_file = 'nowhere'", "read the token"),
            ("# mine\ntoken = 'tops3cret'", "use the configuration"),
        ] {
            let (_dir, globals) = folder(config);
            let error = Settings::resolve(&globals).unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with(why), "{config}: {text}");
            assert!(!format!("{text}{error:?}").contains("tops3cret"), "{text}");
            assert_eq!(text.contains("line 2"), config.contains("# mine"), "{text}");
        }
        let globals = Globals { config: Some("/nowhere/config.toml".into()), ..Globals::default() };
        assert!(matches!(Settings::resolve(&globals), Err(SettingsError::File { .. })));
    }
}
