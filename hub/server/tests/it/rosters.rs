//! `/rosters` and `/roster-changes`: lists of pupils, shown, taken and taken back.

use dreamseed_client::Method;
use dreamseed_testkit::{Person, TestHub, refusal};
use dreamseed_wire::{
    Language,
    account::Role,
    ids::*,
    lesson::{HintCeiling, LessonFor, LessonMode, OpenLesson},
    people::{MovePupil, RosterChange, RosterFaultKind, RosterImported, RosterPreview},
};
use proptest::prelude::*;

const HEADER: &str = "학년,반,번호,이름\n";

/// `5-1-1 김민준` as lines of a list.
fn list(lines: &[&str]) -> String {
    let line = |line: &&str| {
        let (place, name) = line.split_once(' ').expect("a place and a name");
        format!("{},{name}\n", place.replace('-', ","))
    };
    HEADER.to_owned() + &lines.iter().map(line).collect::<String>()
}

async fn preview(by: &Person, text: &str) -> RosterPreview {
    by.preview_roster("5학년.csv", Some(2026), text.to_owned()).await.expect("a preview")
}

/// Takes a list as it is previewed.
async fn import(by: &Person, text: &str, archive_missing: bool) -> RosterImported {
    let digest = preview(by, text).await.digest;
    let imported = by.import_roster("5학년.csv", Some(2026), &digest, archive_missing, text.to_owned()).await;
    imported.expect("imported")
}

/// By which a list that changed something is taken back.
fn change_of(imported: &RosterImported) -> RosterChangeId {
    imported.change_id.expect("it changed something")
}

/// What would change, in a word each.
fn told(preview: &RosterPreview) -> Vec<String> {
    let place = |placement: &dreamseed_wire::people::Placement| {
        format!("{} {}", placement.class_name, placement.number)
    };
    preview
        .changes
        .iter()
        .map(|change| match change {
            RosterChange::NewClass { class_name, pupils, .. } => format!("class {class_name} of {pupils}"),
            RosterChange::NewPupil { class_name, number, name, .. } => {
                format!("new {class_name} {number} {name}")
            }
            RosterChange::Move { name, from, to, .. } => format!("{name}: {} → {}", place(from), place(to)),
            RosterChange::Rename { from, to, .. } => format!("{from} is {to}"),
            RosterChange::Return { name, to, .. } => format!("{name} back {}", place(to)),
        })
        .collect()
}

/// The class lists as the admin sees them: `5학년 1반: 1 김민준, 2 이서연`.
async fn school(admin: &Person) -> Vec<String> {
    let mut lines = Vec::new();
    for class in admin.classes().await.expect("the classes") {
        let detail = admin.class_detail(class.class_id).await.expect("the class");
        let names: Vec<String> =
            detail.pupils_list.iter().map(|pupil| format!("{} {}", pupil.number, pupil.name)).collect();
        lines.push(format!("{}: {}", class.name, names.join(", ")));
    }
    lines.sort();
    lines
}

#[tokio::test]
async fn a_list_makes_classes_and_pupils_and_the_same_list_changes_nothing() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let text = list(&["5-1-1 김민준", "5-1-2 이서연", "5-1-9 김민준", "6-햇살-1 박도윤"]);
    let shown = preview(&admin, &text).await;
    assert_eq!((shown.encoding.as_str(), shown.rows, shown.school_year), ("UTF-8", 4, 2026));
    assert_eq!(
        told(&shown),
        [
            "class 6학년 햇살반 of 1",
            "new 5학년 1반 1 김민준",
            "new 5학년 1반 2 이서연",
            "new 5학년 1반 9 김민준",
            "new 6학년 햇살반 1 박도윤",
        ]
    );
    assert_eq!(school(&admin).await, ["5학년 1반: "], "a preview writes nothing");
    let imported = import(&admin, &text, false).await;
    assert_eq!((imported.classes_added, imported.pupils_added, imported.moved), (1, 4, 0));
    assert_eq!(imported.class_ids.len(), 2);
    assert_eq!(school(&admin).await, ["5학년 1반: 1 김민준, 2 이서연, 9 김민준", "6학년 햇살반: 1 박도윤"]);
    let again = preview(&admin, &text).await;
    assert_eq!((again.changes.len(), again.missing.len()), (0, 0));
    let imported = import(&admin, &text, false).await;
    assert_eq!((imported.pupils_added, imported.moved, imported.renamed), (0, 0, 0));
    assert_eq!((imported.change_id, imported.class_ids.len()), (None, 2));
    assert_eq!(admin.roster_changes().await.expect("the list").len(), 1, "nothing was written");
    let detail = admin.class_detail(hub.class).await.expect("the class");
    assert!(
        detail.pupils_list.iter().all(|pupil| pupil.has_pin == Some(false)),
        "no PIN until there are cards"
    );
}

#[tokio::test]
async fn moves_swaps_spellings_and_who_is_missing() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let before = list(&[
        "5-1-1 김민준",
        "5-1-2 이서연",
        "5-1-3 박도윤",
        "5-1-4 최하은",
        "5-2-1 정시우",
        "5-2-2 강지유",
    ]);
    import(&admin, &before, false).await;
    let roster = |class: ClassId| {
        let admin = &admin;
        async move { admin.class_detail(class).await.expect("the class").pupils_list }
    };
    let ids = roster(hub.class).await;
    for (change, lines) in [
        // In both orders: who stands first in the file must not matter.
        (
            vec!["이서연: 5학년 1반 2 → 5학년 1반 1", "김민준: 5학년 1반 1 → 5학년 1반 2"],
            ["5-1-1 이서연", "5-1-2 김민준"],
        ),
        (
            vec!["이서연: 5학년 1반 2 → 5학년 1반 1", "김민준: 5학년 1반 1 → 5학년 1반 2"],
            ["5-1-2 김민준", "5-1-1 이서연"],
        ),
    ] {
        let mut text = list(&["5-1-3 박도윤", "5-1-4 최하은", "5-2-1 정시우", "5-2-2 강지유"]);
        text.push_str(list(&lines).trim_start_matches(HEADER));
        assert_eq!(told(&preview(&admin, &text).await), change);
    }
    let after = list(&[
        "5-1-1 이서연", // swapped
        "5-1-2 김민준",
        "5-1-3 박도현", // a corrected spelling
        "5-1-4 강지유", // moved in, to the number of somebody who is missing
        "5-2-1 정시우",
        "5-2-2 오새롬", // new
    ]);
    let shown = preview(&admin, &after).await;
    let expected = [
        "박도윤 is 박도현",
        "이서연: 5학년 1반 2 → 5학년 1반 1",
        "김민준: 5학년 1반 1 → 5학년 1반 2",
        "강지유: 5학년 2반 2 → 5학년 1반 4",
        "최하은: 5학년 1반 4 → 5학년 1반 5",
        "new 5학년 2반 2 오새롬",
    ];
    assert_eq!(told(&shown), expected);
    let missing: Vec<&str> = shown.missing.iter().map(|pupil| pupil.name.as_str()).collect();
    assert_eq!(missing, ["최하은"], "nobody is deleted silently");
    let imported = import(&admin, &after, false).await;
    assert_eq!((imported.moved, imported.renamed, imported.pupils_added, imported.archived), (4, 1, 1, 0));
    assert_eq!(
        school(&admin).await,
        ["5학년 1반: 1 이서연, 2 김민준, 3 박도현, 4 강지유, 5 최하은", "5학년 2반: 1 정시우, 2 오새롬"]
    );
    // The same people as before under new numbers: their answers go along.
    let now = roster(hub.class).await;
    assert_eq!(
        (now[0].pupil_id, now[1].pupil_id, now[2].pupil_id),
        (ids[1].pupil_id, ids[0].pupil_id, ids[2].pupil_id)
    );
    let again = preview(&admin, &after).await;
    assert!(again.changes.is_empty() && again.missing.len() == 1, "{again:?}");

    let imported = import(&admin, &after, true).await;
    assert_eq!(imported.archived, 1);
    assert!(preview(&admin, &after).await.missing.is_empty());
    let back = after.clone() + "5,1,7,최하은\n";
    assert_eq!(told(&preview(&admin, &back).await), ["최하은 back 5학년 1반 7"]);
    assert_eq!(import(&admin, &back, false).await.returned, 1);
    assert_eq!(roster(hub.class).await[4].pupil_id, ids[3].pupil_id);
}

#[tokio::test]
async fn nobody_inherits_an_account_by_a_number() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    import(&admin, &list(&["5-1-1 김민준", "5-1-2 이서연", "5-1-3 박지호"]), false).await;
    let before = school(&admin).await;
    let left = hub.ctx().school.get().classes[&hub.class].pupils[2].1;
    let text = list(&["5-1-1 김민준(A)", "5-1-2 이서현", "5-1-3 황보영"]);
    let shown = preview(&admin, &text).await;
    assert_eq!(
        told(&shown),
        ["김민준 is 김민준(A)", "이서연 is 이서현", "new 5학년 1반 3 황보영"],
        "nearly the same name is a spelling, another name is another child"
    );
    assert_eq!((shown.taken.len(), shown.missing.len(), shown.faults.len()), (1, 1, 0));
    let taken = &shown.taken[0];
    assert_eq!((taken.line, taken.pupil.pupil_id, taken.pupil.number), (4, left, 3));
    assert_eq!((taken.pupil.name.as_str(), taken.name.as_str()), ("박지호", "황보영"));
    let refused = admin.import_roster("5학년.csv", Some(2026), &shown.digest, false, text.clone()).await;
    assert_eq!(refusal(refused), (409, "taken".into()));
    assert_eq!(school(&admin).await, before, "nothing by accident");

    let imported = import(&admin, &text, true).await;
    assert_eq!((imported.pupils_added, imported.renamed, imported.archived), (1, 2, 1));
    assert_eq!(school(&admin).await, ["5학년 1반: 1 김민준(A), 2 이서현, 3 황보영"]);
    let new = hub.ctx().school.get().classes[&hub.class].pupils[2].1;
    assert_ne!(new, left, "the new child has an account of their own");
    admin.undo_roster_change(change_of(&imported)).await.expect("undone");
    assert_eq!(school(&admin).await, before);
}

#[tokio::test]
async fn who_of_two_with_one_name_is_meant_is_asked() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    import(&admin, &list(&["5-1-1 김민준", "5-1-2 이서연", "5-1-3 김민준"]), false).await;
    let before = school(&admin).await;
    for (lines, bad, value) in [
        // One of the two under another number, both and a third, and one pupil of whom there are now two.
        (vec!["5-1-1 이서연", "5-1-2 김민준"], vec![3], "김민준: 5학년 1반 1, 5학년 1반 3"),
        (
            vec!["5-1-4 김민준", "5-1-5 김민준", "5-1-6 김민준"],
            vec![2, 3, 4],
            "김민준: 5학년 1반 1, 5학년 1반 3",
        ),
        (vec!["5-1-8 이서연", "5-1-9 이서연"], vec![2, 3], "이서연: 5학년 1반 2"),
        (vec!["5-2-1 김민준", "5-1-2 이서연"], vec![2], ""),
    ] {
        let text = list(&lines);
        let shown = preview(&admin, &text).await;
        let faults: Vec<_> = shown.faults.iter().map(|fault| (fault.line, fault.kind)).collect();
        if value.is_empty() {
            assert_eq!(faults, [(Some(2), RosterFaultKind::Ambiguous)], "in another class of the list");
        } else {
            let expected: Vec<_> = bad.iter().map(|line| (Some(*line), RosterFaultKind::Ambiguous)).collect();
            assert_eq!((faults, shown.faults[0].value.as_str()), (expected, value));
        }
        assert!(
            shown.missing.iter().all(|pupil| !value.starts_with(&pupil.name)),
            "nobody who may be meant is missing: {shown:?}"
        );
        let refused = admin.import_roster("5학년.csv", Some(2026), &shown.digest, true, text).await;
        assert_eq!(refusal(refused), (422, "bad_file".into()));
    }
    assert_eq!(school(&admin).await, before);
    // The number says who is meant; so does the order of their numbers if all are there.
    let shown = preview(&admin, &list(&["5-1-2 이서연", "5-1-3 김민준"])).await;
    assert_eq!((told(&shown), shown.faults.len(), shown.missing.len()), (Vec::new(), 0, 1));
    let shown = preview(&admin, &list(&["5-1-1 이서연", "5-1-2 김민준", "5-1-4 김민준"])).await;
    assert_eq!((shown.faults.len(), shown.changes.len()), (0, 3));
}

/// Twins of a hub that still took them: nobody is put into one of them by chance.
#[tokio::test]
async fn which_of_two_classes_with_one_name_is_meant_is_asked() {
    let hub = TestHub::start().await;
    let (teacher, admin) = (hub.teacher().await, hub.admin().await);
    let other = hub.add_user(Role::Teacher, "박선생", Language::Ko).await;
    let twin = hub.add_class("5-1", Language::Ko, other).await;
    let before = school(&admin).await;
    let text = list(&["5-1-1 김민준", "5-1-2 이서연", "5-2-1 박지호"]);
    let shown = preview(&admin, &text).await;
    let faults: Vec<_> = shown.faults.iter().map(|fault| (fault.line, fault.kind)).collect();
    assert_eq!(faults, [(Some(2), RosterFaultKind::AmbiguousClass)]);
    let refused = admin.import_roster("5학년.csv", Some(2026), &shown.digest, true, text.clone()).await;
    assert_eq!(refusal(refused), (422, "bad_file".into()));
    assert_eq!(school(&admin).await, before);

    // A teacher of one of them means their own.
    let own = list(&["5-1-1 김민준"]);
    assert_eq!(preview(&teacher, &own).await.faults, []);
    import(&hub.sign_in(other).await, &own, false).await;
    assert_eq!(admin.class_detail(twin).await.expect("the class").pupils_list.len(), 1);

    admin.archive_class(hub.class).await.expect("archived");
    assert_eq!(preview(&admin, &text).await.faults, []);
}

#[tokio::test]
async fn a_list_that_was_exported_changes_nothing() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    import(&admin, &list(&["5-1-1 -김공식"]), false).await;
    assert_eq!(school(&admin).await, ["5학년 1반: 1 -김공식"]);
    let shown = preview(&admin, &list(&["5-1-1 '-김공식"])).await;
    assert_eq!((shown.changes.len(), shown.missing.len()), (0, 0), "{shown:?}");
}

#[tokio::test]
async fn a_list_of_the_next_year_moves_whoever_is_known() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    import(&admin, &list(&["5-1-1 김민준", "5-1-2 이서연", "5-2-1 김민준"]), false).await;
    let next = list(&["6-3-1 이서연", "6-3-2 김민준", "6-3-3 김민준"]);
    let shown = admin.preview_roster("6.csv", Some(2027), next.clone()).await.expect("a preview");
    // Two of one name cannot be told apart across classes: nobody is given another's record, and nobody a second account.
    assert_eq!(told(&shown), ["class 6학년 3반 of 3", "이서연: 5학년 1반 2 → 6학년 3반 1"]);
    let faults: Vec<_> =
        shown.faults.iter().map(|fault| (fault.line, fault.kind, fault.value.as_str())).collect();
    let places = "김민준: 2026 5학년 1반 1, 2026 5학년 2반 1";
    assert_eq!(
        faults,
        [(Some(3), RosterFaultKind::Ambiguous, places), (Some(4), RosterFaultKind::Ambiguous, places)]
    );
    let advice = shown.advice.expect("the change of the year does it better");
    assert!(advice.contains("2026학년도") && advice.contains("‘새 학년도’"), "{advice}");
    let refused = admin.import_roster("6.csv", Some(2027), &shown.digest, false, next).await;
    assert_eq!(refusal(refused), (422, "bad_file".into()));
    // One of two, and two of one, are no clearer.
    let one = list(&["6-3-1 이서연", "6-3-2 김민준"]);
    let shown = admin.preview_roster("6.csv", Some(2027), one).await.expect("a preview");
    assert_eq!(shown.faults[0].value, places);
    let two = list(&["6-3-1 이서연", "6-4-1 이서연"]);
    let shown = admin.preview_roster("6.csv", Some(2027), two).await.expect("a preview");
    assert_eq!((shown.faults.len(), shown.faults[0].value.as_str()), (2, "이서연: 2026 5학년 1반 2"));

    // Who is the only one of the name goes along, a new name is new.
    let next = list(&["6-3-1 이서연", "6-3-2 박도윤"]);
    let shown = admin.preview_roster("6.csv", Some(2027), next.clone()).await.expect("a preview");
    let expected = ["class 6학년 3반 of 2", "이서연: 5학년 1반 2 → 6학년 3반 1", "new 6학년 3반 2 박도윤"];
    assert_eq!(told(&shown), expected);
    admin.import_roster("6.csv", Some(2027), &shown.digest, false, next.clone()).await.expect("imported");
    let again = admin.preview_roster("6.csv", Some(2027), next).await.expect("a preview");
    assert!(again.changes.is_empty(), "{again:?}");
    assert_eq!(preview(&admin, &list(&["5-1-1 김민준"])).await.advice, None, "a list of the same year");
}

#[tokio::test]
async fn a_teachers_list_touches_their_own_classes_only() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let (_, other_class) = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let stranger = hub.add_pupil(other_class, "정시우").await;
    let text = list(&["5-1-1 김민준", "5-2-2 이서연", "5-3-1 박도윤"]);
    let shown = preview(&teacher, &text).await;
    assert_eq!(shown.faults.len(), 1);
    assert_eq!((shown.faults[0].line, shown.faults[0].kind), (Some(3), RosterFaultKind::OtherTeachersClass));
    let refused = teacher.import_roster("a.csv", Some(2026), &shown.digest, false, text).await;
    assert_eq!(refusal(refused), (422, "bad_file".into()));

    // Somebody of another teacher's class is not fetched by writing their name down.
    let text = list(&["5-1-1 김민준", "5-3-1 정시우"]);
    let imported = import(&teacher, &text, false).await;
    assert_eq!((imported.classes_added, imported.pupils_added, imported.moved), (1, 2, 0));
    let own: Vec<String> =
        teacher.classes().await.expect("classes").into_iter().map(|class| class.name).collect();
    assert_eq!(own, ["5학년 1반", "5학년 3반"], "who brings a class teaches it");
    assert_eq!(hub.ctx().school.get().class_of(stranger).map(|class| class.class_id), Some(other_class));
    let other = hub.other_teacher("최선생", "4학년 1반", Language::Ko).await.0;
    assert!(other.roster_changes().await.expect("a list").is_empty(), "other people's imports are theirs");
    let mine = teacher.roster_changes().await.expect("a list");
    assert_eq!(refusal(other.undo_roster_change(mine[0].change_id).await), (404, "not_found".into()));
}

#[tokio::test]
async fn a_list_with_faults_changes_nothing() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let text = list(&["5-1-1 김민준", "5-1-1 이서연", "5-1-0 박도윤"]);
    let shown = preview(&admin, &text).await;
    let faults: Vec<_> = shown.faults.iter().map(|fault| (fault.line, fault.kind)).collect();
    assert_eq!(faults, [(Some(3), RosterFaultKind::DuplicateNumber), (Some(4), RosterFaultKind::BadNumber)]);
    let refused = admin.import_roster("5학년.csv", Some(2026), &shown.digest, false, text).await;
    assert_eq!(refusal(refused), (422, "bad_file".into()));
    assert_eq!(school(&admin).await, ["5학년 1반: "]);
}

/// What the reader refuses as a whole; `dreamseed_roster` tests the rest of the table.
#[tokio::test]
async fn files_that_cannot_be_read() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let too_large = vec![b'a'; 5 * 1024 * 1024 + 1];
    let far_too_large = vec![b'a'; 7 * 1024 * 1024];
    for (what, bytes, expected) in [
        ("empty", b"".to_vec(), (422, "bad_file")),
        ("not text", b"\x89PNG\r\n\x1a\n\0\0".to_vec(), (422, "bad_file")),
        ("no encoding", vec![0xff, 0xff, 0xff, 0xff], (422, "bad_file")),
        ("old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), (422, "bad_file")),
        ("cut workbook", b"PK\x03\x04\x14\0\0\0".to_vec(), (422, "bad_file")),
        ("too large", too_large, (422, "bad_file")),
        ("far too large", far_too_large, (413, "too_large")),
    ] {
        let refused = admin.preview_roster("a.xlsx", None, bytes).await;
        let (status, code) = refusal(refused);
        assert_eq!((status, code.as_str()), expected, "{what}");
    }
    let wide = HEADER.trim_end().to_owned() + &",x".repeat(1_000_000);
    let shown = admin.preview_roster("a.csv", None, wide).await.expect("a preview");
    assert_eq!(
        shown.faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(),
        [RosterFaultKind::TooManyColumns]
    );
    for name in ["", "a\u{0}b", &"a".repeat(300)] {
        let refused = admin.preview_roster(name, None, list(&["5-1-1 김민준"])).await;
        assert_eq!(refusal(refused), (422, "bad_field".into()), "{name:?}");
    }
    let refused = admin.preview_roster("a.csv", Some(1066), list(&["5-1-1 김민준"])).await;
    assert_eq!(refusal(refused), (422, "bad_field".into()));
    let reply = admin.request(Method::POST, "/rosters?file_name=a.csv", "x").await;
    assert_eq!(reply.refusal(), (400, "bad_request".into()), "no digest");
}

#[tokio::test]
async fn of_two_imports_at_once_one_wins() {
    let hub = TestHub::start().await;
    let (admin, other) = (hub.admin().await, hub.admin().await);
    let text = list(&["5-1-1 김민준", "5-2-1 이서연"]);
    let digest = preview(&admin, &text).await.digest;
    let import = |by: Person| {
        let (text, digest) = (text.clone(), digest.clone());
        async move { by.import_roster("5학년.csv", Some(2026), &digest, false, text).await }
    };
    let (one, two) = tokio::join!(import(admin.clone()), import(other));
    let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
    assert_eq!(won.expect("one wins").pupils_added, 2);
    assert_eq!(refusal(lost), (409, "changed".into()));
    assert_eq!(school(&admin).await, ["5학년 1반: 1 김민준", "5학년 2반: 1 이서연"]);
}

#[tokio::test]
async fn an_import_is_undone_as_long_as_nothing_is_built_on_it() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    import(&admin, &list(&["5-1-1 김민준", "5-1-2 이서연", "5-1-3 박도윤"]), false).await;
    let before = school(&admin).await;
    let text = list(&["5-1-1 이서연", "5-1-2 김민준", "5-2-1 정시우"]);
    let imported = import(&admin, &text, true).await;
    assert_eq!((imported.classes_added, imported.moved, imported.archived), (1, 2, 1));
    let changes = admin.roster_changes().await.expect("the list");
    assert_eq!((changes.len(), changes[0].change_id, changes[0].can_undo), (2, change_of(&imported), true));
    assert_eq!(changes[0].summary, "새 반 1개, 새 학생 1명, 옮긴 학생 2명, 보관한 학생 1명");
    assert!(!changes[1].can_undo, "the newer one is built on the older");
    assert_eq!(refusal(admin.undo_roster_change(changes[1].change_id).await), (409, "changed".into()));
    let undone = admin.undo_roster_change(change_of(&imported)).await.expect("undone");
    assert!(undone.undone_at.is_some() && !undone.can_undo);
    assert_eq!(school(&admin).await, before);
    assert_eq!(refusal(admin.undo_roster_change(change_of(&imported)).await), (409, "changed".into()));
    assert_eq!(refusal(admin.undo_roster_change(RosterChangeId::new()).await), (404, "not_found".into()));

    // A lesson of a new class, a PIN of a new pupil, a further move: each is lost by no undo.
    for (round, built) in ["lesson", "secret", "move", "pupil"].into_iter().enumerate() {
        let text = list(&[&format!("5-{}-1 정시우", round + 5)]);
        let imported = import(&admin, &text, false).await;
        admin.undo_roster_change(change_of(&imported)).await.expect("nothing is built on it yet");
        let imported = import(&admin, &text, false).await;
        let class_id = imported.class_ids[0];
        let pupil = hub.ctx().school.get().classes[&class_id].pupils[0].1;
        match built {
            "lesson" => {
                let problem = admin.add_problem(&dreamseed_testkit::sum_problem(1)).await.expect("a problem");
                let lesson = OpenLesson {
                    title: "수업".into(),
                    problem_ids: vec![problem.problem_id],
                    mode: LessonMode::Practice,
                    hint_ceiling: HintCeiling::None,
                    whom: LessonFor::Class,
                    minutes: None,
                };
                admin.open_lesson(class_id, &lesson).await.expect("a lesson");
            }
            "secret" => drop(admin.reset_secret(pupil).await.expect("a PIN")),
            "move" => {
                let wish = MovePupil { class_id: Some(hub.class), number: None, from_day: None };
                admin.move_pupil(pupil, &wish).await.expect("moved");
            }
            _ => drop(hub.add_pupil(class_id, "강지유").await),
        }
        let refused = refusal(admin.undo_roster_change(change_of(&imported)).await);
        assert_eq!(refused, (409, "changed".into()), "{built}");
        assert!(!admin.roster_changes().await.expect("the list")[0].can_undo, "{built}");
    }
}

#[tokio::test]
async fn two_thousand_pupils_in_five_seconds() {
    let hub = TestHub::start().await;
    let admin = hub.admin().await;
    let mut text = HEADER.to_owned();
    for pupil in 0..2_000 {
        let (class, number) = (pupil / 30, pupil % 30 + 1);
        text.push_str(&format!("{},{},{number},{}\n", class / 12 + 1, class % 12 + 1, name(pupil)));
    }
    let began = std::time::Instant::now();
    let digest = preview(&admin, &text).await.digest;
    let imported =
        admin.import_roster("5학년.csv", Some(2026), &digest, false, text.clone()).await.expect("imported");
    let took = began.elapsed();
    assert_eq!(imported.pupils_added, 2_000);
    let limit = std::time::Duration::from_secs(if cfg!(debug_assertions) { 15 } else { 5 });
    assert!(took < limit, "{took:?}");
    assert!(preview(&admin, &text).await.changes.is_empty());
    admin.undo_roster_change(change_of(&imported)).await.expect("undone");
    assert_eq!(school(&admin).await, ["5학년 1반: "]);
}

/// A name of three syllables for each number.
fn name(number: u32) -> String {
    let syllable = |index: u32| char::from_u32(0xac00 + index % 11_172).unwrap_or('가');
    [number * 28, number / 7 * 588, number * 56 + 1].into_iter().map(syllable).collect()
}

/// Lists of two classes with few names, so that people of one name, swaps and gaps are common.
fn lists() -> impl Strategy<Value = Vec<String>> {
    let place = (5_u8..=5, 1_u8..=2, 1_u16..=5);
    let one = prop::collection::btree_map(
        place,
        prop::sample::select(vec!["김민준", "이서연", "박도윤", "최하은", "정시우"]),
        1..8,
    );
    let text = one.prop_map(|rows| {
        let lines: Vec<String> = rows
            .iter()
            .map(|((grade, class, number), name)| format!("{grade},{class},{number},{name}\n"))
            .collect();
        HEADER.to_owned() + &lines.concat()
    });
    prop::collection::vec(text, 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// A list in which nobody can be taken for another is taken, and what was previewed is what happens: after it the same list changes nothing, everybody of the list is in their
    /// place, nobody is lost, and the undo brings back exactly what stood before.
    #[test]
    fn an_import_does_what_it_says(lists in lists(), archive in any::<bool>()) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let hub = TestHub::start().await;
            let admin = hub.admin().await;
            for text in lists {
                let before = school(&admin).await;
                let shown = preview(&admin, &text).await;
                if !shown.faults.is_empty() {
                    let refused =
                        admin.import_roster("5학년.csv", Some(2026), &shown.digest, archive, text).await;
                    assert_eq!(refusal(refused), (422, "bad_file".into()));
                    continue;
                }
                let archive = archive || !shown.taken.is_empty();
                let imported = import(&admin, &text, archive).await;
                let again = preview(&admin, &text).await;
                assert!(again.changes.is_empty(), "{text}{again:?}");
                assert!(!archive || again.missing.is_empty(), "{text}{again:?}");
                let now = school(&admin).await.join("\n");
                for line in text.trim_start_matches(HEADER).lines() {
                    let cells: Vec<&str> = line.split(',').collect();
                    let class = now.lines().find(|class| class.starts_with(&format!("5학년 {}반: ", cells[1])));
                    let seat = format!("{} {}", cells[2], cells[3]);
                    assert!(class.is_some_and(|class| class.contains(&seat)), "{seat} in {now}");
                }
                let Some(change) = imported.change_id else {
                    assert_eq!(school(&admin).await, before);
                    continue;
                };
                admin.undo_roster_change(change).await.expect("undone");
                assert_eq!(school(&admin).await, before);
                import(&admin, &text, archive).await;
            }
        });
    }
}
