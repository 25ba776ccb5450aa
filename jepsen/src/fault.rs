//! What can go wrong on purpose.
//!
//! A list of accidents with names, so that a person can ask for some (`--faults kill-leader,halves`) and a report can say which
//! happened. Who is hit is drawn when it happens, for only then is it known who leads.

pub mod log;
pub mod nemesis;
pub mod schedule;

/// A kind of accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `kill -9` of one node.
    KillOne,
    /// `kill -9` of the leader.
    KillLeader,
    /// `kill -9` of a majority.
    KillMajority,
    /// `kill -9` of all.
    KillAll,
    /// An orderly stop of one node and a start.
    StopOne,
    /// An orderly stop of the leader, which hands its office over.
    StopLeader,
    /// `SIGSTOP` of one node.
    PauseOne,
    /// `SIGSTOP` of the leader.
    PauseLeader,
    /// `SIGSTOP` of a majority.
    PauseMajority,
    /// A node loses its disk, is removed, and a new one joins in its place.
    Replace,
    /// A learner joins, follows, and is removed.
    Learner,
    /// The network falls into two halves, drawn at random.
    Halves,
    /// The leader is cut off from all others.
    LeaderAlone,
    /// The leader keeps a majority, the others are cut off from it.
    LeaderInMajority,
    /// One machine is heard by nobody.
    Mute,
    /// One machine hears nobody.
    Deaf,
    /// Everybody hears a majority, no two the same.
    Ring,
    /// Frames get lost.
    Loss,
    /// Frames are late and overtake each other.
    Delay,
}

/// A kind with what people need to know.
#[derive(Debug)]
pub struct Entry {
    /// The kind.
    pub kind: Kind,
    /// Its name on the command line.
    pub name: &'static str,
    /// Whether it needs wires that can be cut.
    pub on_network: bool,
}

const fn entry(kind: Kind, name: &'static str, on_network: bool) -> Entry {
    Entry {
        kind,
        name,
        on_network,
    }
}

/// All kinds.
pub const KINDS: [Entry; 19] = [
    entry(Kind::KillOne, "kill-one", false),
    entry(Kind::KillLeader, "kill-leader", false),
    entry(Kind::KillMajority, "kill-majority", false),
    entry(Kind::KillAll, "kill-all", false),
    entry(Kind::StopOne, "stop-one", false),
    entry(Kind::StopLeader, "stop-leader", false),
    entry(Kind::PauseOne, "pause-one", false),
    entry(Kind::PauseLeader, "pause-leader", false),
    entry(Kind::PauseMajority, "pause-majority", false),
    entry(Kind::Replace, "replace", false),
    entry(Kind::Learner, "learner", false),
    entry(Kind::Halves, "halves", true),
    entry(Kind::LeaderAlone, "leader-alone", true),
    entry(Kind::LeaderInMajority, "leader-in-majority", true),
    entry(Kind::Mute, "mute", true),
    entry(Kind::Deaf, "deaf", true),
    entry(Kind::Ring, "ring", true),
    entry(Kind::Loss, "loss", true),
    entry(Kind::Delay, "delay", true),
];

impl Kind {
    fn entry(self) -> &'static Entry {
        KINDS
            .iter()
            .find(|entry| entry.kind == self)
            .expect("invariant: KINDS lists every kind")
    }

    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// Whether it needs wires that can be cut.
    pub fn is_on_network(self) -> bool {
        self.entry().on_network
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Kind> {
        KINDS
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| entry.kind)
    }

    /// Whether it changes who the members are. Such an accident is not mixed with another: it needs a quorum to be carried out.
    pub fn is_membership(self) -> bool {
        matches!(self, Kind::Replace | Kind::Learner)
    }
}
