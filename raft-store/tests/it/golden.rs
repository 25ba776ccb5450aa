//! The bytes of the first release, kept in files: what a log and a disk hold must be readable by every later program.
//!
//! `TROOP_WRITE_GOLDEN=1 cargo test -p troop-raft-store --test it golden` writes them anew. That is for a *new* file; a
//! difference in an old one is a new format, which needs a new schema number in the frame and a new file beside the old one.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, env, fmt::Debug, fmt::Write, fs, path::PathBuf};
use troop_raft_store::{
    disk::stored::{StoredEntry, StoredLogId, StoredMembershipAt, StoredVote},
    types::{
        Packed, Peer,
        alias::{CommittedLeaderId, Entry, LogId, Membership, Payload, StoredMembership, Vote},
    },
};
use troop_txn::{codec, frame::Kind};

const BYTES_PER_LINE: usize = 32;
const KEY: &[u8] = b"key";

fn to_text(what: &str, bytes: &[u8]) -> String {
    let mut text = format!("# {what}\n");
    for line in bytes.chunks(BYTES_PER_LINE) {
        for byte in line {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    text
}

fn from_text(text: &str) -> Vec<u8> {
    let digits: String = text.lines().filter(|line| !line.starts_with('#')).collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

/// Compares `stored` with the file `name`, and gives what the file holds.
fn check<S: Serialize + DeserializeOwned>(name: &str, what: &str, kind: Kind, stored: &S) -> S {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden");
    let path = dir.join(format!("{name}.hex"));
    let text = to_text(what, &codec::encode(kind, KEY, stored).unwrap());
    if env::var_os("TROOP_WRITE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(kept, text, "{name} is no longer written as it was");
    codec::decode(kind, KEY, &from_text(&kept)).unwrap()
}

fn same<T: PartialEq + Debug>(read: T, written: T) {
    assert_eq!(read, written, "it is no longer read as it was");
}

fn log_id() -> LogId {
    let leader = CommittedLeaderId {
        term: 0x0102_0304,
        node_id: 5,
    };
    LogId::new(leader, 0x0607_0809_0a0b)
}

fn members() -> Membership {
    let peer = |id| {
        let address = format!("node-{id}.example:7443");
        (id, Peer { address })
    };
    let nodes: BTreeMap<u64, Peer> = [1, 2, 3, 9].map(peer).into();
    Membership::new(vec![[1, 2].into(), [1, 2, 3].into()], nodes).unwrap()
}

#[test]
fn a_log_id_is_stored_as_ever() {
    let read = check(
        "log-id",
        "framed StoredLogId",
        Kind::RaftMeta,
        &StoredLogId::from(log_id()),
    );
    same(LogId::from(read), log_id());
}

#[test]
fn a_vote_is_stored_as_ever() {
    for (name, vote) in [
        ("vote", Vote::new(7, 3)),
        ("vote-committed", Vote::new_committed(7, 3)),
    ] {
        let read = check(
            name,
            "framed StoredVote",
            Kind::RaftMeta,
            &StoredVote::from(&vote),
        );
        same(Vote::from(read), vote);
    }
}

#[test]
fn an_entry_of_each_kind_is_stored_as_ever() {
    for (name, payload) in [
        ("entry-blank", Payload::Blank),
        (
            "entry-normal",
            Payload::Normal(Packed(Bytes::from_static(b"packed"))),
        ),
        ("entry-membership", Payload::Membership(members())),
    ] {
        let log_id = log_id();
        let entry = Entry { log_id, payload };
        let read = check(
            name,
            "framed StoredEntry",
            Kind::LogEntry,
            &StoredEntry::from(&entry),
        );
        same(read.into_entry().unwrap(), entry);
    }
}

#[test]
fn a_membership_is_stored_as_ever() {
    let stored = StoredMembership::new(Some(log_id()), members());
    let what = "framed StoredMembershipAt, joint, with a learner";
    let read = check(
        "membership",
        what,
        Kind::StateMeta,
        &StoredMembershipAt::from(&stored),
    );
    same(StoredMembership::try_from(read).unwrap(), stored);
}
