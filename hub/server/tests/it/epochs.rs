//! Data that was put back begins a further epoch, so that no number of the record is given twice in one.

use dreamseed_hub::store;
use dreamseed_testkit::{TestHub, sum_problem};

#[tokio::test]
async fn restored_data_begins_a_further_epoch() {
    let mut hub = TestHub::start().await;
    let pupil = hub.pupil("한별").await;
    let given = hub.give(&[sum_problem(1)]).await;
    let first = pupil.submit_answer(&given.answer("1")).await.expect("taken");
    hub.stop().await;
    let copy = std::fs::read(hub.database()).expect("the database");
    hub.start_again().await;
    let lost = pupil.submit_answer(&given.answer("2")).await.expect("taken");
    assert_eq!(lost.epoch, first.epoch);
    hub.stop().await;

    std::fs::write(hub.database(), copy).expect("put back");
    std::fs::write(hub.data().join("restored"), "rollback\n").expect("marked");
    hub.start_again().await;
    let again = pupil.submit_answer(&given.answer("3")).await.expect("taken");
    assert_eq!(
        (again.epoch, again.hub_seq),
        (first.epoch + 1, lost.hub_seq),
        "the number again, in another epoch"
    );
    assert!(!hub.data().join("restored").exists());

    hub.restart().await;
    let later = pupil.submit_answer(&given.answer("2")).await.expect("taken");
    assert_eq!(later.epoch, again.epoch, "once");
}

#[tokio::test]
async fn the_schema_of_a_killed_hub_is_read_from_its_log_too() {
    let mut hub = TestHub::start().await;
    hub.stop().await;
    let path = hub.database();
    let known = store::fold_and_read_schema(&path).expect("read");
    assert_eq!(known, store::migrations::CURRENT);
    // A newer hub that was killed after its migration: the new number stands in the log only.
    let killed = rusqlite::Connection::open(&path).expect("opened");
    killed.pragma_update(None, "wal_autocheckpoint", 0).expect("set");
    killed.pragma_update(None, "user_version", known + 1).expect("written");
    // As the disk stands at the kill: nobody has closed anything.
    let after = tempfile::tempdir().expect("a folder");
    for name in ["hub.db", "hub.db-wal"] {
        std::fs::copy(hub.data().join(name), after.path().join(name)).expect("copied");
    }
    drop(killed);
    let path = after.path().join("hub.db");
    let in_file = std::fs::read(&path).expect("the file")[63];
    assert_eq!(u32::from(in_file), known, "the file itself does not know yet");
    assert_eq!(store::fold_and_read_schema(&path).expect("read"), known + 1);
}
