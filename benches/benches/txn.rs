//! The machine: applying one transaction, over an image in memory.
//!
//! The transaction is what creating a service comes to: a free name, a record, an index row. Nothing of Raft or the disk is in
//! it; this is the part that every node repeats for every entry.

use crate::cpu_clock::CpuClock;
use bytes::Bytes;
use criterion::{BatchSize, Criterion};
use troop_txn::{Guard, Key, Op, Overlay, RequestId, Txn, image::MemoryImage, machine};

/// Entities that are there before.
const ENTITIES: u64 = 10_000;
/// A service as it is stored has about this many bytes.
const RECORD_BYTES: usize = 400;

/// Applying and encoding.
pub fn benches(criterion: &mut Criterion<CpuClock>) {
    let image = image();
    criterion.bench_function("txn/apply a creation at 10k entities", |bencher| {
        bencher.iter_batched(
            || creation(ENTITIES + 1),
            |txn| {
                let mut sheet = Overlay::new(&image);
                let outcome = machine::apply(&mut sheet, ENTITIES + 1, &txn);
                (
                    outcome.expect("invariant: an image in memory is sound"),
                    sheet.into_changes(),
                )
            },
            BatchSize::SmallInput,
        );
    });
    let update = Txn {
        guards: Vec::new(),
        ..creation(7)
    };
    let update = Txn {
        request: RequestId {
            client: 2,
            sequence: 1,
        },
        ..update
    };
    criterion.bench_function("txn/apply an update at 10k entities", |bencher| {
        bencher.iter(|| {
            let mut sheet = Overlay::new(&image);
            let outcome = machine::apply(&mut sheet, ENTITIES + 1, &update);
            (
                outcome.expect("invariant: an image in memory is sound"),
                sheet.into_changes(),
            )
        });
    });
}

fn image() -> MemoryImage {
    let mut image = MemoryImage::default();
    for number in 1..=ENTITIES {
        let mut sheet = Overlay::new(&image);
        machine::apply(&mut sheet, number, &creation(number))
            .expect("invariant: an image in memory is sound");
        let changes = sheet.into_changes();
        image.write(changes);
    }
    image
}

fn creation(number: u64) -> Txn {
    let id = u128::from(number).to_be_bytes();
    let name = Key::index("services", "name", format!("service-{number}").as_bytes());
    Txn {
        request: RequestId {
            client: 1,
            sequence: number,
        },
        guards: vec![Guard::Absent(name.clone())],
        ops: vec![
            Op::Put {
                key: Key::record("services", &id),
                value: Bytes::from(vec![b'x'; RECORD_BYTES]),
            },
            Op::Put {
                key: name,
                value: Bytes::copy_from_slice(&id),
            },
        ],
        ensures: Vec::new(),
        stamped_at_ms: 0,
        actor: "bench".to_owned(),
    }
}
