//! The nodes of a run, as the one who may hurt them sees them.
//!
//! A stable with boxes: machines are boxes, nodes are the horses in them. A horse that dies of a wipe is replaced by another with a
//! new name in the same box; clients look at the board by the door ([`board`]) to see who lives where.
//!
//! Every process is a child of this one and dies with it, also when this one is killed (`setpriv --pdeathsig`). That rests on
//! all children being started by the main thread, which is why everything here belongs to the main task.

pub mod board;
pub mod disk;
pub mod machine;
pub mod node;
pub mod view;

use crate::{
    line::{Ask, Silence, ask_once},
    network::Network,
    shim::Shim,
};
use anyhow::{Context as _, Result, anyhow, bail};
use board::{Board, Seat};
use http::Method;
use machine::Machine;
use node::Node;
use serde_json::json;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;
use view::View;

/// How long nodes may take to become well again once nothing is broken any more. Far above an election and a snapshot of a test's
/// size: who needs longer does not recover.
pub const RECOVERY: Duration = Duration::from_secs(60);
/// How long a node whose disk was full may take to be well again by itself.
const PATIENCE_WITH_DISKS: Duration = Duration::from_secs(5);
const GLANCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);

/// How to start nodes.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The program under test.
    pub program: PathBuf,
    /// Where data directories and logs go.
    pub directory: PathBuf,
    /// Flags beside the addresses.
    pub flags: Vec<String>,
    /// Whether each node has a disk of its own.
    pub own_disks: bool,
    /// What stands between each node and its kernel, if anything.
    pub shim: Option<Shim>,
}

/// All nodes.
pub struct Cluster {
    recipe: Recipe,
    machines: Vec<Machine>,
    nodes: BTreeMap<usize, Node>,
    next_number: usize,
    board: Arc<Board>,
    /// The wires, when there are any that can be cut.
    pub network: Option<Network>,
    /// Processes that ended without having been told to, with their last words.
    pub casualties: Vec<String>,
}

impl Cluster {
    /// A cluster of `size` voters, all well.
    ///
    /// # Errors
    /// A node does not start or does not become well.
    pub async fn found(recipe: Recipe, size: usize, network: Option<Network>) -> Result<Self> {
        // One box more than horses, for a learner that comes and goes.
        let machines = match &network {
            Some(network) => network.machines(),
            None => Machine::on_loopback(size + 1)?,
        };
        let mut cluster = Cluster {
            recipe,
            machines,
            nodes: BTreeMap::new(),
            next_number: 1,
            board: Arc::default(),
            network,
            casualties: Vec::new(),
        };
        cluster.settle(0, None)?;
        cluster.wait_well(&[1]).await?;
        for machine in 1..size {
            let number = cluster.join(machine, "voter").await?;
            cluster.wait_well(&[number]).await?;
        }
        cluster.wait_whole(size).await.map_err(|reason| anyhow!(reason))?;
        Ok(cluster)
    }

    /// Where clients look.
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Numbers of the nodes that belong, running or not.
    pub fn numbers(&self) -> Vec<usize> {
        self.nodes.keys().copied().collect()
    }

    /// A node.
    ///
    /// # Panics
    /// When there is none of that number.
    pub fn node(&self, number: usize) -> &Node {
        self.nodes
            .get(&number)
            .expect("invariant: numbers come from `numbers`")
    }

    fn node_mut(&mut self, number: usize) -> &mut Node {
        self.nodes
            .get_mut(&number)
            .expect("invariant: numbers come from `numbers`")
    }

    /// Numbers of the nodes whose process runs and is not paused.
    pub fn awake(&mut self) -> Vec<usize> {
        self.look_for_casualties();
        self.nodes
            .iter()
            .filter(|(_, node)| node.is_awake())
            .map(|(number, _)| *number)
            .collect()
    }

    /// A machine on which nobody lives.
    pub fn free_machine(&self) -> Option<usize> {
        (0..self.machines.len()).find(|machine| self.nodes.values().all(|node| node.machine() != *machine))
    }

    /// Starts a new node on a machine; with address and token it joins, else it founds.
    fn settle(&mut self, machine: usize, join: Option<(String, String)>) -> Result<usize> {
        let number = self.next_number;
        self.next_number += 1;
        let mut node = Node::new(number, machine, &self.machines[machine], &self.recipe, join)?;
        node.start()?;
        self.board.sit(Seat {
            number,
            machine: self.machines[machine].clone(),
        });
        self.nodes.insert(number, node);
        Ok(number)
    }

    /// A new node joins through whoever answers, and is waited for until its Admin API answers.
    ///
    /// # Errors
    /// There is no token to be had, or the node does not come up.
    pub async fn join(&mut self, machine: usize, role: &str) -> Result<usize> {
        let (host, token) = self.token(role).await?;
        let address = self.machines[self.node(host).machine()].peer.to_string();
        let number = self.settle(machine, Some((address, token)))?;
        let deadline = Instant::now() + RECOVERY;
        loop {
            if let Ok(view) = self.view(number).await {
                self.node_mut(number).set_id(view.id);
                return Ok(number);
            }
            self.look_for_casualties();
            if Instant::now() > deadline || !self.node(number).is_awake() {
                bail!(
                    "the new node {number} does not come up: {}",
                    self.node(number).last_words()
                );
            }
            sleep(PAUSE).await;
        }
    }

    async fn token(&mut self, role: &str) -> Result<(usize, String)> {
        let deadline = Instant::now() + RECOVERY;
        let mut reason = "nobody is awake".to_owned();
        while Instant::now() < deadline {
            for number in self.awake() {
                let ask = Ask::new(Method::POST, "/troop/tokens").json(json!({"role": role}));
                match ask_once(self.node(number).admin(), ask, RECOVERY / 6).await {
                    Ok(reply) if reply.status == 201 => {
                        let token = reply.json()["token"]
                            .as_str()
                            .context("a token is text")?
                            .to_owned();
                        return Ok((number, token));
                    }
                    Ok(reply) => reason = reply.summary(),
                    Err(silence) => reason = silence.to_string(),
                }
            }
            sleep(PAUSE).await;
        }
        bail!("no join token within {RECOVERY:?}: {reason}")
    }

    /// What a node says of the cluster.
    ///
    /// # Errors
    /// It says nothing, or nothing that makes sense.
    pub async fn view(&self, number: usize) -> Result<View, String> {
        let reply = ask_once(
            self.node(number).admin(),
            Ask::new(Method::GET, "/troop/status"),
            GLANCE,
        )
        .await;
        let reply = reply.map_err(|silence: Silence| silence.to_string())?;
        if reply.status != 200 {
            return Err(reply.summary());
        }
        View::read(&reply.json()).ok_or_else(|| format!("no status: {}", reply.summary()))
    }

    /// The node that leads in the highest term anyone awake knows of, with that term.
    pub async fn leader(&mut self) -> Option<(usize, u64)> {
        let mut best: Option<(u64, u64)> = None;
        for number in self.awake() {
            let Ok(view) = self.view(number).await else {
                continue;
            };
            self.node_mut(number).set_id(view.id);
            if let Some(leader) = view
                .leader
                .filter(|_| best.is_none_or(|(term, _)| view.term > term))
            {
                best = Some((view.term, leader));
            }
        }
        let (term, id) = best?;
        let found = self.nodes.iter().find(|(_, node)| node.id() == Some(id));
        found.map(|(number, _)| (*number, term))
    }

    /// Waits until these nodes say that they are well.
    ///
    /// # Errors
    /// One does not, with its last words.
    pub async fn wait_well(&mut self, numbers: &[usize]) -> Result<()> {
        let deadline = Instant::now() + RECOVERY;
        for number in numbers {
            loop {
                let ask = Ask::new(Method::GET, "/troop/health");
                let said = match ask_once(self.node(*number).admin(), ask, GLANCE).await {
                    Ok(reply) if reply.status == 200 => break,
                    Ok(reply) => reply.summary(),
                    Err(silence) => silence.to_string(),
                };
                self.look_for_casualties();
                if Instant::now() > deadline || !self.node(*number).is_awake() {
                    bail!(
                        "node {number} is not well ({said}): {}",
                        self.node(*number).last_words()
                    );
                }
                sleep(PAUSE).await;
            }
            self.board.up(*number);
        }
        Ok(())
    }

    /// Waits until every node is well, all name one leader, and so many vote.
    ///
    /// # Errors
    /// They do not within [`RECOVERY`], with what each says.
    pub async fn wait_whole(&mut self, voters: usize) -> Result<Duration, String> {
        let began = Instant::now();
        let numbers = self.numbers();
        self.wait_well(&numbers)
            .await
            .map_err(|error| format!("{error:#}"))?;
        loop {
            let mut said = Vec::new();
            for number in &numbers {
                let view = self.view(*number).await;
                if let Ok(view) = &view {
                    self.node_mut(*number).set_id(view.id);
                }
                said.push((*number, view));
            }
            if view::agree(&said, voters, numbers.len()) {
                return Ok(began.elapsed());
            }
            if began.elapsed() > RECOVERY {
                return Err(format!("not whole within {RECOVERY:?}; nodes say {said:?}"));
            }
            sleep(PAUSE).await;
        }
    }

    /// `kill -9`. Whether there was something to kill.
    pub fn kill(&mut self, number: usize) -> bool {
        self.look_for_casualties();
        self.board.down(number);
        self.node_mut(number).kill()
    }

    /// Cuts a node's power: the disk first, as what is in flight then is lost, and after `agony` the process. Whether both were on.
    pub async fn cut_power(&mut self, numbers: &[usize], agony: Duration) -> usize {
        self.look_for_casualties();
        let mut off = Vec::new();
        for number in numbers {
            self.board.down(*number);
            self.board.cut(*number);
            let node = self.node_mut(*number);
            off.push(node.is_running() && node.cut_power());
        }
        sleep(agony).await;
        for number in numbers {
            self.node_mut(*number).kill();
        }
        off.into_iter().filter(|off| *off).count()
    }

    /// Power again, and a start.
    ///
    /// # Errors
    /// The disk or the process cannot be started.
    pub fn restore_power(&mut self, number: usize) -> Result<()> {
        self.node(number).restore_power()?;
        self.start(number)
    }

    /// Fills a node's disk until so many bytes are left. Whether they are.
    pub fn fill_disk(&mut self, number: usize, left: u64) -> bool {
        self.node_mut(number).fill_disk(left)
    }

    /// Takes the filling away. A node that was out of room may have given up and is then started anew, as its supervisor would.
    ///
    /// # Errors
    /// The process cannot be started.
    pub async fn empty_disk(&mut self, number: usize) -> Result<()> {
        self.node(number).empty_disk();
        let ask = Ask::new(Method::GET, "/troop/health");
        let deadline = Instant::now() + PATIENCE_WITH_DISKS;
        while Instant::now() < deadline {
            let said = ask_once(self.node(number).admin(), ask.clone(), GLANCE).await;
            if said.is_ok_and(|reply| reply.status == 200) {
                return Ok(());
            }
            sleep(PAUSE).await;
        }
        self.kill(number);
        self.start(number)
    }

    /// Whether a node says that its store has stopped.
    pub async fn has_stopped(&self, number: usize) -> bool {
        let ask = Ask::new(Method::GET, "/troop/health");
        let said = ask_once(self.node(number).admin(), ask, GLANCE).await;
        said.is_ok_and(|reply| reply.status == 503 && reply.summary().contains("the store has stopped"))
    }

    /// Asks one node that another shall lead. How it is known that it does.
    ///
    /// # Errors
    /// It does not, with the answer.
    pub async fn transfer_leader(&self, door: usize, to: usize) -> Result<String, String> {
        let id = self.node(to).id().ok_or("nobody knows the number of that node")?;
        let ask = Ask::new(Method::POST, "/troop/leader").json(json!({ "id": id }));
        let began = Instant::now();
        match ask_once(self.node(door).admin(), ask, RECOVERY / 6).await {
            Ok(reply) if reply.status == 200 && reply.json()["leader"] == id => Ok(format!(
                "node {to} leads after {} ms",
                began.elapsed().as_millis()
            )),
            Ok(reply) => Err(reply.summary()),
            Err(silence) => Err(silence.to_string()),
        }
    }

    /// Copies all data directories that will go with their disks.
    pub fn keep_data(&self) {
        self.nodes.values().for_each(Node::keep_data);
    }

    /// `SIGTERM`, then waits for the end. Whether it ended by itself.
    pub async fn stop(&mut self, number: usize) -> bool {
        self.board.down(number);
        self.node_mut(number).terminate();
        let deadline = Instant::now() + RECOVERY / 2;
        while Instant::now() < deadline {
            if self.node_mut(number).has_ended() {
                return true;
            }
            sleep(PAUSE / 4).await;
        }
        self.node_mut(number).kill();
        false
    }

    /// `SIGSTOP`. Whether the process then stood still.
    pub fn pause(&mut self, number: usize) -> bool {
        self.board.down(number);
        self.node_mut(number).pause()
    }

    /// `SIGCONT`. Like a started node it counts as up once it has been waited for.
    pub fn resume(&mut self, number: usize) {
        self.node_mut(number).resume();
    }

    /// Starts a node that was killed or stopped.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start(&mut self, number: usize) -> Result<()> {
        self.node_mut(number).start()
    }

    /// Removes a member through the others and clears its machine. Its process is gone afterwards, whatever the answer.
    ///
    /// # Errors
    /// The others do not agree within [`RECOVERY`] that it is gone.
    pub async fn remove(&mut self, number: usize) -> Result<()> {
        let id = self
            .node(number)
            .id()
            .context("a member that never said its id")?;
        // A member that learns of its removal ends, and owes nobody an answer from now on.
        self.board.down(number);
        self.node_mut(number).expect_end();
        let deadline = Instant::now() + RECOVERY;
        let mut said = "nobody was asked".to_owned();
        let mut removed = false;
        while !removed {
            if Instant::now() > deadline {
                bail!("node {number} (id {id}) is not removed within {RECOVERY:?}: {said}");
            }
            let others: Vec<_> = self
                .awake()
                .into_iter()
                .filter(|other| *other != number)
                .collect();
            for other in others {
                let ask = Ask::new(Method::DELETE, format!("/troop/nodes/{id}"));
                match ask_once(self.node(other).admin(), ask, RECOVERY / 6).await {
                    // 404: an earlier try whose answer was lost.
                    Ok(reply) if matches!(reply.status, 204 | 404) => {
                        removed = true;
                        break;
                    }
                    Ok(reply) => said = reply.summary(),
                    Err(silence) => said = silence.to_string(),
                }
            }
            sleep(PAUSE).await;
        }
        self.forget(number);
        Ok(())
    }

    /// Ends its process and takes it off the board.
    fn forget(&mut self, number: usize) {
        self.board.leave(number);
        if let Some(mut node) = self.nodes.remove(&number) {
            node.kill();
            node.wipe();
        }
    }

    /// Notes processes that ended by themselves.
    pub fn look_for_casualties(&mut self) {
        for (number, node) in &mut self.nodes {
            if let Some(status) = node.ended_by_itself() {
                self.board.down(*number);
                self.casualties.push(format!(
                    "node {number} ended by itself ({status}): {}",
                    node.last_words()
                ));
            }
        }
    }
}
