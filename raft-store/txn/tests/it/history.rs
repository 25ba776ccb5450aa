//! Following the history: each event once, in order, or a clear word that it is gone.

use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use troop_txn::{EventsError, Key, MemoryStore, Op, Outcome, RequestId, Revision, Store, Subscription, Txn};

/// A transaction of its own that does just this.
pub fn doing(sequence: u64, ops: Vec<Op>) -> Txn {
    Txn {
        request: RequestId { client: 99, sequence },
        guards: vec![],
        ops,
        ensures: vec![],
        stamped_at_ms: 0,
        actor: String::new(),
    }
}

/// One that broadcasts a word.
pub fn saying(sequence: u64, word: &'static str) -> Txn {
    doing(sequence, vec![emit(word)])
}

/// One that forgets what is older than `below`.
pub fn compacting(sequence: u64, below: u64) -> Txn {
    let below = Revision::new(below);
    doing(sequence, vec![Op::CompactEvents { below }])
}

pub fn emit(word: &'static str) -> Op {
    Op::Emit {
        channel: "words".into(),
        data: Bytes::from_static(word.as_bytes()),
        not_before_ms: None,
    }
}

fn store_with(words: u64) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    for sequence in 1..=words {
        store.apply(&saying(sequence, "word")).unwrap();
    }
    store
}

async fn next_revisions(subscription: &mut Subscription) -> Vec<u64> {
    let page = tokio::time::timeout(Duration::from_secs(5), subscription.next());
    let page = page.await.expect("a page in time").unwrap().expect("a store");
    page.events.iter().map(|event| event.revision.get()).collect()
}

#[tokio::test]
async fn a_subscriber_gets_each_event_once_and_in_order_over_many_pages() {
    let store = store_with(3_000);
    let mut subscription = Subscription::new(store.clone(), Revision::ZERO);
    let mut heard = Vec::new();
    while heard.len() < 3_000 {
        let page = next_revisions(&mut subscription).await;
        assert!(page.len() <= 1_024, "a page of {}", page.len());
        heard.extend(page);
    }
    assert_eq!(heard, (1..=3_000).collect::<Vec<_>>());
    assert_eq!(subscription.position(), Revision::new(3_000));
}

#[tokio::test]
async fn a_subscriber_hears_what_comes_while_it_waits() {
    let store = store_with(1);
    let mut subscription = Subscription::new(store.clone(), Revision::new(1));
    let writer = tokio::spawn(async move {
        for sequence in 2..=200 {
            store.apply(&saying(sequence, "word")).unwrap();
            tokio::task::yield_now().await;
        }
    });
    let mut heard = Vec::new();
    while heard.len() < 199 {
        heard.extend(next_revisions(&mut subscription).await);
    }
    writer.await.unwrap();
    assert_eq!(heard, (2..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_large_transaction_is_never_cut_in_two_pages() {
    let store = store_with(1_000);
    let many = (0..100).map(|_| emit("many")).collect();
    store.apply(&doing(1_001, many)).unwrap();
    store.apply(&saying(1_002, "last")).unwrap();
    let mut subscription = Subscription::new(store, Revision::ZERO);
    assert_eq!(next_revisions(&mut subscription).await.len(), 1_100);
    assert_eq!(next_revisions(&mut subscription).await, [1_002]);
}

#[tokio::test]
async fn a_silent_transaction_moves_a_subscriber_on_with_an_empty_page() {
    let store = Arc::new(MemoryStore::new());
    let silent = Op::Put {
        key: Key::system("tokens", b"a"),
        value: Bytes::new(),
    };
    store.apply(&doing(1, vec![silent])).unwrap();
    let mut subscription = Subscription::new(store, Revision::ZERO);
    assert_eq!(next_revisions(&mut subscription).await, [0u64; 0]);
    assert_eq!(subscription.position(), Revision::new(1));
}

#[tokio::test]
async fn a_subscriber_stands_behind_silent_transactions_too_after_a_page() {
    let store = store_with(2);
    let silent = Op::Delete {
        key: Key::system("tokens", b"a"),
    };
    store.apply(&doing(3, vec![silent])).unwrap();
    let mut subscription = Subscription::new(store, Revision::ZERO);
    assert_eq!(next_revisions(&mut subscription).await, [1, 2]);
    assert_eq!(subscription.position(), Revision::new(3));
}

#[tokio::test]
async fn a_subscriber_before_the_floor_is_told_and_goes_on_from_the_image() {
    let store = store_with(10);
    store.apply(&compacting(11, 8)).unwrap();
    let mut subscription = Subscription::new(store.clone(), Revision::new(3));
    match subscription.next().await {
        Err(EventsError::Compacted { after, floor }) => {
            assert_eq!((after.get(), floor.get()), (3, 8));
        }
        other => panic!("{other:?}"),
    }
    subscription.skip_to(store.notes().unwrap().revision);
    store.apply(&saying(12, "new")).unwrap();
    assert_eq!(next_revisions(&mut subscription).await, [12]);
}

#[tokio::test]
async fn skipping_back_is_not_possible() {
    let mut subscription = Subscription::new(store_with(5), Revision::new(4));
    subscription.skip_to(Revision::new(2));
    assert_eq!(next_revisions(&mut subscription).await, [5]);
}

#[test]
fn a_place_in_the_future_stays_where_it_is() {
    let store = store_with(3);
    for after in [4, u64::MAX - 1, u64::MAX] {
        let page = store.events(Revision::new(after), 10).unwrap();
        assert!(page.events.is_empty());
        assert_eq!(page.upto, Revision::new(after));
    }
}

#[test]
fn a_page_of_no_events_asked_for_still_moves_on() {
    let store = store_with(3);
    let page = store.events(Revision::ZERO, 0).unwrap();
    assert_eq!((page.events.len(), page.upto.get()), (1, 1));
}

#[test]
fn the_chain_depends_on_every_event_and_on_their_order() {
    let chain_of = |words: &[&'static str]| {
        let store = MemoryStore::new();
        for (sequence, word) in words.iter().enumerate() {
            store.apply(&saying(sequence as u64, word)).unwrap();
        }
        store.notes().unwrap().chain
    };
    let chain = chain_of(&["a", "b", "c"]);
    assert_eq!(chain, chain_of(&["a", "b", "c"]));
    for other in [&["b", "a", "c"][..], &["a", "b"], &["x", "b", "c"]] {
        assert_ne!(chain, chain_of(other), "{other:?}");
    }
}

#[test]
fn a_refused_entry_takes_an_index_and_leaves_a_gap() {
    let store = store_with(1);
    let mut refused = saying(2, "never");
    refused.guards = vec![troop_txn::Guard::Present(Key::record("a", b"nobody"))];
    assert!(matches!(store.apply(&refused), Ok(Outcome::Refused { .. })));
    assert_eq!(
        store.apply(&saying(3, "word")),
        Ok(Outcome::Applied(Revision::new(3)))
    );
    let events = store.events(Revision::ZERO, 10).unwrap().events;
    assert_eq!(
        events.iter().map(|e| e.revision.get()).collect::<Vec<_>>(),
        [1, 3]
    );
}

#[test]
fn a_transaction_beyond_the_limit_is_refused_with_its_size() {
    let store = MemoryStore::new();
    for bytes in [1 << 20, 5 << 20] {
        let put = Op::Put {
            key: Key::record("a", b"1"),
            value: vec![0; bytes].into(),
        };
        let Err(troop_txn::ProposeError::TooLarge { bytes: told, limit }) = store.apply(&doing(1, vec![put]))
        else {
            panic!("accepted {bytes} bytes");
        };
        assert!((bytes..bytes + 200).contains(&told), "{told}");
        assert_eq!(limit, 1 << 20);
    }
    assert_eq!(store.notes().unwrap().revision, Revision::ZERO);
}
