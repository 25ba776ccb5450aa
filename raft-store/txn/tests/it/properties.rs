//! The machine against the model, over random histories.

use crate::{
    drafts::{Draft, STAGE, drafts},
    model::Model,
};
use proptest::prelude::*;
use troop_txn::{
    Event, Image, Key, Op, Outcome, Overlay, Revision, Row, Table, Txn,
    image::{MemoryImage, Pair},
    machine::{self, Notes, pieces},
};
use xxhash_rust::xxh3::xxh3_128;

fn table(image: &MemoryImage, table: Table) -> Vec<Pair> {
    image.scan(table, &[], None, usize::MAX).unwrap()
}

fn rows(image: &MemoryImage) -> Vec<(Key, Row)> {
    table(image, Table::Rows)
        .into_iter()
        .map(|(key, bytes)| {
            let row = machine::decode_row(&key, &bytes).unwrap();
            (Key::from_bytes(key), row)
        })
        .collect()
}

fn events(image: &MemoryImage) -> Vec<Event> {
    table(image, Table::Events)
        .iter()
        .map(|(key, bytes)| machine::decode_event(key, bytes).unwrap())
        .collect()
}

fn digest(image: &MemoryImage) -> u128 {
    table(image, Table::Rows)
        .iter()
        .map(|(key, bytes)| xxh3_128(key).rotate_left(64) ^ xxh3_128(bytes))
        .fold(0, u128::wrapping_add)
}

fn apply_one(image: &mut MemoryImage, index: u64, txn: &Txn) -> Outcome {
    let mut batch = Overlay::new(image);
    let outcome = machine::apply(&mut batch, index, txn).unwrap();
    let changes = batch.into_changes();
    image.write(changes);
    outcome
}

/// The entries that a history of drafts makes.
fn entries(history: &[Draft]) -> Vec<(u64, Txn)> {
    let mut model = Model::default();
    let mut index = 0;
    let mut out = Vec::new();
    for draft in history {
        index += draft.gap;
        let txn = draft.concrete(&model);
        model.apply(index, &txn);
        out.push((index, txn));
    }
    out
}

/// Applies the entries in sheets of these sizes, the last size again and again.
fn in_sheets(entries: &[(u64, Txn)], sizes: &[usize]) -> MemoryImage {
    let mut image = MemoryImage::default();
    let mut sizes = sizes.iter().chain(std::iter::repeat(sizes.last().unwrap()));
    let mut rest = entries;
    while !rest.is_empty() {
        let (sheet, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        let mut batch = Overlay::new(&image);
        for (index, txn) in sheet {
            machine::apply(&mut batch, *index, txn).unwrap();
        }
        let changes = batch.into_changes();
        image.write(changes);
        rest = after;
    }
    image
}

/// Applies entries as a node does that unpacks boxes one by one and is interrupted after every piece.
fn in_pieces(entries: &[(u64, Txn)]) -> MemoryImage {
    let mut image = MemoryImage::default();
    for (index, txn) in entries {
        let Some(mut pieces) = pieces::begin(&image, *index, txn).unwrap() else {
            apply_one(&mut image, *index, txn);
            continue;
        };
        loop {
            let mut batch = Overlay::new(&image);
            let outcome = pieces.step(&mut batch).unwrap();
            let changes = batch.into_changes();
            image.write(changes);
            if outcome.is_some() {
                break;
            }
            pieces = pieces::interrupted(&image).unwrap().unwrap();
        }
    }
    image
}

fn notes(image: &MemoryImage) -> Notes {
    machine::notes(image).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_does_what_the_model_does(history in drafts(30)) {
        let mut model = Model::default();
        let mut image = MemoryImage::default();
        for (index, txn) in entries(&history) {
            let expected = model.apply(index, &txn);
            prop_assert_eq!(apply_one(&mut image, index, &txn), expected);
            prop_assert_eq!(rows(&image), model.rows.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(events(&image), model.events.clone());
            let notes = notes(&image);
            prop_assert_eq!(notes.revision, model.revision);
            prop_assert_eq!(notes.events_from, model.events_from);
            prop_assert_eq!(notes.events_kept, model.events.len() as u64);
            prop_assert_eq!(notes.digest, digest(&image));
        }
    }

    #[test]
    fn an_entry_in_pieces_does_what_it_does_at_once(history in drafts(40)) {
        let mut entries = entries(&history);
        // Most histories have no entry that only unpacks; every one gets one at its end.
        let index = entries.last().map_or(1, |(index, _)| index + 1);
        let mut last = entries[0].1.clone();
        last.request.sequence = u64::MAX;
        last.guards.clear();
        last.ensures.clear();
        last.ops = vec![Op::Unstage { stage: STAGE.boxes() }];
        entries.push((index, last));
        prop_assert_eq!(in_pieces(&entries), in_sheets(&entries, &[1]));
    }

    #[test]
    fn a_refusal_changes_nothing_but_the_sessions(history in drafts(30)) {
        let mut image = MemoryImage::default();
        for (index, txn) in entries(&history) {
            let before = image.clone();
            if let Outcome::Refused { revision, .. } = apply_one(&mut image, index, &txn) {
                prop_assert!(revision <= notes(&before).revision);
                for kept in [Table::Rows, Table::Events, Table::Meta] {
                    prop_assert_eq!(table(&image, kept), table(&before, kept));
                }
            }
        }
    }

    #[test]
    fn a_retry_gets_the_first_answer_and_changes_nothing(history in drafts(30)) {
        let mut image = MemoryImage::default();
        let mut model = Model::default();
        for (index, txn) in entries(&history) {
            let retry = model.knows(txn.request);
            let expected = model.apply(index, &txn);
            let before = image.clone();
            let outcome = apply_one(&mut image, index, &txn);
            prop_assert_eq!(outcome, expected);
            if retry {
                prop_assert_eq!(&image, &before);
            }
            let settled = image.clone();
            prop_assert_eq!(apply_one(&mut image, index + 1_000, &txn), outcome);
            prop_assert_eq!(&image, &settled);
        }
    }

    #[test]
    fn how_entries_are_batched_leaves_no_trace(
        history in drafts(30),
        sizes in prop::collection::vec(1..8usize, 1..6),
    ) {
        let entries = entries(&history);
        let one_by_one = in_sheets(&entries, &[1]);
        let batched = in_sheets(&entries, &sizes);
        prop_assert_eq!(notes(&one_by_one), notes(&batched));
        prop_assert_eq!(&one_by_one, &batched);
        prop_assert_eq!(&one_by_one, &in_sheets(&entries, &[entries.len()]));
    }

    #[test]
    fn the_chain_tells_histories_apart_that_end_in_equal_rows(history in drafts(30)) {
        let entries = entries(&history);
        let plain = in_sheets(&entries, &[4]);
        let last = entries.last().unwrap().0;
        let mut other = plain.clone();
        let word = crate::history::saying(last + 1, "word");
        apply_one(&mut other, last + 1, &word);
        prop_assert_eq!(notes(&plain).digest, notes(&other).digest);
        prop_assert_ne!(notes(&plain).chain, notes(&other).chain);
    }

    #[test]
    fn pages_of_any_size_add_up_to_the_history(history in drafts(40), limit in 1..9usize, after in 0..60u64) {
        let image = in_sheets(&entries(&history), &[5]);
        let from = notes(&image).events_from.get();
        let after = after.max(from.saturating_sub(1));
        let expected: Vec<_> = events(&image).into_iter().filter(|e| e.revision.get() > after).collect();
        let mut position = Revision::new(after);
        let mut heard = Vec::new();
        loop {
            let page = troop_txn::memory::events_of(&image, position, limit).unwrap();
            prop_assert!(page.upto >= position);
            prop_assert!(page.events.iter().all(|e| e.revision > position && e.revision <= page.upto));
            let last_page = page.upto >= notes(&image).revision;
            prop_assert!(last_page || page.events.len() >= limit);
            heard.extend(page.events);
            if last_page {
                break;
            }
            position = page.upto;
        }
        prop_assert_eq!(heard, expected);
    }
}
