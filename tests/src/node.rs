//! One node: a real process with a home of its own.
//!
//! The flat (a temporary directory), the doorbells (four ports) and the tenant (the process). The tenant can be thrown out, put to
//! sleep, woken and let in again; flat and doorbells stay, as on a machine that reboots.
//!
//! Listeners go in as flags and everything else through `troop.conf`, so that both ways in are walked all the time. What the process
//! says is kept in files and shown when the test that owns the node fails.

use crate::{
    admin::Admin,
    answer::Answer,
    patience::{PATIENCE, eventually},
    places::Places,
    ports::Addresses,
    program::{self, Finished},
    wire::{self, Connection, Request},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};
use tempfile::TempDir;

/// Lines of a node's last words that a failing test shows.
const LAST_LINES: usize = 60;
/// What every node of a test is told unless the test says otherwise.
const SETTINGS: [(&str, &str); 3] = [
    ("log_level", "info"),
    ("proxy_access_log", "access.log"),
    ("drain_timeout", "5s"),
];

/// A node, running or not.
#[derive(Debug)]
pub struct Node {
    name: String,
    home: TempDir,
    addresses: Addresses,
    settings: BTreeMap<String, String>,
    join: Option<(String, String)>,
    process: Option<Child>,
    runs: u32,
    places: Option<Places>,
}

impl Node {
    /// A node that has not been started. These settings go on top of the usual ones.
    ///
    /// # Panics
    /// When there is no temporary directory to be had.
    pub fn new(name: &str, settings: &[(&str, &str)]) -> Self {
        let all = SETTINGS.iter().chain(settings);
        Node {
            name: name.to_owned(),
            home: TempDir::with_prefix("troop-").expect("a temporary directory"),
            addresses: Addresses::free(),
            settings: all
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            join: None,
            process: None,
            runs: 0,
            places: None,
        }
    }

    /// A cluster of one that is well, as soon as there is room for its process.
    #[track_caller]
    pub fn alone(settings: &[(&str, &str)]) -> Self {
        let places = Places::take(1);
        let mut node = Node::new("alone", settings);
        node.places = Some(places);
        node.start();
        node.wait_healthy();
        node
    }

    /// Joins through this peer address by this token when it starts for the first time. The flags stay, as in a unit file.
    pub fn set_join(&mut self, address: &str, token: &str) {
        self.join = Some((address.to_owned(), token.to_owned()));
    }

    /// Changes a setting for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// Moves in where another node lives or lived.
    pub fn set_data_dir(&mut self, path: &Path) {
        self.set("data_dir", &path.display().to_string());
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its addresses.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        match self.settings.get("data_dir") {
            Some(path) => PathBuf::from(path),
            None => self.home.path().join("data"),
        }
    }

    /// Its Admin API.
    pub fn admin(&self) -> Admin {
        Admin::at(self.addresses.admin)
    }

    /// A request to its proxy, over a connection of its own.
    ///
    /// # Panics
    /// When there is no answer.
    #[track_caller]
    pub fn proxy(&self, request: &Request) -> Answer {
        match wire::ask(self.addresses.proxy, request) {
            Ok(answer) => answer,
            Err(error) => panic!("{request:?} at the proxy of {}: {error}", self.name),
        }
    }

    /// A `GET` of its proxy.
    #[track_caller]
    pub fn fetch(&self, target: &str) -> Answer {
        self.proxy(&Request::get(target))
    }

    /// A connection to its proxy.
    ///
    /// # Panics
    /// When nobody listens there.
    #[track_caller]
    pub fn connect(&self) -> Connection {
        Connection::open(self.addresses.proxy).expect("the proxy listens")
    }

    /// Runs a command of the program that talks to this node.
    #[track_caller]
    pub fn tool(&self, arguments: &[&str]) -> Finished {
        let admin = self.addresses.admin.to_string();
        program::run(&[arguments, &["--admin", &admin]].concat())
    }

    /// Its number in the cluster.
    #[track_caller]
    pub fn id(&self) -> u64 {
        let status = self.admin().status().expect("a running node says who it is");
        status["id"].as_u64().expect("a node's id is a number")
    }

    /// Starts the process, and does not wait for anything.
    ///
    /// # Panics
    /// When it runs already or cannot be started.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        self.runs += 1;
        let mut command = self.command();
        let output =
            |name: String| Stdio::from(File::create(self.home.path().join(name)).expect("a file for output"));
        command.stdin(Stdio::null());
        command.stdout(output(format!("run-{}.out", self.runs)));
        command.stderr(output(format!("run-{}.err", self.runs)));
        self.process = Some(command.spawn().expect("the program can be started"));
    }

    /// Starts a process that is expected to refuse and to end by itself.
    #[track_caller]
    pub fn start_refused(&mut self) -> Finished {
        let finished = program::finish(self.command());
        assert_ne!(finished.code, Some(0), "it should have refused: {finished:?}");
        finished
    }

    /// The command that starts it.
    pub fn command(&self) -> Command {
        let conf = self.home.path().join("troop.conf");
        let lines = self
            .settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n"));
        fs::write(&conf, lines.collect::<String>()).expect("a settings file");
        let mut command = program::command();
        // A file that lands in the working directory by mistake does not land in the tree.
        command
            .current_dir(self.home.path())
            .arg("start")
            .arg("--conf")
            .arg(conf);
        if !self.settings.contains_key("data_dir") {
            command.arg("--data-dir").arg(self.data_dir());
        }
        let listeners = [
            ("proxy_listen", "--proxy-listen", self.addresses.proxy),
            ("admin_listen", "--admin-listen", self.addresses.admin),
            ("status_listen", "--status-listen", self.addresses.status),
            ("peer_listen", "--peer-listen", self.addresses.peer),
        ];
        for (setting, flag, address) in listeners {
            if !self.settings.contains_key(setting) {
                command.arg(flag).arg(address.to_string());
            }
        }
        command.arg("--node-name").arg(&self.name);
        if let Some((address, token)) = &self.join {
            command.arg("--join").arg(address).arg("--token").arg(token);
        }
        command
    }

    /// Whether its process is there.
    pub fn is_running(&mut self) -> bool {
        let process = self.process.as_mut();
        process.is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Waits until its Admin API answers, well or not.
    #[track_caller]
    pub fn wait_answering(&mut self) {
        self.wait_until("its Admin API answers", |admin| admin.status().map(drop));
    }

    /// Waits until it says that it is well.
    #[track_caller]
    pub fn wait_healthy(&mut self) {
        self.wait_until("it is healthy", |admin| {
            let answer = admin
                .ask(&Request::get("/troop/health"))
                .map_err(|error| error.to_string())?;
            if answer.status == 200 {
                Ok(())
            } else {
                Err(answer.text())
            }
        });
    }

    /// A node that ends while it is waited for is not waited for any longer.
    #[track_caller]
    fn wait_until(&mut self, what: &str, look: impl Fn(Admin) -> Result<(), String>) {
        let admin = self.admin();
        let seen = eventually(PATIENCE, &format!("{}: {what}", self.name), || {
            match look(admin) {
                Ok(()) => Ok(Ok(())),
                Err(_) if !self.is_running() => Ok(Err("its process ended")),
                Err(reason) => Err(reason),
            }
        });
        if let Err(reason) = seen {
            panic!("{}: {reason} before {what}:\n{}", self.name, self.log());
        }
    }

    /// Waits until its process ends by itself, and returns the exit code.
    #[track_caller]
    pub fn wait_ended(&mut self) -> Option<i32> {
        let child = self.process.as_mut().expect("it runs");
        match program::wait(child, PATIENCE) {
            Some(status) => {
                self.process = None;
                status.code()
            }
            None => panic!("{} does not end:\n{}", self.name, self.log()),
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            program::end(&mut child);
        }
    }

    /// `SIGTERM`; it drains.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// `SIGTERM`, and waits for the end.
    #[track_caller]
    pub fn stop(&mut self) -> Option<i32> {
        self.terminate();
        self.wait_ended()
    }

    /// `SIGSTOP`: it is there and does nothing.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// `SIGCONT`.
    pub fn wake(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends its process a signal.
    pub fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("a node that gets a signal runs");
        kill_process(Pid::from_child(process), signal).expect("our own child takes signals");
    }

    /// What it said on standard error since its last start.
    pub fn log(&self) -> String {
        self.written("err")
    }

    fn written(&self, kind: &str) -> String {
        let path = self.home.path().join(format!("run-{}.{kind}", self.runs));
        fs::read(path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The lines of its access log.
    pub fn access_log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.data_dir().join("access.log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A member's entry in this node's picture of the cluster.
    ///
    /// # Errors
    /// The node does not answer, or knows no such member.
    pub fn member(&self, id: u64) -> Result<Value, String> {
        let status = self.admin().status()?;
        let members = status["members"].as_array().cloned().unwrap_or_default();
        let found = members.into_iter().find(|member| member["id"] == id);
        found.ok_or_else(|| format!("no member {id} in {status}"))
    }

    fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

impl Drop for Node {
    #[allow(
        clippy::print_stderr,
        reason = "the test runner shows it with the test that failed"
    )]
    fn drop(&mut self) {
        if thread::panicking() && self.runs > 0 {
            let running = if self.is_running() { "running" } else { "ended" };
            eprintln!(
                "---- {} ({running}), run {}:\n{}",
                self.name,
                self.runs,
                self.last_words()
            );
        }
        self.kill();
    }
}

/// Every file below a directory with its bytes, the lock file left out: to tell that nothing was touched.
pub fn inventory(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
            } else if !path.ends_with("node.lock") {
                found.insert(path.clone(), fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}
