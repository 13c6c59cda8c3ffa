//! Load on a simulated fleet's controller: clients that each keep one connection open and call one after the other.

mod deploy;
mod hold;
mod read;
mod sample;

use crate::http::Connection;
use anyhow::{Context, Result};
pub use sample::Sample;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Where the load goes; read from the file of `cargo xtask lab up --simulated`.
#[derive(Debug, Clone)]
pub struct Target {
    address: SocketAddr,
    token: String,
    operator_token: String,
    project: String,
    image: String,
    vpc: String,
    subnet: String,
    rules_file: PathBuf,
    /// How many servers there are.
    pub servers: usize,
}

/// How long each measurement of reading takes.
const READING: Duration = Duration::from_secs(3);
/// How long each measurement of whole deployments takes.
const DEPLOYING: Duration = Duration::from_secs(5);

impl Target {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or something is not in it.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        let value: Value = serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display()))?;
        let text =
            |value: &Value, what: &str| value.as_str().map(str::to_owned).with_context(|| format!("{what} is a text"));
        let endpoint = text(&value["endpoint"], "endpoint")?;
        let address = endpoint.strip_prefix("http://").context("the endpoint is plain HTTP")?;
        Ok(Self {
            address: address.parse().with_context(|| format!("read the address {address}"))?,
            token: text(&value["token"], "token")?,
            operator_token: text(&value["operator_token"], "operator_token")?,
            project: text(&value["project_id"], "project_id")?,
            image: text(&value["image_ids"]["simulated"], "the image")?,
            vpc: text(&value["vpc_id"], "vpc_id")?,
            subnet: text(&value["subnet_ids"][0], "the subnet")?,
            rules_file: text(&value["rules_file"], "rules_file")?.into(),
            servers: value["server_ids"].as_array().context("server_ids is a list")?.len(),
        })
    }

    async fn connect(&self) -> Result<Connection> {
        Connection::open(self.address, &self.token).await
    }

    async fn connect_operator(&self) -> Result<Connection> {
        Connection::open(self.address, &self.operator_token).await
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/{}{rest}", self.project)
    }

    fn create_body(&self, name: &str) -> Value {
        json!({
            "name": name,
            "image_id": self.image,
            "vpc_id": self.vpc,
            "network_interfaces": [{ "subnet_id": self.subnet }],
            "password": "Bench-marks1",
        })
    }
}

/// Measures everything with these numbers of clients.
///
/// # Errors
/// When the controller does not answer as it must.
pub fn run(target: &Target, clients: &[usize]) -> Result<Vec<Sample>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("start the runtime")?;
    runtime.block_on(async {
        let mut samples = Vec::new();
        let mut took = |sample: Sample| {
            println!("{}", sample.line(target.servers));
            samples.push(sample);
        };
        println!("{}", Sample::head());
        for &clients in clients {
            took(deploy::accept(target, clients).await?);
        }
        for &clients in clients {
            took(deploy::create(target, clients).await?);
        }
        for &clients in clients {
            took(deploy::deploy(target, clients, DEPLOYING).await?);
        }
        // Half of the servers have an instance while reading is measured, and the lists are as long.
        let ids = deploy::fill(target, target.servers / 2).await?;
        for &clients in clients {
            took(read::status(target, &ids, clients, READING).await?);
            took(read::instances(target, &ids, clients, READING).await?);
            took(read::servers(target, clients, READING).await?);
        }
        deploy::drain(target).await?;
        Ok(samples)
    })
}

/// Runs `client` so often at once until each ends; answers all times and the whole time.
async fn together<F>(name: &'static str, clients: usize, client: impl Fn(usize) -> F) -> Result<Sample>
where
    F: Future<Output = Result<Vec<Duration>>> + Send + 'static,
{
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for number in 0..clients {
        running.spawn(client(number));
    }
    let mut times = Vec::new();
    while let Some(done) = running.join_next().await {
        times.extend(done.context("run a client")??);
    }
    Ok(Sample::new(name, clients, times, began.elapsed()))
}
