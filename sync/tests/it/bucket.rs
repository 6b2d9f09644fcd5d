//! A bucket of a real S3 server as the place.

use crate::support::{BUCKET, Bench, Garage, PASSWORD, free_address, noise, quick, read_tree};
use dreamseed_sync::{
    Limits, Password, Place, ReadData, Repository, S3Place, Secret, SyncError, Target, try_target,
};
use std::time::{Duration, Instant};

fn changed(target: &Target, change: impl FnOnce(&mut S3Place)) -> Target {
    let mut target = target.clone();
    match &mut target.place {
        Place::S3(place) => change(place),
        Place::Folder(_) => unreachable!("a bucket"),
    }
    target
}

#[test]
fn what_is_backed_up_to_a_bucket_comes_back_exactly() {
    let Some(garage) = Garage::start() else {
        return;
    };
    let bench = Bench::new();
    for prefix in ["", "schools/하늘초"] {
        let target = garage.target(prefix);
        try_target(&target, &quick()).expect("usable");
        let repository = bench.open(&target);
        let id = repository.id();
        let first = bench.back_up(&repository).expect("backed up");
        let again = bench.back_up(&repository).expect("backed up again");
        assert!(again.bytes_sent < 20_000, "nothing is new: {again:?}");
        let open = |expected: &str| {
            Repository::open(&target, &quick(), &Password::new(PASSWORD), &bench.cache(), Some(expected))
        };
        bench.check_restores(&open(&id).expect("there"), &first.id, &read_tree(&bench.source()));
        repository.check(ReadData::All).expect("sound");
        assert!(matches!(open("another"), Err(SyncError::Swapped { .. })));
        if prefix.is_empty() {
            // What the tests below this prefix would see as another program's.
            let other = bench.open_or_init(&garage.target("data"));
            assert!(matches!(other, Err(SyncError::NotEmptyNotOurs { .. })), "{other:?}");
            garage.operate(&["bucket", "create", "second"]);
        }
    }
    let empty = garage.target("empty");
    let password = Password::new(PASSWORD);
    let gone = Repository::open_or_init(&empty, &quick(), &password, &bench.cache(), Some("expected"));
    assert!(matches!(gone, Err(SyncError::Gone { .. })), "{gone:?}");
    let none = Repository::open(&empty, &quick(), &password, &bench.cache(), None);
    assert!(matches!(none, Err(SyncError::NoBackups { .. })), "{none:?}");
    let wrong = Repository::open(&garage.target(""), &quick(), &Password::new("zoo"), &bench.cache(), None);
    assert!(matches!(wrong, Err(SyncError::WrongPassword { .. })), "{wrong:?}");
}

#[test]
fn a_wrong_bucket_a_wrong_key_and_no_server_are_told_apart() {
    let Some(garage) = Garage::start() else {
        return;
    };
    let target = garage.target("");
    let refused = |change: fn(&mut S3Place)| try_target(&changed(&target, change), &quick());
    let bucket = refused(|place| place.bucket = "nowhere".into());
    assert!(
        matches!(&bucket, Err(SyncError::Refused { detail, .. }) if detail.contains("bucket")),
        "{bucket:?}"
    );
    let key = refused(|place| place.access_key_id = "GKffffffffffffffffffffffff".into());
    assert!(matches!(key, Err(SyncError::Refused { .. })), "{key:?}");
    let secret = refused(|place| place.secret_access_key = Secret::new("f".repeat(64)));
    assert!(matches!(secret, Err(SyncError::Refused { .. })), "{secret:?}");
    let region = refused(|place| place.region = "elsewhere".into());
    assert!(matches!(region, Err(SyncError::Refused { .. })), "{region:?}");
    let nobody = try_target(&garage.target_at(free_address(), ""), &quick());
    assert!(matches!(nobody, Err(SyncError::Unreachable { .. })), "{nobody:?}");
    for error in [bucket, key, secret, region, nobody] {
        let text = error.expect_err("refused").to_string();
        assert!(!text.contains("Signature") || !text.contains("X-Amz"), "no signed address in words: {text}");
    }
}

#[test]
fn a_key_that_may_only_read_is_named_so_and_still_restores() {
    let Some(garage) = Garage::start() else {
        return;
    };
    let bench = Bench::new();
    let target = garage.target("");
    let snapshot = bench.back_up(&bench.open(&target)).expect("backed up");
    let made = garage.operate(&["key", "create", "reader"]);
    let word_after = |label: &str| {
        let line = made.lines().find(|line| line.contains(label)).expect("the key's words");
        line.rsplit(' ').next().expect("a word").to_owned()
    };
    let (id, secret) = (word_after("Key ID"), word_after("Secret key"));
    garage.operate(&["bucket", "allow", "--read", BUCKET, "--key", &id]);
    let reader = changed(&target, |place| {
        place.access_key_id = id;
        place.secret_access_key = Secret::new(secret);
    });
    let tried = try_target(&reader, &quick());
    assert!(matches!(tried, Err(SyncError::ReadOnly { .. })), "{tried:?}");
    let repository = bench.open(&reader);
    bench.put("hub.db", b"new");
    let denied = bench.back_up(&repository);
    assert!(matches!(denied, Err(SyncError::ReadOnly { .. })), "{denied:?}");
    repository.restore(&snapshot.id, &bench.path("back"), &|_| {}).expect("reading is enough");
}

#[test]
fn a_bucket_with_a_quota_that_is_used_up_is_full() {
    let Some(garage) = Garage::start() else {
        return;
    };
    let bench = Bench::new();
    let repository = bench.open(&garage.target(""));
    garage.operate(&["bucket", "set-quotas", BUCKET, "--max-size", "1MiB"]);
    let full = bench.back_up(&repository);
    assert!(matches!(full, Err(SyncError::Full { .. })), "{full:?}");
}

#[test]
fn a_limit_of_the_line_is_kept() {
    let Some(garage) = Garage::start() else {
        return;
    };
    let bench = Bench::new();
    bench.put("hub.db", &noise(4, 1_000_000));
    // Sending one file takes longer than the server may keep silent: only silence counts.
    let request_timeout = Duration::from_secs(1);
    let limits = Limits { upload_bytes_per_s: Some(300_000), request_timeout, ..quick() };
    let password = Password::new(PASSWORD);
    let repository = Repository::open_or_init(&garage.target(""), &limits, &password, &bench.cache(), None);
    let start = Instant::now();
    bench.back_up(&repository.expect("opens")).expect("backed up");
    assert!(start.elapsed() > Duration::from_millis(2_500), "{:?}", start.elapsed());
}
