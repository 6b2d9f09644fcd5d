//! The database: queries, migrations, what may never be changed, and what is found when something was.

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
};

use dreamseed_hub::{
    hub::Hub,
    store::{Store, StoreError, attempts, audit, hub_meta::FirstStart, migrations, standings},
};
use dreamseed_models::scripted::{Script, ScriptedEngine};
use dreamseed_testkit::{MockClock, TestHub, config_in, fraction_problem};
use rusqlite::Connection;

/// Each query stands in a file, so that a broken one is found without running the code around it.
#[test]
fn every_query_is_understood_by_a_new_database() {
    let mut conn = Connection::open_in_memory().expect("a database");
    migrations::run(&mut conn).expect("the schema");
    let mut files = Vec::new();
    list_queries(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/store")), &mut files);
    assert!(files.len() > 60, "{}", files.len());
    let mut broken = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a text");
        let text: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .map(|line| format!("{line}\n"))
            .collect();
        let statements: Vec<_> = text.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
        if statements.is_empty() {
            broken.push(format!("{}: no statement", file.display()));
        }
        for statement in statements {
            if let Err(error) = conn.prepare(statement) {
                broken.push(format!("{}: {error}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

fn list_queries(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            list_queries(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "sql") {
            files.push(path);
        }
    }
}

#[test]
fn migrating_twice_changes_nothing() {
    let mut conn = Connection::open_in_memory().expect("a database");
    migrations::run(&mut conn).expect("the schema");
    let schema = |conn: &Connection| {
        let mut query =
            conn.prepare("SELECT coalesce(sql, '') FROM sqlite_schema ORDER BY name").expect("a query");
        let rows = query.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        rows.collect::<Result<Vec<_>, _>>().expect("rows")
    };
    let before = schema(&conn);
    migrations::run(&mut conn).expect("nothing to do");
    assert_eq!(schema(&conn), before);
    let version: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a version");
    assert_eq!(version, migrations::CURRENT);
    assert!(
        before.iter().filter(|sql| sql.starts_with("CREATE TABLE")).all(|sql| sql.contains("STRICT")),
        "{before:#?}"
    );
}

/// The first version knew of no times in the grid; they are folded from the log when the hub of today first opens it.
#[tokio::test]
async fn a_database_of_the_first_version_gets_its_grid_from_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("hub.db");
    let conn = Connection::open(&file).expect("a database");
    conn.execute_batch(include_str!("../../migrations/0001_record.sql")).expect("the first version");
    conn.execute_batch(FIRST_VERSION_ROWS).expect("rows");
    conn.pragma_update(None, "user_version", 1).expect("set");
    // As the hub of today marks its files.
    let today = tempfile::tempdir().expect("a folder");
    let made = Store::open(&today.path().join("hub.db"), &first_start(), |_| {}).expect("a database");
    let mark: i64 = made
        .read(|conn| Ok::<_, StoreError>(conn.pragma_query_value(None, "application_id", |row| row.get(0))?))
        .await
        .expect("read");
    conn.pragma_update(None, "application_id", mark).expect("marked");
    conn.close().expect("closed");

    let store = Store::open(&file, &first_start(), |_| {}).expect("brought up to date");
    let rows = |conn: &Connection| {
        let mut query = conn.prepare(
            "SELECT tries || ' ' || solved || ' ' || first_at || ' ' || last_at || ' ' || wrong_in_row || ' ' || \
             coalesce(misconception, '-') || ' ' || misconception_in_row || ' ' || helps || ' ' || \
             hex(last_attempt) FROM standings",
        )?;
        let rows = query.query_map([], |row| row.get::<_, String>(0))?;
        Ok::<_, StoreError>(rows.collect::<Result<Vec<_>, _>>()?)
    };
    let migrated = store.read(rows).await.expect("read");
    assert_eq!(migrated, [format!("2 0 1000 3000 2 1 2 1 {}", "A2".repeat(16))]);
    store.write(|tx| standings::rebuild(tx.conn())).await.expect("folded again");
    assert_eq!(store.read(rows).await.expect("read"), migrated);
    let marked: i64 = store
        .read(|conn| {
            Ok::<_, StoreError>(conn.query_row("SELECT count(*) FROM cache_rebuilds", [], |row| row.get(0))?)
        })
        .await
        .expect("read");
    assert_eq!(marked, 0, "once is enough");
}

/// One pupil, one problem, two wrong answers with the same mistake, help for the second.
const FIRST_VERSION_ROWS: &str = r#"
    INSERT INTO epochs VALUES (1, zeroblob(16), NULL, 'first', 1, 0);
    INSERT INTO hub VALUES (1, zeroblob(16), '', 'Asia/Seoul', 1, 0, 0);
    INSERT INTO users (id, role, name, language, secret, created_at)
    VALUES (x'01010101010101010101010101010101', 'student', 'x', 'ko', '!', 0);
    INSERT INTO problems (id, source, created_at) VALUES (x'02020202020202020202020202020202', 'school', 0);
    INSERT INTO problem_versions (id, problem_id, version, skill, draft, content_hash, created_at)
    VALUES (x'03030303030303030303030303030303', x'02020202020202020202020202020202', 1, 's', '{}', x'00', 0);
    INSERT INTO attempts
        (hub_seq, epoch, id, pupil_id, problem_version_id, skill, body_hash, answer, occurred_at, received_at, day, row_hash)
    VALUES
        (1, 1, x'A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1', x'01010101010101010101010101010101',
         x'03030303030303030303030303030303', 's', x'00', '{"kind":"number","text":"1"}', 1000, 1000, '1970-01-01', x'00'),
        (3, 1, x'A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2', x'01010101010101010101010101010101',
         x'03030303030303030303030303030303', 's', x'00', '{"kind":"number","text":"2"}', 3000, 3000, '1970-01-01', x'00');
    INSERT INTO grades
        (hub_seq, attempt_seq, revision, source, grade, is_right, is_evidence, misconception, key_version_id, created_at)
    VALUES
        (2, 1, 1, 'code', '{"grade":"wrong"}', 0, 1, 1, x'03030303030303030303030303030303', 1000),
        (4, 3, 1, 'code', '{"grade":"wrong"}', 0, 1, 1, x'03030303030303030303030303030303', 3000);
    INSERT INTO feedback (hub_seq, id, attempt_seq, turn, language, state, asked_at)
    VALUES (5, x'05050505050505050505050505050505', 3, 1, 'ko', 'done', 4000);
    INSERT INTO standings
        (pupil_id, lesson_id, problem_version_id, tries, solved, helped_seq, last_attempt, last_seq)
    VALUES
        (x'01010101010101010101010101010101', zeroblob(16), x'03030303030303030303030303030303', 2, 0, 5,
         x'A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2A2', 5);
"#;

#[tokio::test]
async fn a_newer_database_is_left_as_it_is() {
    let mut hub = TestHub::start().await;
    hub.stop().await;
    let file = hub.database();
    Connection::open(&file).expect("a database").pragma_update(None, "user_version", 99).expect("set");
    checkpoint(&file);
    let before = std::fs::read(&file).expect("the file");
    let refused = Store::open(&file, &first_start(), |_| {}).err().expect("refused");
    assert!(
        matches!(refused, StoreError::Newer { found: 99, known } if known == migrations::CURRENT),
        "{refused:?}"
    );
    let said = start_error(&hub).await;
    assert!(said.contains("newer hub") && said.contains("더 새로운 허브"), "{said}");
    checkpoint(&file);
    assert!(std::fs::read(&file).expect("the file") == before, "the file has been changed");
}

#[tokio::test]
async fn a_database_of_another_program_is_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = folder.path().join("other.db");
    Connection::open(&sqlite)
        .expect("a database")
        .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .expect("rows");
    let text = folder.path().join("notes.db");
    std::fs::write(&text, "여기에는 다른 것이 들어 있어요. ".repeat(400)).expect("written");
    for file in [sqlite, text] {
        let before = std::fs::read(&file).expect("the file");
        let refused = Store::open(&file, &first_start(), |_| {}).err().expect("refused");
        assert!(matches!(refused, StoreError::Foreign), "{}: {refused:?}", file.display());
        assert!(std::fs::read(&file).expect("the file") == before, "{} has been changed", file.display());
    }
}

#[tokio::test]
async fn a_damaged_database_is_refused_in_words() {
    let mut hub = TestHub::start().await;
    hub.stop().await;
    let mut bytes = std::fs::read(hub.database()).expect("the file");
    for byte in &mut bytes[4096..] {
        *byte = 0xa5;
    }
    std::fs::write(hub.database(), bytes).expect("written");
    let said = start_error(&hub).await;
    assert!(said.contains("damaged") && said.contains("손상"), "{said}");
}

#[tokio::test]
async fn the_record_cannot_be_rewritten() {
    let mut hub = TestHub::start().await;
    answer_once(&hub).await;
    hub.stop().await;
    let conn = Connection::open(hub.database()).expect("a database");
    for change in [
        "UPDATE attempts SET answer = '{}'",
        "UPDATE attempts SET day = '2026-01-01'",
        "UPDATE grades SET is_right = 1",
        "UPDATE problem_versions SET draft = '{}'",
        "UPDATE audit SET detail = ''",
    ] {
        let refused = conn.execute(change, []).expect_err(change);
        let said = refused.to_string();
        assert!(said.contains("append-only") || said.contains("immutable"), "{change}: {said}");
    }
}

#[tokio::test]
async fn an_answer_that_was_changed_on_the_disk_is_found() {
    let mut hub = TestHub::start().await;
    let seq = answer_once(&hub).await;
    assert_eq!(damaged(&hub).await, Vec::<i64>::new());
    hub.stop().await;
    for (column, value) in [
        ("answer", r#"'{"kind":"number","text":"5/6"}'"#),
        ("day", "'2026-01-01'"),
        ("answer", "'x'"),
        // The top bit of a letter: no UTF-8 any more.
        ("answer", "CAST(x'fb226b696e64223a226e756d626572227d' AS TEXT)"),
        ("skill", "CAST(x'e1' AS TEXT)"),
        ("body_hash", "x'00'"),
        ("row_hash", "x'00'"),
        ("id", "x'00'"),
    ] {
        let conn = Connection::open(hub.database()).expect("a database");
        conn.execute_batch(&format!(
            "DROP TRIGGER IF EXISTS attempts_are_kept_as_written; UPDATE attempts SET {column} = {value} WHERE hub_seq = {seq}"
        ))
        .expect("changed");
        assert_eq!(attempts::find_damaged(&conn, 100).expect("looked"), [seq], "{column}");
    }
}

#[tokio::test]
async fn a_deed_that_was_changed_or_taken_out_breaks_the_chain() {
    let mut hub = TestHub::start().await;
    answer_once(&hub).await;
    let teacher = hub.teacher().await;
    let settings = dreamseed_wire::class::ClassSettings { auto_feedback: true, solution_after_tries: None };
    teacher.change_class_settings(hub.class, &settings).await.expect("set");
    hub.stop().await;
    let whole = std::fs::read(hub.database()).expect("the file");
    let conn = Connection::open(hub.database()).expect("a database");
    assert_eq!(audit::find_break(&conn).expect("looked"), None);
    let count: i64 = conn.query_row("SELECT count(*) FROM audit", [], |row| row.get(0)).expect("counted");
    assert!(count > 3, "{count}");
    drop(conn);
    for (change, broken_at) in [
        ("UPDATE audit SET detail = 'x' WHERE seq = 2", 2),
        ("UPDATE audit SET actor = NULL, origin = 'x' WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 2", 3),
    ] {
        std::fs::write(hub.database(), &whole).expect("written");
        let conn = Connection::open(hub.database()).expect("a database");
        conn.execute_batch(&format!("DROP TRIGGER audit_is_kept_as_written; {change}")).expect("changed");
        assert_eq!(audit::find_break(&conn).expect("looked"), Some(broken_at), "{change}");
        conn.close().expect("closed");
    }
}

/// Commands that wait together share a commit; one that fails takes nothing of the others with it.
#[tokio::test]
async fn a_failing_command_undoes_itself_only() {
    let hub = TestHub::start().await;
    let (go, wait) = mpsc::channel::<()>();
    let store = hub.ctx().store.clone();
    let gate =
        tokio::spawn(async move { store.write(move |_| Ok::<_, StoreError>(wait.recv())).await.map(|_| ()) });
    let mut writes = Vec::new();
    for n in 0..20_i64 {
        let store = hub.ctx().store.clone();
        writes.push(tokio::spawn(async move {
            store
                .write(move |tx| {
                    let before = tx.take_seq();
                    tx.conn().execute(
                        "INSERT INTO retention (kind, keep_days) VALUES (?1, 1)",
                        [format!("test {n}")],
                    )?;
                    match n % 4 {
                        1 => Err(StoreError::Busy),
                        // Broken by the schema itself.
                        2 => tx
                            .conn()
                            .execute("INSERT INTO retention (kind, keep_days) VALUES (?1, 0)", ["x"])
                            .map(|_| before)
                            .map_err(StoreError::from),
                        _ => Ok(before),
                    }
                })
                .await
        }));
    }
    go.send(()).expect("the gate waits");
    gate.await.expect("no panic").expect("written");
    let mut seqs = Vec::new();
    for (n, write) in writes.into_iter().enumerate() {
        match (n % 4, write.await.expect("no panic")) {
            (1, Err(StoreError::Busy)) | (2, Err(StoreError::Sqlite(_))) => {}
            (0 | 3, Ok(seq)) => seqs.push(seq),
            (_, other) => panic!("{n}: {other:?}"),
        }
    }
    let kept: Vec<String> = hub
        .ctx()
        .store
        .read(|conn| {
            let mut query =
                conn.prepare("SELECT kind FROM retention WHERE kind LIKE 'test %' ORDER BY kind")?;
            let rows = query.query_map([], |row| row.get(0))?;
            Ok::<_, StoreError>(rows.collect::<Result<_, _>>()?)
        })
        .await
        .expect("read");
    let mut expected: Vec<String> =
        (0..20).filter(|n| matches!(n % 4, 0 | 3)).map(|n| format!("test {n}")).collect();
    expected.sort();
    assert_eq!(kept, expected);
    seqs.sort_unstable();
    assert!(
        seqs.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "numbers of refused commands are given again: {seqs:?}"
    );
}

#[tokio::test]
async fn a_stopped_hub_leaves_one_whole_file() {
    let mut hub = TestHub::start().await;
    let seq = answer_once(&hub).await;
    hub.stop().await;
    let log = hub.database().with_extension("db-wal");
    assert!(std::fs::metadata(&log).map_or(0, |meta| meta.len()) == 0, "the log is folded into the database");
    // A copy of the one file is a backup.
    let copy = tempfile::tempdir().expect("a folder");
    let file = copy.path().join("hub.db");
    std::fs::copy(hub.database(), &file).expect("copied");
    let conn = Connection::open(&file).expect("a database");
    let found: i64 =
        conn.query_row("SELECT hub_seq FROM attempts", [], |row| row.get(0)).expect("the answer");
    assert_eq!(found, seq);
    let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
    assert_eq!(sound, "ok");
}

async fn answer_once(hub: &TestHub) -> i64 {
    let given = hub.give(&[fraction_problem()]).await;
    let pupil = hub.pupil("민지").await;
    pupil.submit_answer(&given.answer("2/5")).await.expect("kept").hub_seq
}

async fn damaged(hub: &TestHub) -> Vec<i64> {
    hub.ctx().store.read(|conn| attempts::find_damaged(conn, 100)).await.expect("looked")
}

/// What the console shows when the hub cannot start on its folder.
async fn start_error(hub: &TestHub) -> String {
    let config = dreamseed_hub::config::Config { data: hub.data().to_owned(), ..config_in(hub.data()) };
    let engine = std::sync::Arc::new(ScriptedEngine::new(Script::default()));
    let started = Hub::start(config, std::sync::Arc::new(MockClock::default()), engine).await;
    format!("{:#}", started.err().expect("it must not start"))
}

fn first_start() -> FirstStart {
    FirstStart { now: "2026-11-23T00:00:00Z".parse().expect("time"), time_zone: "Asia/Seoul".into() }
}

fn checkpoint(file: &Path) {
    let conn = Connection::open(file).expect("a database");
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("folded");
}
