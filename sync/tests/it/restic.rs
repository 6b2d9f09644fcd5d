//! Stock restic reads what was written: the recovery does not hang on this program.

use crate::support::{BUCKET, Bench, Garage, read_tree, restic};
use dreamseed_sync::Target;

#[track_caller]
fn read_by_restic(bench: &Bench, target: &Target, address: &str) {
    let repository = bench.open(target);
    bench.back_up(&repository).expect("backed up");
    bench.put("hub.db", b"the second night");
    let last = bench.back_up(&repository).expect("backed up");
    let Some(listed) = restic(address, &["list", "snapshots"]) else {
        return;
    };
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    assert_eq!(text.lines().count(), 2);
    assert!(text.contains(&last.id));
    let checked = restic(address, &["check", "--read-data", "--no-lock"]).expect("restic runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let into = bench.path("by restic");
    let restored = restic(address, &["restore", &last.id, "--no-lock", "--target", &into.to_string_lossy()]);
    assert!(restored.as_ref().is_some_and(|done| done.status.success()), "{restored:?}");
    assert!(read_tree(&into.join("dreamseed")) == read_tree(&bench.source()));
}

#[test]
fn a_folder_is_read_by_stock_restic() {
    let bench = Bench::new();
    read_by_restic(&bench, &bench.target(), &bench.place().to_string_lossy());
}

#[test]
fn a_bucket_is_read_by_stock_restic() {
    let Some(garage) = Garage::start() else {
        return;
    };
    let address = format!("s3:http://{}/{BUCKET}/hubs/첫째", garage.address());
    read_by_restic(&Bench::new(), &garage.target("hubs/첫째"), &address);
}
