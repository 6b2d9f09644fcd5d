//! A line that breaks: what passes, what is told, and that a later run goes on where one stopped.

use crate::support::{Bench, Fault, Garage, Proxy, Request, noise, quick, read_tree};
use dreamseed_sync::{Limits, Password, ReadData, Repository, SyncError, try_target};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Silence is found out after a second.
fn impatient() -> Limits {
    Limits { request_timeout: Duration::from_secs(1), ..quick() }
}

fn open(bench: &Bench, garage: &Garage, proxy: &Proxy) -> Result<Repository, SyncError> {
    let password = Password::new(crate::support::PASSWORD);
    Repository::open_or_init(
        &garage.target_at(proxy.address(), ""),
        &impatient(),
        &password,
        &bench.cache(),
        None,
    )
}

#[test]
fn every_kind_of_fault_that_passes_is_survived_and_what_is_stored_is_whole() {
    let Some(garage) = Garage::start() else {
        return;
    };
    let bench = Bench::new();
    // Every third request breaks, each time in another way.
    let proxy = Proxy::start(garage.address(), |request: &Request<'_>| {
        if request.number % 3 != 1 {
            return Fault::None;
        }
        match request.number / 3 % 8 {
            0 => Fault::Status(500, ""),
            1 => Fault::Status(503, "<Error><Code>SlowDown</Code></Error>"),
            2 => Fault::Refuse,
            3 => Fault::LoseAnswer,
            4 => Fault::CutAnswer,
            5 if request.is_whole_file => Fault::FlipAnswer,
            5 => Fault::CutAnswer,
            6 => Fault::SlowAnswer,
            _ => Fault::Silence,
        }
    });
    let repository = open(&bench, &garage, &proxy).expect("opens");
    let snapshot = bench.back_up(&repository).expect("backed up");
    let straight = bench.open(&garage.target(""));
    straight.check(ReadData::All).expect("sound");
    bench.check_restores(&straight, &snapshot.id, &read_tree(&bench.source()));
    assert!(proxy.seen() > 20);
}

#[test]
fn altered_answers_are_fetched_again() {
    let Some(garage) = Garage::start() else {
        return;
    };
    let bench = Bench::new();
    bench.back_up(&bench.open(&garage.target(""))).expect("backed up");
    let flipped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&flipped);
    let proxy = Proxy::start(garage.address(), move |request| {
        if request.is_whole_file && count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return Fault::FlipAnswer;
        }
        Fault::None
    });
    open(&bench, &garage, &proxy).expect("opens").check(ReadData::All).expect("sound after all");
    assert!(flipped.load(Ordering::Relaxed) > 1);
}

#[test]
fn a_run_that_was_cut_off_is_gone_on_with() {
    let Some(garage) = Garage::start() else {
        return;
    };
    let bench = Bench::new();
    bench.put("hub.db", &noise(5, 20_000_000));
    let puts = Arc::new(AtomicUsize::new(0));
    let line_is_back = Arc::new(AtomicBool::new(false));
    let (count, back) = (Arc::clone(&puts), Arc::clone(&line_is_back));
    let proxy = Proxy::start(garage.address(), move |request| {
        // The line is cut for good after a few packs.
        let cut = request.method == "PUT"
            && request.path.contains("/data/")
            && count.fetch_add(1, Ordering::Relaxed) >= 6;
        if cut && !back.load(Ordering::Relaxed) { Fault::Refuse } else { Fault::None }
    });
    let repository = open(&bench, &garage, &proxy).expect("opens");
    let cut = bench.back_up(&repository);
    assert!(matches!(cut, Err(SyncError::Unreachable { .. })), "{cut:?}");
    line_is_back.store(true, Ordering::Relaxed);
    let rest = bench.back_up(&repository).expect("backed up");
    assert!(rest.bytes_sent < 13_000_000, "packs of the first run were there already: {rest:?}");
    bench.check_restores(&repository, &rest.id, &read_tree(&bench.source()));
    repository.check(ReadData::All).expect("sound");
}

#[test]
fn what_does_not_pass_is_named_and_ends_soon() {
    let Some(garage) = Garage::start() else {
        return;
    };
    let check = |fault: Fault, is_named: fn(&SyncError) -> bool| {
        let shown = format!("{fault:?}");
        let proxy = Proxy::start(garage.address(), move |_| fault.clone());
        let start = Instant::now();
        let error = try_target(&garage.target_at(proxy.address(), ""), &impatient()).expect_err("refused");
        assert!(is_named(&error), "{shown}: {error:?}");
        assert!(start.elapsed() < Duration::from_secs(25), "{shown}: {:?}", start.elapsed());
    };
    // Side by side, since each waits for five tries.
    std::thread::scope(|scope| {
        for fault in [Fault::Status(503, ""), Fault::Silence, Fault::Refuse] {
            scope.spawn(|| check(fault, |error| matches!(error, SyncError::Unreachable { .. })));
        }
        for fault in [
            Fault::Status(401, ""),
            Fault::Status(301, ""),
            Fault::Status(200, "<html>Please sign in to the school's network"),
        ] {
            scope.spawn(|| check(fault, |error| matches!(error, SyncError::Refused { .. })));
        }
        scope.spawn(|| check(Fault::Status(507, ""), |error| matches!(error, SyncError::Full { .. })));
        let skewed = Fault::Status(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>");
        scope.spawn(|| check(skewed, |error| matches!(error, SyncError::Clock { .. })));
    });
}
