//! The bytes of the first release, kept in files.
//!
//! What a log and a disk hold must be readable by every later program. Each file in `golden/` says what it is and
//! gives the bytes as hex; a test encodes the same value and compares, and decodes the file and compares again.
//!
//! `TROOP_WRITE_GOLDEN=1 cargo test -p troop-txn` writes them anew. That is for a *new* file; a difference in an old one is a
//! new format, which needs a new version byte and a new file beside the old one.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use std::{env, fmt::Debug, fmt::Write, fs, path::PathBuf};
use troop_txn::{
    Ensure, Event, EventBody, Guard, Image, Key, Op, Operation, Outcome, Overlay, Refusal, RequestId,
    Revision, Row, StageId, Table, Txn, codec,
    event::event_key,
    frame::{self, Kind},
    image::MemoryImage,
    machine::{self, Notes},
    stage,
};

const BYTES_PER_LINE: usize = 32;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(format!("{name}.hex"))
}

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
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

/// Compares `bytes` with the file `name`, and gives what the file holds.
fn check_bytes(name: &str, what: &str, bytes: &[u8]) -> Vec<u8> {
    let path = path(name);
    if env::var_os("TROOP_WRITE_GOLDEN").is_some() {
        fs::write(&path, to_text(what, bytes)).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(
        text,
        to_text(what, bytes),
        "{name} is no longer written as it was"
    );
    from_text(&text)
}

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, what: &str, value: &T) {
    let bytes = check_bytes(name, what, &codec::pack(value).unwrap());
    let read: T = codec::unpack(&bytes).unwrap();
    assert_eq!(&read, value, "{name} is no longer read as it was");
}

fn check_framed<T>(name: &str, what: &str, kind: Kind, key: &[u8], value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let bytes = check_bytes(name, what, &codec::encode(kind, key, value).unwrap());
    let read: T = codec::decode(kind, key, &bytes).unwrap();
    assert_eq!(&read, value, "{name} is no longer read as it was");
}

fn request(sequence: u64) -> RequestId {
    RequestId {
        client: 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff,
        sequence,
    }
}

fn every_guard() -> Vec<Guard> {
    vec![
        Guard::Absent(Key::index("services", "name", b"billing")),
        Guard::Present(Key::record("services", &[0xaa; 16])),
        Guard::RevisionIs {
            key: Key::record("routes", &[0xbb; 16]),
            revision: Revision::new(7),
        },
        Guard::GlobalRevisionIs(Revision::new(0x0102_0304_0506_0708)),
    ]
}

fn every_op() -> Vec<Op> {
    vec![
        Op::Put {
            key: Key::record("services", &[0xaa; 16]),
            value: Bytes::from_static(br#"{"name":"billing"}"#),
        },
        Op::Delete {
            key: Key::system("tokens", b"t1"),
        },
        Op::Emit {
            channel: "balancer:targets".into(),
            data: Bytes::from_static(b"{}"),
            not_before_ms: Some(1_790_000_000_000),
        },
        Op::Emit {
            channel: "now".into(),
            data: Bytes::new(),
            not_before_ms: None,
        },
        Op::CompactEvents {
            below: Revision::new(5),
        },
    ]
}

fn whole_txn() -> Txn {
    Txn {
        request: request(1),
        guards: every_guard(),
        ops: every_op(),
        ensures: vec![Ensure::PrefixEmpty(Key::index("routes", "service", &[0xaa; 16]))],
        stamped_at_ms: 1_790_000_000_123,
        actor: "admin".into(),
    }
}

fn crud(operation: Operation, entity: Option<&'static [u8]>, old_entity: Option<&'static [u8]>) -> EventBody {
    EventBody::Crud {
        schema: "services".into(),
        operation,
        id: Bytes::from_static(&[0xaa; 16]),
        entity: entity.map(Bytes::from_static),
        old_entity: old_entity.map(Bytes::from_static),
    }
}

#[test]
fn transactions() {
    let empty = Txn {
        request: request(0),
        guards: vec![],
        ops: vec![],
        ensures: vec![],
        stamped_at_ms: 0,
        actor: String::new(),
    };
    check("txn-empty", "Txn that does nothing, bincode", &empty);
    check(
        "txn",
        "Txn with every guard, op and ensure, bincode",
        &whole_txn(),
    );
    check(
        "guards",
        "Vec<Guard>, every variant in order, bincode",
        &every_guard(),
    );
    check("ops", "Vec<Op>, every variant in order, bincode", &every_op());
}

#[test]
fn staged_change_sets() {
    let stage = StageId::from_bits(0x0199_0000_0000_7000_8000_0000_0000_0001);
    let ops = vec![Op::Delete {
        key: Key::record("services", &[0xaa; 16]),
    }];
    check_bytes(
        "stage-box",
        "Vec<Op> in a box of a staged change set, bincode",
        &stage::pack(&ops).unwrap(),
    );
    check_bytes(
        "stage-key",
        "the key of its second box",
        stage.box_key(1).as_bytes(),
    );
    let txn = Txn {
        request: request(2),
        guards: vec![Guard::UnchangedSince(Revision::new(8))],
        ops: vec![Op::Unstage { stage: stage.boxes() }],
        ensures: vec![],
        stamped_at_ms: 1_790_000_000_123,
        actor: "admin".into(),
    };
    check(
        "txn-unstage",
        "Txn that makes a staged change set visible, bincode",
        &txn,
    );
}

#[test]
fn outcomes() {
    let revision = Revision::new(9);
    let refused = |refusal| Outcome::Refused { revision, refusal };
    let all = vec![
        Outcome::Applied(revision),
        refused(Refusal::Guard(2)),
        refused(Refusal::Ensure(3)),
    ];
    check("outcomes", "Vec<Outcome>, every variant in order, bincode", &all);
}

#[test]
fn events() {
    let all = vec![
        crud(Operation::Create, Some(b"new"), None),
        crud(Operation::Update, Some(b"new"), Some(b"old")),
        crud(Operation::Delete, None, Some(b"old")),
        EventBody::Broadcast {
            channel: "balancer:targets".into(),
            data: Bytes::from_static(b"{}"),
            not_before_ms: Some(1),
        },
    ];
    check(
        "event-bodies",
        "Vec<EventBody>, every variant and operation in order, bincode",
        &all,
    );
}

#[test]
fn keys() {
    let keys: Vec<Vec<u8>> = vec![
        Key::record("services", b"id").as_bytes().to_vec(),
        Key::index("services", "name", b"v").as_bytes().to_vec(),
        Key::system("tokens", b"id").as_bytes().to_vec(),
        event_key(Revision::new(0x0102), 3).to_vec(),
        request(0x0102).to_bytes().to_vec(),
    ];
    check(
        "keys",
        "Vec<Vec<u8>>: keys of a record, an index row, a system row, an event, a session, bincode",
        &keys,
    );
}

#[test]
fn frames() {
    let sealed = frame::seal(Kind::RaftMeta, b"key", b"payload");
    let read = check_bytes(
        "frame",
        "frame around `payload`, kind RaftMeta, under `key`",
        &sealed,
    );
    assert_eq!(frame::open(Kind::RaftMeta, b"key", &read), Ok(&b"payload"[..]));

    let key = Key::record("services", &[0xaa; 16]);
    let row = Row {
        created: Revision::new(3),
        modified: Revision::new(9),
        value: Bytes::from_static(b"{}"),
    };
    check_framed("row", "framed Row of a service", Kind::Row, key.as_bytes(), &row);

    let event = Event {
        revision: Revision::new(9),
        ordinal: 1,
        body: crud(Operation::Update, Some(b"new"), Some(b"old")),
    };
    let key = event_key(event.revision, event.ordinal);
    check_framed("event", "framed Event 9.1", Kind::Event, &key, &event);

    let notes = Notes {
        revision: Revision::new(9),
        digest: 1,
        chain: 2,
        events_from: Revision::new(3),
        events_kept: 4,
    };
    check_framed(
        "notes",
        "framed Notes of the machine",
        Kind::StateMeta,
        b"machine",
        &notes,
    );
}

/// Every kind has its number for ever.
#[test]
fn kinds() {
    let kinds = [
        (Kind::LogEntry, 1),
        (Kind::RaftMeta, 2),
        (Kind::Row, 3),
        (Kind::Event, 4),
        (Kind::Session, 5),
        (Kind::StateMeta, 6),
        (Kind::SnapshotBlock, 7),
        (Kind::Identity, 8),
    ];
    for (kind, number) in kinds {
        assert_eq!(frame::seal(kind, b"", b"")[0], number, "{kind:?}");
    }
}

/// A short history with every op, a refusal by guard and by ensure, and a retry: what lies in all tables afterwards.
#[test]
fn the_state_after_a_short_history() {
    let service = Key::record("services", &[0xaa; 16]);
    let name = Key::index("services", "name", b"billing");
    let put = |key: &Key, value: &'static [u8]| Op::Put {
        key: key.clone(),
        value: Bytes::from_static(value),
    };
    let txn = |sequence, guards, ops, ensures| Txn {
        request: request(sequence),
        guards,
        ops,
        ensures,
        stamped_at_ms: 1_790_000_000_000 + sequence,
        actor: "admin".into(),
    };
    let create = txn(
        1,
        vec![Guard::Absent(name.clone())],
        vec![
            put(&service, b"one"),
            put(&name, b"aa"),
            put(&Key::system("s", b"x"), b"y"),
        ],
        vec![],
    );
    let history = [
        (2, create.clone()),
        (4, txn(2, vec![], every_op(), vec![])),
        (5, txn(3, vec![Guard::Absent(name.clone())], vec![], vec![])),
        (
            6,
            txn(
                4,
                vec![],
                vec![Op::Delete { key: service }],
                vec![Ensure::PrefixEmpty(name.clone())],
            ),
        ),
        (7, create),
        (
            9,
            txn(
                5,
                vec![],
                vec![Op::Delete { key: name }, every_op().remove(4)],
                vec![],
            ),
        ),
    ];
    let mut image = MemoryImage::default();
    for (index, txn) in &history {
        let mut batch = Overlay::new(&image);
        machine::apply(&mut batch, *index, txn).unwrap();
        let changes = batch.into_changes();
        image.write(changes);
    }
    let tables: Vec<Vec<(Bytes, Bytes)>> = Table::ALL
        .iter()
        .map(|table| image.scan(*table, &[], None, usize::MAX).unwrap())
        .collect();
    check(
        "state",
        "Vec<Vec<(key, value)>>: rows, events, sessions, meta after a short history, bincode",
        &tables,
    );
}
