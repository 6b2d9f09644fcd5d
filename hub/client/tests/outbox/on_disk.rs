//! The outbox's file: what was kept is there again, whatever the disk does to it.

use dreamseed_client::outbox::{
    OutboxError,
    machine::{Change, Item, NewItem, Seen, State, Why},
    store::{Store, hash_body, wire_bytes},
};
use dreamseed_wire::{
    delivery::{ClockReading, Receipt, RecordPlace, RejectCode},
    ids::{AttemptId, EpochId, UserId},
};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};
use uuid::Uuid;

fn new_item(body: &str) -> NewItem {
    NewItem {
        attempt_id: AttemptId::new(),
        pupil_id: UserId::new(),
        body: body.to_owned(),
        body_hash: hash_body(body),
        occurred_at: ClockReading {
            wall: "2026-11-23T00:12:13.123456789Z".parse().expect("a time"),
            monotonic_ms: 77,
            boot_id: Uuid::now_v7(),
        },
        wire_bytes: wire_bytes(body),
    }
}

fn added(device_seq: i64, item: &NewItem) -> Change {
    Change::Added { device_seq, item: Box::new(item.clone()), state: State::Waiting }
}

fn keep(store: &mut Store, count: i64) -> Vec<NewItem> {
    let items: Vec<NewItem> = (1..=count).map(|n| new_item(&format!("{{\"답\":\"{n}\"}}"))).collect();
    let changes: Vec<Change> =
        items.iter().enumerate().map(|(index, item)| added(index as i64 + 1, item)).collect();
    store.apply(5, &changes).expect("written");
    items
}

fn file(folder: &Path) -> PathBuf {
    folder.join("outbox.db")
}

#[test]
fn what_was_kept_is_there_again_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut store, opened) = Store::open(folder.path()).expect("a new file");
    assert_eq!((opened.held.next_seq, opened.age), (1, 0));
    let item = new_item(r#"{"text":"½ + ⅓ = \"5/6\""}"#);
    store.apply(1_000, &[added(1, &item)]).expect("written");
    drop(store);
    let (store, opened) = Store::open(folder.path()).expect("the same file");
    assert_eq!((opened.held.next_seq, opened.age, opened.repaired), (2, 1_000, None));
    let kept = store.item(1).expect("readable").expect("whole");
    assert_eq!((kept.attempt_id, kept.pupil_id), (item.attempt_id, item.pupil_id));
    assert_eq!((kept.body, kept.body_hash), (item.body, item.body_hash));
    assert_eq!(kept.occurred_at, item.occurred_at);
}

#[test]
fn numbers_are_not_used_twice_though_the_last_item_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut store, _) = Store::open(folder.path()).expect("a new file");
    keep(&mut store, 3);
    let all: Vec<Change> = (1..=3).map(|device_seq| Change::Forgotten { device_seq }).collect();
    store.apply(6, &all).expect("written");
    drop(store);
    let (_, opened) = Store::open(folder.path()).expect("the same file");
    assert_eq!((opened.held.items.len(), opened.held.next_seq), (0, 4));
}

#[test]
fn one_program_has_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let _first = Store::open(folder.path()).expect("a new file");
    assert!(matches!(Store::open(folder.path()), Err(OutboxError::InUse)));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("outbox");
    let _store = Store::open(&inner).expect("a new file");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&inner), mode(&file(&inner))), (0o700, 0o600));
}

#[test]
fn a_newer_file_is_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(Store::open(folder.path()).expect("a new file"));
    let conn = rusqlite::Connection::open(file(folder.path())).expect("open");
    conn.pragma_update(None, "user_version", 99).expect("written");
    drop(conn);
    assert!(matches!(Store::open(folder.path()), Err(OutboxError::Newer { found: 99, .. })));
}

/// Every bit of a text of the file, one after the other: no flip is taken for what somebody has answered.
#[test]
fn a_flipped_bit_in_an_item_is_never_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut store, _) = Store::open(folder.path()).expect("a new file");
    let items = keep(&mut store, 1);
    drop(store);
    let whole = fs::read(file(folder.path())).expect("readable");
    let body = items[0].body.as_bytes();
    let at = whole.windows(body.len()).position(|bytes| bytes == body).expect("the body as text");
    for bit in 0..body.len() * 8 {
        let mut bytes = whole.clone();
        bytes[at + bit / 8] ^= 1 << (bit % 8);
        fs::write(file(folder.path()), bytes).expect("written");
        let (store, opened) = Store::open(folder.path()).expect("only an item is damaged");
        assert!(store.item(1).expect("readable").is_none(), "bit {bit}");
        let [(1, item, State::Aside { why: Why::Damaged, .. })] = opened.held.items[..] else {
            panic!("bit {bit}: {:?}", opened.held.items)
        };
        // So that people can be told which one it is.
        assert_eq!(item.pupil_id, items[0].pupil_id);
    }
}

#[test]
fn a_damaged_state_means_that_the_item_is_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut store, _) = Store::open(folder.path()).expect("a new file");
    keep(&mut store, 1);
    let place = RecordPlace { epoch_id: EpochId::new(), hub_seq: 3 };
    store
        .apply(6, &[Change::Moved { device_seq: 1, state: State::Delivered { place, since: 6 } }])
        .expect("written");
    drop(store);
    let conn = rusqlite::Connection::open(file(folder.path())).expect("open");
    conn.execute("UPDATE items SET state = replace(state, '\"hub_seq\":3', '\"hub_seq\":2')", [])
        .expect("written");
    drop(conn);
    let (_, opened) = Store::open(folder.path()).expect("the same file");
    assert!(matches!(opened.held.items[..], [(1, _, State::Waiting)]), "{:?}", opened.held.items);
}

#[test]
fn damaged_facts_never_lead_to_a_number_that_was_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut store, _) = Store::open(folder.path()).expect("a new file");
    keep(&mut store, 3);
    drop(store);
    let conn = rusqlite::Connection::open(file(folder.path())).expect("open");
    conn.execute("UPDATE facts SET value = '2' WHERE name = 'next_seq'", []).expect("written");
    drop(conn);
    let (_, opened) = Store::open(folder.path()).expect("the same file");
    assert!(opened.held.next_seq > 1_000, "{}", opened.held.next_seq);
}

/// Pages of the file are overwritten, one after the other, the header among them: the program starts, says so, keeps the
/// evidence, and carries over what can be read.
#[test]
fn a_damaged_page_costs_the_items_on_it_and_no_others() {
    let (mut carried, mut asked) = (0, 0);
    let original = tempfile::tempdir().expect("a folder");
    let (mut store, _) = Store::open(original.path()).expect("a new file");
    let items = keep(&mut store, 200);
    let by_id: BTreeMap<AttemptId, &NewItem> = items.iter().map(|item| (item.attempt_id, item)).collect();
    drop(store);
    let whole = fs::read(file(original.path())).expect("readable");
    let pages = whole.len() / 4096;
    for page in 0..pages {
        let folder = tempfile::tempdir().expect("a folder");
        let mut bytes = whole.clone();
        bytes[page * 4096..(page + 1) * 4096]
            .iter_mut()
            .enumerate()
            .for_each(|(n, byte)| *byte = (n * 131) as u8);
        fs::write(file(folder.path()), bytes).expect("written");
        let (store, opened) =
            Store::open(folder.path()).unwrap_or_else(|error| panic!("page {page}: {error}"));
        let Some(repaired) = opened.repaired else {
            // A page that holds nothing yet.
            assert_eq!(opened.held.items.len(), 200, "page {page}");
            continue;
        };
        assert!(repaired.damaged.exists(), "page {page}");
        for (device_seq, ..) in &opened.held.items {
            if let Some(kept) = store.item(*device_seq).expect("readable") {
                assert_eq!(kept.body, by_id[&kept.attempt_id].body, "page {page}");
            }
        }
        assert!(opened.held.next_seq > 200, "page {page}: {}", opened.held.next_seq);
        carried += repaired.carried;
        asked += 200;
        drop(store);
        // The new file is whole.
        assert_eq!(Store::open(folder.path()).expect("whole").1.repaired, None, "page {page}");
    }
    let _ =
        writeln!(std::io::stdout(), "{carried} of {asked} items carried over, {pages} pages damaged in turn");
    assert!(carried * 2 > asked, "most pages hold few items");
}

/// The machine loses its power while a damaged file is replaced, or somebody takes the file away: what was kept is found
/// under whichever name it lies, and an outbox never begins empty beside it.
#[test]
fn a_crash_while_a_file_is_repaired_forgets_nothing() {
    let original = tempfile::tempdir().expect("a folder");
    let (mut store, _) = Store::open(original.path()).expect("a new file");
    keep(&mut store, 200);
    drop(store);
    let whole = fs::read(file(original.path())).expect("readable");
    let mut damaged = whole.clone();
    let last = damaged.len() - 4096;
    damaged[last..].fill(0xA5);
    let (own, aside, new) = ("outbox.db", "outbox.damaged-1.db", "outbox.db.new");
    for (state, files, at_least) in [
        ("before anything", vec![(own, &damaged)], 150),
        ("the evidence has a name", vec![(own, &damaged), (aside, &damaged)], 150),
        ("the new file is half made", vec![(own, &damaged), (new, &damaged)], 150),
        ("all but the last rename", vec![(own, &damaged), (aside, &damaged), (new, &whole)], 150),
        ("no name of its own", vec![(aside, &damaged), (new, &whole)], 200),
        ("only the evidence", vec![(aside, &damaged)], 150),
        ("a new file that is none", vec![(aside, &damaged), (new, &damaged)], 150),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in &files {
            fs::write(folder.path().join(name), bytes).expect("written");
        }
        let (store, opened) = Store::open(folder.path()).unwrap_or_else(|error| panic!("{state}: {error}"));
        assert!(opened.held.items.len() >= at_least, "{state}: {}", opened.held.items.len());
        assert!(opened.held.next_seq > 200, "{state}: {}", opened.held.next_seq);
        if let Some(repaired) = opened.repaired {
            assert_eq!(fs::read(&repaired.damaged).expect("the evidence").len(), damaged.len(), "{state}");
        }
        drop(store);
        let (_, again) = Store::open(folder.path()).expect("whole");
        assert_eq!((again.repaired, again.held.items), (None, opened.held.items), "{state}");
    }
}

#[test]
fn a_file_that_is_none_is_put_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        file(folder.path()),
        "not a database, but long enough to be taken for one at first sight".repeat(99),
    )
    .expect("written");
    let (mut store, opened) = Store::open(folder.path()).expect("a new one");
    let repaired = opened.repaired.expect("told");
    assert_eq!((repaired.carried, repaired.damaged), (0, folder.path().join("outbox.damaged-1.db")));
    keep(&mut store, 1);
}

/// The cost of keeping one answer, for who wonders about the journal.
#[test]
fn keeping_is_quick() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut store, _) = Store::open(folder.path()).expect("a new file");
    let mut times: Vec<f64> = (1..=100)
        .map(|device_seq| {
            let change = added(device_seq, &new_item("{\"kind\":\"number\",\"text\":\"5/6\"}"));
            let begun = Instant::now();
            store.apply(1, &[change]).expect("written");
            begun.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let _ = writeln!(
        std::io::stdout(),
        "an answer is kept in {:.1} ms (p50), {:.1} ms (p99)",
        times[50],
        times[98]
    );
}

#[derive(Debug, Clone)]
enum Deed {
    Add(u8),
    Move(usize, u8),
    Forget(usize),
    Deposit(u8, String),
    ClearDeposits,
    See(u8),
    Highest(Option<u8>),
    Reopen,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => any::<u8>().prop_map(Deed::Add),
        4 => (any::<usize>(), any::<u8>()).prop_map(|(n, state)| Deed::Move(n, state)),
        1 => any::<usize>().prop_map(Deed::Forget),
        1 => (0..3_u8, ".{0,9}").prop_map(|(pupil, proof)| Deed::Deposit(pupil, proof)),
        1 => Just(Deed::ClearDeposits),
        1 => any::<u8>().prop_map(Deed::See),
        1 => proptest::option::of(any::<u8>()).prop_map(Deed::Highest),
        2 => Just(Deed::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// What the schedules take for a disk is what the disk is.
    #[test]
    fn the_file_holds_what_it_was_told(deeds in proptest::collection::vec(deed(), 1..30)) {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut store, opened) = Store::open(folder.path()).expect("a new file");
        let mut told = opened.held;
        let id = |n: u8| Uuid::from_u128(u128::from(n));
        for (n, deed) in deeds.into_iter().enumerate() {
            let some = |which: usize| (!told.items.is_empty()).then(|| which % told.items.len());
            let change = match deed {
                Deed::Add(byte) => {
                    let new = new_item(&"x".repeat(byte.into()));
                    let item = Item { attempt_id: new.attempt_id, pupil_id: new.pupil_id, wire_bytes: new.wire_bytes };
                    told.items.push((told.next_seq, item, State::Waiting));
                    told.next_seq += 1;
                    added(told.next_seq - 1, &new)
                }
                Deed::Move(which, state) => {
                    let Some(index) = some(which) else { continue };
                    let place = RecordPlace { epoch_id: EpochId(id(state)), hub_seq: state.into() };
                    let state = match state % 3 {
                        0 => State::Waiting,
                        1 => State::Delivered { place, since: state.into() },
                        _ => State::Aside { why: Why::Rejected { code: RejectCode::ExamOver }, since: 1 },
                    };
                    told.items[index].2 = state;
                    Change::Moved { device_seq: told.items[index].0, state }
                }
                Deed::Forget(which) => {
                    let Some(index) = some(which) else { continue };
                    Change::Forgotten { device_seq: told.items.remove(index).0 }
                }
                Deed::Deposit(pupil, proof) => {
                    told.deposits.insert(UserId(id(pupil)), proof.clone());
                    Change::Deposit { pupil_id: UserId(id(pupil)), proof }
                }
                Deed::ClearDeposits => {
                    told.deposits.clear();
                    Change::DepositsCleared
                }
                Deed::See(n) => {
                    told.seen = Some(Seen { epoch_id: EpochId(id(n)), epoch: n.into(), verified: None });
                    Change::Seen(Seen { epoch_id: EpochId(id(n)), epoch: n.into(), verified: None })
                }
                Deed::Highest(n) => {
                    told.highest =
                        n.map(|n| Receipt { epoch_id: EpochId(id(n)), hub_seq: n.into(), mac: "00".into() });
                    Change::Highest(told.highest.clone())
                }
                Deed::Reopen => {
                    drop(store);
                    let (again, opened) = Store::open(folder.path()).expect("the same file");
                    prop_assert_eq!(&opened.held, &told);
                    store = again;
                    continue;
                }
            };
            store.apply(n as u64, &[change]).expect("written");
        }
        drop(store);
        let (_, opened) = Store::open(folder.path()).expect("the same file");
        prop_assert_eq!(opened.held, told);
    }
}
