//! What can go wrong on purpose.
//!
//! A list of accidents with names, so that a person can ask for some (`--faults kill-leader,halves`) and a report can say which
//! happened. Who is hit is drawn when it happens, for only then is it known who leads.

mod lies;
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
    /// The power of one node fails: what was not synced is gone.
    PowerOne,
    /// The leader's power fails.
    PowerLeader,
    /// The power of a majority fails.
    PowerMajority,
    /// The power fails.
    PowerAll,
    /// The leader's disk is nearly full: below what the program keeps free.
    DiskLow,
    /// A node's disk is full to the last block.
    DiskFull,
    /// One sync of a node is refused.
    SyncFails,
    /// One sync of the leader is refused.
    SyncFailsLeader,
    /// One write of a node finds no room.
    WriteFails,
    /// One write of the leader finds no room.
    WriteFailsLeader,
    /// The wall clock of a node jumps, and back.
    ClockJump,
    /// Leadership is handed over on purpose.
    LeaderTransfer,
}

/// What a fault cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// Wires that can be cut.
    Wires,
    /// Disks whose power can be cut.
    Disks,
    /// Somebody between a node and its kernel.
    Shim,
}

/// What a run has, and so which faults it can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Means {
    /// Wires that can be cut.
    pub wires: bool,
    /// Disks whose power can be cut.
    pub disks: bool,
    /// Somebody between a node and its kernel.
    pub shim: bool,
}

impl Means {
    /// Whether they are enough for a fault.
    pub fn allow(self, kind: Kind) -> bool {
        match kind.needs() {
            Needs::Nothing => true,
            Needs::Wires => self.wires,
            Needs::Disks => self.disks,
            Needs::Shim => self.shim,
        }
    }
}

/// A kind with what people need to know.
#[derive(Debug)]
pub struct Entry {
    /// The kind.
    pub kind: Kind,
    /// Its name on the command line.
    pub name: &'static str,
    /// What it cannot do without.
    pub needs: Needs,
}

const fn entry(kind: Kind, name: &'static str, needs: Needs) -> Entry {
    Entry { kind, name, needs }
}

/// All kinds.
pub const KINDS: [Entry; 31] = [
    entry(Kind::KillOne, "kill-one", Needs::Nothing),
    entry(Kind::KillLeader, "kill-leader", Needs::Nothing),
    entry(Kind::KillMajority, "kill-majority", Needs::Nothing),
    entry(Kind::KillAll, "kill-all", Needs::Nothing),
    entry(Kind::StopOne, "stop-one", Needs::Nothing),
    entry(Kind::StopLeader, "stop-leader", Needs::Nothing),
    entry(Kind::PauseOne, "pause-one", Needs::Nothing),
    entry(Kind::PauseLeader, "pause-leader", Needs::Nothing),
    entry(Kind::PauseMajority, "pause-majority", Needs::Nothing),
    entry(Kind::Replace, "replace", Needs::Nothing),
    entry(Kind::Learner, "learner", Needs::Nothing),
    entry(Kind::Halves, "halves", Needs::Wires),
    entry(Kind::LeaderAlone, "leader-alone", Needs::Wires),
    entry(Kind::LeaderInMajority, "leader-in-majority", Needs::Wires),
    entry(Kind::Mute, "mute", Needs::Wires),
    entry(Kind::Deaf, "deaf", Needs::Wires),
    entry(Kind::Ring, "ring", Needs::Wires),
    entry(Kind::Loss, "loss", Needs::Wires),
    entry(Kind::Delay, "delay", Needs::Wires),
    entry(Kind::PowerOne, "power-one", Needs::Disks),
    entry(Kind::PowerLeader, "power-leader", Needs::Disks),
    entry(Kind::PowerMajority, "power-majority", Needs::Disks),
    entry(Kind::PowerAll, "power-all", Needs::Disks),
    entry(Kind::DiskLow, "disk-low", Needs::Disks),
    entry(Kind::DiskFull, "disk-full", Needs::Disks),
    entry(Kind::SyncFails, "fsync-fails", Needs::Shim),
    entry(Kind::SyncFailsLeader, "fsync-fails-leader", Needs::Shim),
    entry(Kind::WriteFails, "write-fails", Needs::Shim),
    entry(Kind::WriteFailsLeader, "write-fails-leader", Needs::Shim),
    entry(Kind::ClockJump, "clock-jump", Needs::Shim),
    entry(Kind::LeaderTransfer, "leader-transfer", Needs::Nothing),
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

    /// What it cannot do without.
    pub fn needs(self) -> Needs {
        self.entry().needs
    }

    /// Whether it cuts wires.
    pub fn is_on_network(self) -> bool {
        self.needs() == Needs::Wires
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Kind> {
        KINDS
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| entry.kind)
    }

    /// Whether a machine stands still and goes on as if nothing had been.
    pub fn is_pause(self) -> bool {
        matches!(self, Kind::PauseOne | Kind::PauseLeader | Kind::PauseMajority)
    }

    /// Whether it is one of the leader's.
    pub fn is_of_the_leader(self) -> bool {
        matches!(
            self,
            Kind::KillLeader
                | Kind::PowerLeader
                | Kind::DiskLow
                | Kind::StopLeader
                | Kind::PauseLeader
                | Kind::LeaderAlone
                | Kind::LeaderInMajority
                | Kind::SyncFailsLeader
                | Kind::WriteFailsLeader
                | Kind::LeaderTransfer
        )
    }

    /// Whether it changes who the members are. Such an accident is not mixed with another: it needs a quorum to be carried out.
    pub fn is_membership(self) -> bool {
        matches!(self, Kind::Replace | Kind::Learner)
    }
}
