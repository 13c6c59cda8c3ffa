//! The controller with a real Keystone: roles, a revoked token, an outage, and its end.
//!
//! `cargo xtask test --only keystone` runs it. It needs python3 with venv, and at the first run a package index.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::{
    fs::{self, File, Permissions},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

/// Making the environment and the database takes a minute or two.
const PATIENCE: Duration = Duration::from_secs(600);

/// A program that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Site {
    client: Client,
    dir: tempfile::TempDir,
    keystone: u16,
    controller: u16,
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Site {
    fn new() -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir()?;
        Ok(Self {
            client: Client::builder().no_proxy().build()?,
            dir,
            keystone: free_port()?,
            controller: free_port()?,
        })
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("keystone.out")
    }

    async fn until_it_answers(&self, url: &str, log: &Path) -> Result<()> {
        let began = Instant::now();
        while self.client.get(url).send().await.is_err() {
            ensure!(began.elapsed() < PATIENCE, "{url} does not answer; {}", fs::read_to_string(log)?);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    async fn start_keystone(&self) -> Result<Running> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let venv =
            std::env::var_os("KEYSTONE_VENV").map_or_else(|| here.join("../target/keystone-venv"), PathBuf::from);
        let log = self.log();
        let mut command = Command::new(here.join("../tests/keystone/start.sh"));
        command.arg(self.dir.path().join("keystone")).arg(self.keystone.to_string()).env("KEYSTONE_VENV", venv);
        command.stdout(File::create(&log)?).stderr(File::options().append(true).open(&log)?);
        let running = Running(command.spawn().context("start Keystone")?);
        self.until_it_answers(&format!("http://127.0.0.1:{}/v3", self.keystone), &log).await?;
        Ok(running)
    }

    async fn start_controller(&self) -> Result<Running> {
        let dir = self.dir.path();
        let private = |name: &str, text: &str| -> Result<()> {
            fs::write(dir.join(name), text)?;
            Ok(fs::set_permissions(dir.join(name), Permissions::from_mode(0o600))?)
        };
        private("password", "of-the-service\n")?;
        let text = format!(
            "state_dir = \"{dir}/state\"\n[rest]\nlisten = \"127.0.0.1:{}\"\ntls = \"off\"\n[link]\n\
             listen = \"127.0.0.1:0\"\n[auth]\ntokens = false\nkeystone = true\n[keystone]\n\
             url = \"http://127.0.0.1:{}\"\npassword_file = \"{dir}/password\"\n",
            self.controller,
            self.keystone,
            dir = dir.display(),
        );
        private("controller.toml", &text)?;
        let log = dir.join("controller.log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_billet-controller"));
        command.args(["serve", "--config"]).arg(dir.join("controller.toml")).stderr(File::create(&log)?);
        let running = Running(command.spawn().context("start the controller")?);
        self.until_it_answers(&format!("http://127.0.0.1:{}/healthz", self.controller), &log).await?;
        Ok(running)
    }

    /// Logs in; in a project, or in none.
    async fn log_in(&self, user: &str, password: &str, project: Option<&str>) -> Result<String> {
        let domain = json!({ "id": "default" });
        let identity = json!({ "methods": ["password"], "password": { "user": {
            "name": user, "domain": domain, "password": password } } });
        let mut body = json!({ "auth": { "identity": identity } });
        body["auth"]["scope"] = match project {
            Some(name) => json!({ "project": { "name": name, "domain": domain } }),
            None => json!("unscoped"),
        };
        let url = format!("http://127.0.0.1:{}/v3/auth/tokens", self.keystone);
        let answer = self.client.post(url).json(&body).send().await?;
        ensure!(answer.status() == StatusCode::CREATED, "{user} cannot log in: {}", answer.text().await?);
        Ok(answer.headers()["x-subject-token"].to_str()?.to_owned())
    }

    /// Tells Keystone something, as its administrator.
    async fn tell(&self, admin: &str, method: Method, path: &str, body: Value) -> Result<Value> {
        let url = format!("http://127.0.0.1:{}/v3/{path}", self.keystone);
        let mut request = self.client.request(method, url).header("x-auth-token", admin);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "{path}: {status}: {}",
            fs::read_to_string(self.dir.path().join("keystone/keystone.log"))?
        );
        Ok(serde_json::from_str(&answer.text().await?).unwrap_or_default())
    }

    /// Projects, users and roles: `(user, role, project)`. Answers the id of `lab`.
    async fn furnish(&self, admin: &str) -> Result<String> {
        let role = json!({ "role": { "name": "billet-operator" } });
        self.tell(admin, Method::POST, "roles", role).await?;
        for name in ["service", "lab", "operators"] {
            let project = json!({ "project": { "name": name, "domain_id": "default" } });
            self.tell(admin, Method::POST, "projects", project).await?;
        }
        let mut lab = String::new();
        for (user, password, role, project) in [
            ("billet", "of-the-service", "admin", "service"),
            ("alice", "alice-1", "member", "lab"),
            ("bob", "bob-1", "reader", "lab"),
            ("carol", "carol-1", "billet-operator", "operators"),
            ("dave", "dave-1", "service", "lab"),
        ] {
            let made = json!({ "user": { "name": user, "password": password, "domain_id": "default" } });
            let made = self.tell(admin, Method::POST, "users", made).await?;
            let id = |found: Value, what: &str| found[what][0]["id"].as_str().unwrap_or_default().to_owned();
            let role = id(self.tell(admin, Method::GET, &format!("roles?name={role}"), Value::Null).await?, "roles");
            let found = self.tell(admin, Method::GET, &format!("projects?name={project}"), Value::Null).await?;
            let of = id(found, "projects");
            let user = made["user"]["id"].as_str().context("a user has an id")?;
            let path = format!("projects/{of}/users/{user}/roles/{role}");
            self.tell(admin, Method::PUT, &path, Value::Null).await?;
            if project == "lab" {
                lab = of;
            }
        }
        Ok(lab)
    }

    async fn call(&self, method: Method, path: &str, token: &str) -> Result<(u16, String, bool)> {
        let url = format!("http://127.0.0.1:{}{path}", self.controller);
        let answer = self.client.request(method, url).header("x-auth-token", token).body("{}").send().await?;
        let (status, challenged) = (answer.status().as_u16(), answer.headers().contains_key("www-authenticate"));
        let body: Value = serde_json::from_str(&answer.text().await?).unwrap_or_default();
        Ok((status, body["error_code"].as_str().unwrap_or_default().to_owned(), challenged))
    }
}

#[tokio::test]
#[ignore = "installs Keystone; cargo xtask test --only keystone runs it"]
async fn callers_of_a_real_keystone_have_their_roles_and_an_outage_is_no_refusal() -> Result<()> {
    let site = Site::new()?;
    let keystone = site.start_keystone().await?;
    let admin = site.log_in("admin", "bootstrap", Some("admin")).await?;
    let lab = site.furnish(&admin).await?;
    let _controller = site.start_controller().await?;

    let alice = site.log_in("alice", "alice-1", Some("lab")).await?;
    let bob = site.log_in("bob", "bob-1", Some("lab")).await?;
    let carol = site.log_in("carol", "carol-1", Some("operators")).await?;
    let dave = site.log_in("dave", "dave-1", Some("lab")).await?;
    let unscoped = site.log_in("alice", "alice-1", None).await?;
    let instances = format!("/v1/{lab}/instances");
    let vpcs = format!("/v1/{lab}/vpcs");
    for (who, token, method, path, status, code) in [
        ("alice", &alice, Method::GET, instances.as_str(), 200, ""),
        ("alice", &alice, Method::POST, &vpcs, 400, "iMetal.0002"),
        ("alice", &alice, Method::GET, "/v1/0123456789abcdef/instances", 403, "iMetal.0004"),
        ("alice", &alice, Method::GET, "/admin/v1/agents", 403, "iMetal.0004"),
        ("bob", &bob, Method::GET, &instances, 200, ""),
        ("bob", &bob, Method::POST, &vpcs, 403, "iMetal.0004"),
        ("carol", &carol, Method::GET, "/admin/v1/agents", 200, ""),
        ("carol", &carol, Method::GET, &instances, 200, ""),
        ("dave, whose role is none here", &dave, Method::GET, &instances, 403, "iMetal.0004"),
        ("an unscoped token", &unscoped, Method::GET, &instances, 401, "iMetal.0003"),
    ] {
        let got = site.call(method.clone(), path, token).await?;
        assert_eq!((got.0, got.1.as_str()), (status, code), "{who}: {method} {path}");
    }
    let nobody = site.call(Method::GET, &instances, "gAAAAA-nobodys").await?;
    assert_eq!(nobody, (401, "iMetal.0003".into(), true), "and it says where tokens are to be had");

    let revoked = site.log_in("alice", "alice-1", Some("lab")).await?;
    let url = format!("http://127.0.0.1:{}/v3/auth/tokens", site.keystone);
    let gone =
        site.client.delete(url).header("x-auth-token", &admin).header("x-subject-token", &revoked).send().await?;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(site.call(Method::GET, &instances, &revoked).await?.0, 401);

    let unheard = site.log_in("alice", "alice-1", Some("lab")).await?;
    drop(keystone);
    assert_eq!(site.call(Method::GET, &instances, &alice).await?.0, 200, "she is remembered");
    for _ in 0..3 {
        assert_eq!(site.call(Method::GET, &instances, &unheard).await?, (503, "iMetal.0909".into(), false));
    }
    let _keystone = site.start_keystone().await?;
    assert_eq!(site.call(Method::GET, &instances, &unheard).await?.0, 200, "back without a restart");
    Ok(())
}
