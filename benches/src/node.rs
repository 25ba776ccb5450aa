//! Nodes of troop: one alone, or three that form a cluster.
//!
//! They are set up as a person would: `troop start` on an empty directory, a token, `troop start --join`. Peers speak TLS to each
//! other as always; there is no way to turn it off.

use crate::{
    admin::Connection,
    certificate::CertificateFiles,
    program::{self, Place, Program, words},
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Founding and joining take under a second; fifty times that under valgrind, beside a compiler.
const START_TIMEOUT: Duration = Duration::from_secs(240);
/// Members of a cluster that survives the loss of one.
const MEMBERS: usize = 3;

/// How a node is run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The program.
    pub troop: PathBuf,
    /// In front of its command: valgrind, or nothing.
    pub prefix: Vec<OsString>,
    /// Where it may run.
    pub place: Place,
}

impl Setup {
    /// The program as it is, anywhere.
    pub fn plain(troop: &Path) -> Self {
        Setup {
            troop: troop.to_owned(),
            prefix: Vec::new(),
            place: Place::Anywhere,
        }
    }

    /// The program as it is, on the core that it then has for itself.
    pub fn on_proxy_core(troop: &Path) -> Self {
        Setup {
            place: Place::ProxyCore,
            ..Setup::plain(troop)
        }
    }
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    /// Its process.
    pub program: Program,
    /// Where it proxies.
    pub proxy: SocketAddr,
    /// Where it speaks HTTP/2 with clients that know it does.
    pub http2: SocketAddr,
    /// Where its Admin API is.
    pub admin: SocketAddr,
}

impl Node {
    /// Founds a cluster of one, with one worker.
    ///
    /// # Errors
    /// When it does not start.
    pub fn found(setup: &Setup, dir: &Path) -> Result<Self> {
        Node::start(setup, dir, "node-1", &[])
    }

    /// The same, with TLS towards clients.
    ///
    /// # Errors
    /// When it does not start.
    pub fn found_with_tls(setup: &Setup, dir: &Path, files: &CertificateFiles) -> Result<Self> {
        let more = words([
            "--ssl-cert".as_ref(),
            files.certificate.as_os_str(),
            "--ssl-cert-key".as_ref(),
            files.key.as_os_str(),
        ]);
        Node::listening(setup, dir, "node-1", " ssl", &more)
    }

    fn start(setup: &Setup, dir: &Path, name: &str, join: &[OsString]) -> Result<Self> {
        Node::listening(setup, dir, name, "", join)
    }

    /// `flags` stand behind the address in `proxy_listen`, `more` behind all other words.
    fn listening(setup: &Setup, dir: &Path, name: &str, flags: &str, more: &[OsString]) -> Result<Self> {
        let (proxy, http2) = (program::free_address()?, program::free_address()?);
        let admin = program::free_address()?;
        let mut command = setup.prefix.clone();
        command.push(setup.troop.clone().into_os_string());
        command.extend(words([
            "start",
            "--node-name",
            name,
            "--workers",
            "1",
            "--proxy-access-log",
            "off",
        ]));
        command.extend(words(["--upstream-keepalive-max-requests", "0", "--data-dir"]));
        command.push(dir.join(name).into_os_string());
        command.extend(words([
            "--proxy-listen",
            &format!("{proxy}{flags}, {http2} http2"),
        ]));
        let listeners = [
            ("--admin-listen", admin),
            ("--status-listen", program::free_address()?),
            ("--peer-listen", program::free_address()?),
        ];
        for (flag, address) in listeners {
            command.extend(words([flag, &address.to_string()]));
        }
        command.extend_from_slice(more);
        let program = Program::start(name, &command, dir, setup.place)?;
        let mut node = Node {
            program,
            proxy,
            http2,
            admin,
        };
        node.program
            .wait_until("it serves", START_TIMEOUT, || takes_part(admin))?;
        Ok(node)
    }

    /// A connection to its Admin API.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn admin(&self) -> Result<Connection> {
        Connection::open(self.admin)
    }

    /// Sends all paths below `/bench` to `origin`.
    ///
    /// # Errors
    /// When the node refuses.
    pub fn route_to(&self, origin: SocketAddr) -> Result<()> {
        let mut admin = self.admin()?;
        admin.post(
            "/services",
            &json!({"name": "bench", "url": format!("http://{origin}")}),
        )?;
        admin.post(
            "/services/bench/routes",
            &json!({"name": "bench", "paths": ["/bench"]}),
        )?;
        Ok(())
    }

    /// Adds a route `/keyed` to a service: it asks for a key, which one consumer has, and counts requests.
    ///
    /// # Errors
    /// When the node refuses.
    pub fn guard(&self, service: &str, key: &str) -> Result<()> {
        let mut admin = self.admin()?;
        admin.post("/consumers", &json!({"username": "bench"}))?;
        admin.post("/consumers/bench/key-auth", &json!({ "key": key }))?;
        let route = json!({"name": "keyed", "paths": ["/keyed"]});
        admin.post(&format!("/services/{service}/routes"), &route)?;
        admin.post("/routes/keyed/plugins", &json!({"name": "key-auth"}))?;
        let counting = json!({"name": "rate-limiting", "config": {"hour": UNREACHED, "policy": "local"}});
        admin.post("/routes/keyed/plugins", &counting)?;
        Ok(())
    }
}

/// A limit that no run reaches.
const UNREACHED: u64 = 1_000_000_000;

/// Whether there is a leader and this node serves what it has.
fn takes_part(admin: SocketAddr) -> Result<bool> {
    let status = Connection::open(admin)?.get("/troop/status")?;
    Ok(!status["leader"].is_null() && status["role"] != json!("learner"))
}

/// Three nodes.
#[derive(Debug)]
pub struct Cluster {
    /// The founder first.
    pub nodes: Vec<Node>,
}

impl Cluster {
    /// Founds a cluster and lets two more nodes join it.
    ///
    /// # Errors
    /// When not all of them become voters in time.
    pub fn start(troop: &Path, dir: &Path) -> Result<Self> {
        let setup = Setup::plain(troop);
        let founder = Node::found(&setup, dir)?;
        let join = join_words(troop, founder.admin)?;
        let mut nodes = vec![founder];
        for number in 2..=MEMBERS {
            nodes.push(Node::start(&setup, dir, &format!("node-{number}"), &join)?);
        }
        let mut cluster = Cluster { nodes };
        cluster.wait_for_voters()?;
        Ok(cluster)
    }

    fn wait_for_voters(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        for node in &mut self.nodes {
            let left = deadline.saturating_duration_since(Instant::now());
            let admin = node.admin;
            node.program.wait_until("all are voters", left, || {
                let status = Connection::open(admin)?.get("/troop/status")?;
                let members = status["members"]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                Ok(members
                    .iter()
                    .filter(|member| member["role"] == json!("voter"))
                    .count()
                    == MEMBERS)
            })?;
        }
        Ok(())
    }

    /// Which of the nodes leads.
    ///
    /// # Errors
    /// When none of them says that it does.
    pub fn leader(&self) -> Result<usize> {
        for (place, node) in self.nodes.iter().enumerate() {
            if node.admin()?.get("/troop/status")?["role"] == json!("leader") {
                return Ok(place);
            }
        }
        anyhow::bail!("no node says that it leads")
    }
}

/// What a newcomer adds to `troop start`.
fn join_words(troop: &Path, admin: SocketAddr) -> Result<Vec<OsString>> {
    let admin = admin.to_string();
    let mut command = vec![troop.as_os_str().to_owned()];
    command.extend(words([
        "token", "create", "--uses", "2", "--output", "json", "--admin", &admin,
    ]));
    let printed = program::output(&command)?;
    let token: Value =
        serde_json::from_str(&printed).with_context(|| format!("token create printed {printed}"))?;
    let join = token["join"]
        .as_str()
        .context("token create names no command to join with")?;
    let join = join.strip_prefix("troop start ").unwrap_or(join);
    ensure!(join.starts_with("--join "), "{join:?} does not start with --join");
    Ok(words(join.split_whitespace()))
}
