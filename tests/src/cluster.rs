//! A few nodes that are one cluster.
//!
//! A test gets a cluster for the length of a closure. At the curtain call everybody comes back on stage, also who was killed, and all
//! must tell the same story: revision, digest of the state, digest of its history. So no test can forget to ask, and a
//! fault that left one node with another state is found by whichever test caused it.

use crate::{
    node::Node,
    patience::{PATIENCE, eventually},
    places::Places,
};
use serde_json::{Value, json};

/// Nodes that belong together, numbered from 1 in the order of their joining. (Their ids are other numbers.)
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Node>,
    /// Whether each still belongs.
    belongs: Vec<bool>,
    settings: Vec<(String, String)>,
    _places: Places,
}

/// Plays with a cluster of `size` voters that all serve.
#[track_caller]
pub fn with_cluster(size: usize, play: impl FnOnce(&mut Cluster)) {
    with_cluster_and(size, &[], play);
}

/// As [`with_cluster`], with settings for every node.
#[track_caller]
pub fn with_cluster_and(size: usize, settings: &[(&str, &str)], play: impl FnOnce(&mut Cluster)) {
    let mut cluster = Cluster::found(size, settings);
    play(&mut cluster);
    cluster.gather();
    cluster.agree();
}

impl Cluster {
    fn found(size: usize, settings: &[(&str, &str)]) -> Self {
        let places = Places::take(size);
        let mut first = Node::new("node-1", settings);
        first.start();
        first.wait_healthy();
        let settings = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut cluster = Cluster {
            nodes: vec![first],
            belongs: vec![true],
            settings: settings.collect(),
            _places: places,
        };
        for _ in 1..size {
            cluster.join("voter");
        }
        for n in 1..=size {
            cluster.nodes[n - 1].wait_healthy();
            cluster.wait_voters(n, size);
        }
        cluster
    }

    /// One more node, by a token from the first one that runs. Returns its number; it is a learner still.
    #[track_caller]
    pub fn join(&mut self, role: &str) -> usize {
        let n = self.nodes.len() + 1;
        let (address, token) = {
            let host = self.running().next().expect("somebody runs");
            (
                host.addresses().peer.to_string(),
                token(host, &json!({"role": role})),
            )
        };
        let settings: Vec<_> = self
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let mut node = Node::new(&format!("node-{n}"), &settings);
        node.set_join(&address, &token);
        node.start();
        node.wait_answering();
        self.nodes.push(node);
        self.belongs.push(true);
        n
    }

    /// Node `n`, from 1.
    pub fn node(&self, n: usize) -> &Node {
        &self.nodes[n - 1]
    }

    /// Node `n`, from 1, to do something to it.
    pub fn node_mut(&mut self, n: usize) -> &mut Node {
        &mut self.nodes[n - 1]
    }

    /// Numbers of all that belong.
    pub fn numbers(&self) -> Vec<usize> {
        (1..=self.nodes.len()).filter(|n| self.belongs[n - 1]).collect()
    }

    /// Numbers of all that belong but one.
    pub fn others(&self, than: usize) -> Vec<usize> {
        self.numbers().into_iter().filter(|n| *n != than).collect()
    }

    fn running(&mut self) -> impl Iterator<Item = &Node> {
        let belongs = &self.belongs;
        let nodes = self.nodes.iter_mut().enumerate();
        nodes.filter_map(|(at, node)| (belongs[at] && node.is_running()).then_some(&*node))
    }

    /// Waits until all running nodes name one leader, and returns its number.
    #[track_caller]
    pub fn leader(&mut self) -> usize {
        let id = eventually(PATIENCE, "all agree on a leader", || {
            let leaders: Vec<Value> = self
                .running()
                .map(|node| node.admin().status().unwrap_or_default()["leader"].clone())
                .collect();
            match leaders.first().and_then(Value::as_u64) {
                Some(id) if leaders.iter().all(|leader| *leader == id) => Ok(id),
                _ => Err(format!("{leaders:?}")),
            }
        });
        let number = self
            .numbers()
            .into_iter()
            .find(|n| self.nodes[n - 1].is_running() && self.node(*n).id() == id);
        number.unwrap_or_else(|| panic!("the leader {id} is none of ours"))
    }

    /// Waits until node `n` sees exactly so many voters, and a leader.
    #[track_caller]
    pub fn wait_voters(&self, n: usize, count: usize) {
        eventually(PATIENCE, &format!("node {n} sees {count} voters"), || {
            let status = self.node(n).admin().status()?;
            let members = status["members"].as_array().cloned().unwrap_or_default();
            let voters = members.iter().filter(|member| member["role"] == "voter").count();
            if voters == count && members.len() >= count && status["leader"].is_u64() {
                Ok(())
            } else {
                Err(status.to_string())
            }
        });
    }

    /// Node `n` no longer belongs: it is not waited for at the end.
    pub fn forget(&mut self, n: usize) {
        self.belongs[n - 1] = false;
    }

    /// `kill -9` of all, as when the power fails.
    pub fn kill_all(&mut self) {
        for node in &mut self.nodes {
            node.kill();
        }
    }

    /// Starts who belongs and does not run, and waits until all are well.
    #[track_caller]
    pub fn gather(&mut self) {
        for n in self.numbers() {
            let node = self.node_mut(n);
            if !node.is_running() {
                // Takes note of a process that ended by itself.
                node.kill();
                node.start();
            }
        }
        for n in self.numbers() {
            self.node_mut(n).wait_healthy();
        }
    }

    /// Waits until every node that belongs has the same state, digest by digest.
    #[track_caller]
    pub fn agree(&self) -> Value {
        eventually(PATIENCE, "all nodes hold the same state", || {
            let digests = self.numbers().into_iter().map(|n| self.node(n).admin().digest());
            let digests: Vec<Value> = digests.collect::<Result<_, _>>()?;
            let first = digests.first().cloned().unwrap_or_default();
            let complete = ["revision", "digest", "chain"]
                .iter()
                .all(|field| !first[field].is_null());
            if complete && digests.iter().all(|digest| *digest == first) {
                Ok(first)
            } else {
                Err(format!("{digests:?}"))
            }
        })
    }
}

/// A join token from this node, by the Admin API: `role`, `ttl_seconds`, `uses` as wished.
#[track_caller]
pub fn token(host: &Node, wish: &Value) -> String {
    let document = host.admin().post("/troop/tokens", wish).expecting(201).json();
    document["token"].as_str().expect("a token is text").to_owned()
}
