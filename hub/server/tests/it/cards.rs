//! `/classes/{class_id}/cards` and signing in with a card.

use std::process::{Command, Stdio};

use dreamseed_testkit::{TestHub, minutes, refusal};
use dreamseed_wire::{Language, people::MakeCards};

fn wanted(pupil_ids: Vec<dreamseed_wire::ids::UserId>, everyone: bool) -> MakeCards {
    MakeCards { pupil_ids, everyone, language: Language::Ko }
}

/// The words of a PDF, by poppler's `pdftotext`; nothing where it is not installed.
fn words(pdf: &[u8]) -> Option<String> {
    use std::io::Write;
    let mut child = Command::new("pdftotext")
        .args(["-layout", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(pdf).ok()?;
    let output = child.wait_with_output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn imported_pupils_get_cards_and_sign_in_with_their_pins() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let list = "반,번호,이름\n5-1,1,김민준\n5-1,2,이서연\n5-1,9,김민준\n";
    let preview = teacher.preview_roster("a.csv", Some(2026), list).await.expect("a preview");
    teacher.import_roster("a.csv", Some(2026), &preview.digest, false, list).await.expect("imported");
    let roster = || async { teacher.class_detail(hub.class).await.expect("the class").pupils_list };
    let pupils = roster().await;
    let code = hub.code_of(hub.class);
    // Without a PIN: the same refusal as for a wrong one, with any PIN.
    for pin in ["000000", "481526", "!", ""] {
        let refused = hub.stranger().sign_in_pupil(&code, pupils[0].pupil_id, pin).await;
        assert_eq!(refusal(refused), (401, "wrong_secret".into()), "{pin}");
    }
    let names = hub.stranger().open_roster(&code).await.expect("the names").pupils;
    assert!(names.iter().all(|entry| entry.has_pin.is_none()), "strangers are not told who has no PIN");

    let pdf = teacher.make_cards(hub.class, &wanted(vec![], false)).await.expect("cards");
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() < 400_000, "{} bytes", pdf.len());
    assert!(roster().await.iter().all(|entry| entry.has_pin == Some(true)));
    if let Some(words) = words(&pdf) {
        assert_eq!(words.matches("김민준").count(), 2, "{words}");
        assert_eq!(words.matches("이서연").count(), 1, "{words}");
        assert!(words.contains("dreamseed.local") && words.contains("5학년 1반 9번"), "{words}");
        assert!(words.contains(&code[..4]), "{words}");
        let pins = pins_of(&words);
        assert_eq!(pins.len(), 3, "{words}");
        let mut opened = 0;
        for pin in &pins {
            for pupil in &pupils {
                opened += usize::from(hub.stranger().sign_in_pupil(&code, pupil.pupil_id, pin).await.is_ok());
            }
        }
        assert_eq!(opened, 3, "each PIN opens one account");
    }
    let refused = teacher.make_cards(hub.class, &wanted(vec![], false)).await;
    assert_eq!(refusal(refused), (422, "bad_field".into()), "everybody has one");
    let stranger = hub.other_teacher("박선생", "5학년 2반", Language::Ko).await;
    let elsewhere = hub.add_pupil(stranger.1, "준호").await;
    let refused = teacher.make_cards(hub.class, &wanted(vec![elsewhere], false)).await;
    assert_eq!(refusal(refused), (422, "bad_field".into()));
}

#[tokio::test]
async fn a_sheet_whose_reply_was_lost_is_fetched_again_by_who_made_it() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    hub.add_pupil(hub.class, "민지").await;
    let none = (404, "not_found".to_owned());
    assert_eq!(refusal(teacher.cards(hub.class).await), none);
    let pdf = teacher.make_cards(hub.class, &wanted(vec![], true)).await.expect("cards");
    assert_eq!(teacher.cards(hub.class).await.expect("again"), pdf);
    assert_eq!(refusal(hub.admin().await.cards(hub.class).await), none, "somebody else's");
    hub.clock.advance(minutes(11));
    assert_eq!(refusal(teacher.cards(hub.class).await), none, "too late");
}

/// `481 526` as it is printed.
fn pins_of(words: &str) -> Vec<String> {
    let is_half = |token: &&str| token.len() == 3 && token.bytes().all(|byte| byte.is_ascii_digit());
    let halves: Vec<&str> = words.split_whitespace().filter(is_half).collect();
    halves.chunks(2).map(<[&str]>::concat).collect()
}

#[tokio::test]
async fn a_card_opens_until_it_is_replaced_or_the_pin_is_new() {
    use dreamseed_hub::{auth::paper, store::sign_in_cards};
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let pupil = hub.pupil("민지").await;
    hub.set_pin(&[pupil.id], "481526").await;
    let card = paper::make_card().expect("a card");
    let set = |card: &str| {
        let (hash, now, id) = (paper::hash_of(card), dreamseed_hub::clock::Clock::now(&*hub.clock), pupil.id);
        hub.write(move |tx| sign_in_cards::set(tx, id, &hash, now))
    };
    set(&card).await;
    for typed in [card.clone(), card.to_lowercase()] {
        let signed_in = hub.stranger().sign_in_card(&typed).await.expect("signed in");
        assert_eq!((signed_in.me.user_id, signed_in.me.name.as_str()), (pupil.id, "민지"));
    }
    for wrong in ["", "x", &"A".repeat(24), &"A".repeat(100_000)[..60_000]] {
        let refused = hub.stranger().sign_in_card(wrong).await;
        assert_eq!(refusal(refused), (401, "wrong_secret".into()));
    }
    teacher.reset_secret(pupil.id).await.expect("a new PIN");
    let refused = hub.stranger().sign_in_card(&card).await;
    assert_eq!(refusal(refused), (401, "wrong_secret".into()), "a lost card ends with the new PIN");
    set(&card).await;
    teacher.make_cards(hub.class, &wanted(vec![pupil.id], false)).await.expect("a card");
    assert!(hub.stranger().sign_in_card(&card).await.is_err(), "replaced");
    set(&card).await;
    hub.admin().await.archive_user(pupil.id).await.expect("archived");
    let refused = hub.stranger().sign_in_card(&card).await;
    assert_eq!(refusal(refused), (401, "wrong_secret".into()));
}

#[tokio::test]
async fn a_class_of_35_in_seconds_and_no_name_runs_out_of_its_card() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    let mut list = "반,번호,이름\n".to_owned();
    for number in 1..=35 {
        let name = match number {
            7 => "마리아 알레한드라 곤살레스 페르난데스 데 라 크루스",
            8 => "Maximilian Alexander von Hohenzollern-Berg",
            _ => "김민준",
        };
        list.push_str(&format!("5-1,{number},{}\n", name.chars().take(40).collect::<String>()));
    }
    let preview = teacher.preview_roster("a.csv", Some(2026), list.clone()).await.expect("a preview");
    teacher.import_roster("a.csv", Some(2026), &preview.digest, false, list).await.expect("imported");
    let began = std::time::Instant::now();
    let pdf = teacher.make_cards(hub.class, &wanted(vec![], true)).await.expect("cards");
    assert!(began.elapsed() < std::time::Duration::from_secs(30), "{:?}", began.elapsed());
    if let Some(words) = words(&pdf) {
        assert_eq!(words.matches('\u{c}').count(), 5, "35 cards on five pages");
    }
    if let Some(folder) = std::env::var_os("DREAMSEED_KEEP_PDF") {
        std::fs::write(std::path::Path::new(&folder).join("cards.pdf"), &pdf).expect("written");
    }
}

#[tokio::test]
async fn a_class_without_pupils_is_told_as_that() {
    let hub = TestHub::start().await;
    let teacher = hub.teacher().await;
    for everyone in [false, true] {
        let refused = teacher.make_cards(hub.class, &wanted(vec![], everyone)).await.expect_err("no cards");
        let told = refused.problem().expect("a problem").clone();
        assert_eq!((told.status, told.detail.as_str()), (422, "There are no pupils in this class yet."));
    }
    let pupil = hub.add_pupil(hub.class, "민지").await;
    hub.set_pin(&[pupil], "481526").await;
    let refused = teacher.make_cards(hub.class, &wanted(vec![], false)).await.expect_err("no cards");
    assert_eq!(refused.problem().expect("a problem").detail, "Every pupil of this class has a PIN already.");
}
