//! A sheet of tracing paper shows what a copy of the page would show.

use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;
use troop_txn::{
    Image, Overlay, Table,
    image::{Changes, MemoryImage},
};

type Place = (Table, Vec<u8>);
type Plain = BTreeMap<Place, Vec<u8>>;
/// A value to write, or none to remove.
type Write = (Place, Option<Vec<u8>>);

fn place() -> impl Strategy<Value = Place> {
    let table = prop_oneof![Just(Table::Rows), Just(Table::Events)];
    (
        table,
        prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(255)], 0..4),
    )
}

/// Writes to few places.
fn writes() -> impl Strategy<Value = Vec<Write>> {
    let value = prop::option::weighted(0.6, prop::collection::vec(any::<u8>(), 0..2));
    prop::collection::vec((place(), value), 0..25)
}

fn write(plain: &mut Plain, writes: &[Write]) -> Changes {
    let mut changes = Changes::new();
    for ((table, key), value) in writes {
        match value {
            Some(value) => plain.insert((*table, key.clone()), value.clone()),
            None => plain.remove(&(*table, key.clone())),
        };
        changes.insert((*table, key.clone().into()), value.clone().map(Bytes::from));
    }
    changes
}

fn plain_scan(plain: &Plain, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<(Bytes, Bytes)> {
    plain
        .iter()
        .filter(|((table, key), _)| *table == Table::Rows && key.starts_with(prefix))
        .filter(|((_, key), _)| after.is_none_or(|after| key.as_slice() > after))
        .take(limit)
        .map(|((_, key), value)| (key.clone().into(), value.clone().into()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_through_two_sheets_is_reading_a_copy(
        base in writes(),
        lower in writes(),
        upper in writes(),
        prefix in place(),
        after in prop::option::of(place()),
        limit in 0..6usize,
        probe in place(),
    ) {
        let mut plain = Plain::new();
        let mut image = MemoryImage::default();
        image.write(write(&mut plain, &base));
        let mut first = Overlay::new(&image);
        first.absorb(write(&mut plain, &lower));
        let mut second = Overlay::new(&first);
        second.absorb(write(&mut plain, &upper));

        let after = after.as_ref().map(|(_, key)| key.as_slice());
        prop_assert_eq!(
            second.scan(Table::Rows, &prefix.1, after, limit).unwrap(),
            plain_scan(&plain, &prefix.1, after, limit)
        );
        prop_assert_eq!(
            second.get(probe.0, &probe.1).unwrap(),
            plain.get(&probe).cloned().map(Bytes::from)
        );
    }

    #[test]
    fn pressing_a_sheet_down_keeps_what_it_showed(base in writes(), sheet in writes()) {
        let mut plain = Plain::new();
        let mut image = MemoryImage::default();
        image.write(write(&mut plain, &base));
        let mut overlay = Overlay::new(&image);
        for ((table, key), value) in &sheet {
            match value {
                Some(value) => overlay.put(*table, key.clone(), value.clone()),
                None => overlay.delete(*table, key.clone()),
            }
        }
        let shown = overlay.scan(Table::Rows, &[], None, usize::MAX).unwrap();
        let changes = overlay.into_changes();
        image.write(changes);
        prop_assert_eq!(image.scan(Table::Rows, &[], None, usize::MAX).unwrap(), shown);
    }
}
