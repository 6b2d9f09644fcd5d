//! The hub's messages to its admin, put into words when they are read.

use dreamseed_models::catalogue::Catalogue;
use dreamseed_wire::{
    Language,
    hub::{Notice, NoticeCode},
    ids::NoticeId,
};

use crate::{
    config::Config,
    hub::Ctx,
    store::{StoreError, notices},
    tutor_model::models_command,
};

/// The open notices in the reader's language.
pub async fn list(ctx: &Ctx, language: Language) -> Result<Vec<Notice>, StoreError> {
    let stored = ctx.store.read(notices::open).await?;
    Ok(stored
        .into_iter()
        .map(|notice| {
            let (text, next_step) = words(notice.code, &notice.data, language, &ctx.config);
            Notice { notice_id: notice.id, code: notice.code, text, next_step, created_at: notice.created_at }
        })
        .collect())
}

/// Takes a notice off the list; it is raised again if its cause is still there.
pub async fn dismiss(ctx: &Ctx, id: NoticeId) -> Result<bool, StoreError> {
    let now = ctx.clock.now();
    ctx.store.write(move |tx| notices::dismiss(tx, id, now)).await
}

/// Memory in GB (10^9 bytes) of the graphics card that this product is made for, an RTX 5090.
const CARD_GB: f64 = 32.0;

/// Which Korean model to bring, in Korean and English: the best for that card, and the one with the smallest needs. The
/// hub cannot know which card the school will run it on, so both say what they need.
fn recommended_models(catalogue: &Catalogue) -> (String, String) {
    let (Some(best), Some(small)) = (catalogue.best_korean_fit(CARD_GB), catalogue.smallest_korean()) else {
        return (String::new(), String::new());
    };
    let (best, small, small_gb) = (&best.id, &small.id, small.vram_gb);
    (
        format!(
            "추천: RTX 5090({CARD_GB} GB)이면 {best}, {small_gb} GB 그래픽 카드면 {small}. 그래픽 카드가 없으면 한국어 모델은 느려요."
        ),
        format!(
            "Recommended: {best} for an RTX 5090 ({CARD_GB} GB), {small} for a graphics card of {small_gb} GB; without a graphics card a Korean model is slow."
        ),
    )
}

/// Single rows that the disk damaged: how many, and whether a backup brought them back.
fn describe_damage(data: &serde_json::Value) -> ((&'static str, String), (&'static str, String)) {
    let count = |what| data.get(what).and_then(serde_json::Value::as_u64).unwrap_or(0);
    let (mended, left) = (count("mended"), count("answers") + count("rows"));
    let next_ko = "이번 주 안에 `sudo -u dreamseed dreamseed-hub doctor`로 디스크를 확인하고, docs/recovery.md를 따라 다른 디스크로 옮기세요.";
    let next_en = "Check the disk this week with `sudo -u dreamseed dreamseed-hub doctor`, and move to another one as docs/recovery.md says.";
    match (mended, left) {
        (0, _) => (
            (
                "디스크에서 기록의 일부가 손상되었습니다. 수업은 나머지 기록으로 그대로 할 수 있습니다. 백업으로 바꾸지 않았습니다.",
                format!("손상된 곳은 {left}곳입니다. {next_ko}"),
            ),
            (
                "Parts of the record were damaged on the disk. Lessons go on with all the rest; it was not replaced by a backup.",
                format!("{left} in number. {next_en}"),
            ),
        ),
        (_, 0) => (
            (
                "디스크에서 기록의 일부가 손상되었지만, 그 값만 최근 백업에서 되찾았습니다. 그 뒤의 기록은 그대로입니다.",
                format!("되찾은 값은 {mended}개입니다. {next_ko}"),
            ),
            (
                "Parts of the record were damaged on the disk; just those values were brought back from the newest backup. All later records are untouched.",
                format!("{mended} in number. {next_en}"),
            ),
        ),
        (_, _) => (
            (
                "디스크에서 기록의 일부가 손상되어, 그 가운데 백업에 있는 값을 되찾았습니다. 그 뒤의 기록은 그대로입니다.",
                format!(
                    "되찾은 값은 {mended}개, 백업에도 없어 손상된 채로 있는 곳은 {left}곳입니다. {next_ko}"
                ),
            ),
            (
                "Parts of the record were damaged on the disk; the values that a backup has were brought back. All later records are untouched.",
                format!("{mended} were brought back; {left} are in no backup and stay damaged. {next_en}"),
            ),
        ),
    }
}

/// Of when a copy is that took the database's place, and how far its record goes; nothing where that is not known.
fn describe_copy(data: &serde_json::Value, language: Language, config: &Config) -> String {
    let number = |field| data.get(field).and_then(serde_json::Value::as_i64);
    let taken = data.get("snapshot_at").and_then(serde_json::Value::as_str);
    let taken: Option<jiff::Timestamp> = taken.and_then(|at| at.parse().ok());
    let (Some(taken), Some(seq)) = (taken, number("hub_seq")) else { return String::new() };
    let zone = jiff::tz::TimeZone::get(&config.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let taken = taken.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string();
    match (number("shown_seq"), language) {
        (Some(shown), Language::Ko) => {
            format!(
                "백업은 {taken}의 것이고 기록은 {seq}번까지 있습니다. 손상되기 전에는 {shown}번까지 있었습니다. "
            )
        }
        (Some(shown), Language::En) => {
            format!(
                "The backup is of {taken}, with the record up to no. {seq}; before the damage it went up to no. {shown}. "
            )
        }
        (None, Language::Ko) => format!("백업은 {taken}의 것이고 기록은 {seq}번까지 있습니다. "),
        (None, Language::En) => format!("The backup is of {taken}, with the record up to no. {seq}. "),
    }
}

/// Names in a notice's data, such as those of targets.
fn names_of(data: &serde_json::Value, field: &str) -> String {
    let names = data.get(field).and_then(serde_json::Value::as_array).into_iter().flatten();
    names.filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", ")
}

fn words(
    code: NoticeCode,
    data: &serde_json::Value,
    language: Language,
    config: &Config,
) -> (String, String) {
    let lacks_english = data.get("language").and_then(serde_json::Value::as_str) == Some(Language::En.code());
    let (recommended_ko, recommended_en) = recommended_models(&Catalogue::built_in());
    let fetch = models_command(config, "fetch");
    let (add_ko, add_en) = (models_command(config, "add 파일"), models_command(config, "add FILE"));
    let (ko, en): ((&str, String), (&str, String)) = match code {
        NoticeCode::ModelLanguage if lacks_english => (
            (
                "설치된 AI 모델이 영어를 하지 못해서, 영어로 공부하는 반은 준비된 도움말만 받고 있어요.",
                format!("`{fetch}`로 영어 모델을 받거나 두 언어를 하는 모델을 설치하세요."),
            ),
            (
                "The installed AI model does not speak English, so pupils of English classes get the authored hints only.",
                format!("Fetch the English starter model with `{fetch}`, or install a model that speaks both."),
            ),
        ),
        NoticeCode::ModelLanguage => (
            (
                "설치된 AI 모델이 한국어를 하지 못해서, 한국어 반 학생은 준비된 도움말만 받고 있어요.",
                format!("한국어 모델을 USB에 담아 와서 `{add_ko}`로 설치하세요. {recommended_ko}"),
            ),
            (
                "The installed AI model does not speak Korean, so pupils of Korean classes get the authored hints only.",
                format!("Bring a Korean model on a USB stick and install it with `{add_en}`. {recommended_en}"),
            ),
        ),
        NoticeCode::NoModel => (
            (
                "AI 모델이 없어서 학생들은 준비된 도움말만 받고 있어요.",
                format!("`{fetch}`로 기본 모델을 받거나 `{add_ko}`로 설치하세요."),
            ),
            (
                "No AI model is installed, so pupils get the authored hints only.",
                format!("Fetch the starter model with `{fetch}`, or install one with `{add_en}`."),
            ),
        ),
        NoticeCode::EngineResting => (
            (
                "AI가 여러 번 멈춰서 쉬고 있어요. 답과 채점은 그대로 되고, 학생들은 준비된 도움말을 받아요.",
                "1분 뒤 저절로 다시 시작해요. 계속되면 로그의 engine 줄을 확인하세요.".into(),
            ),
            (
                "The AI stopped several times and is resting. Answers and grades go on; pupils get the authored hints.",
                "It starts again by itself after a minute. If this goes on, look at the engine's lines in the log.".into(),
            ),
        ),
        NoticeCode::ClockSetBack => (
            (
                "허브의 시계가 뒤로 갔어요. 답은 순서대로 저장되지만 날짜가 틀릴 수 있어요.",
                "컴퓨터의 날짜와 시각을 맞춘 뒤 허브를 다시 시작하세요.".into(),
            ),
            (
                "The hub's clock was set back. Answers are kept in order, but their dates may be wrong.",
                "Set the computer's date and time, then restart the hub.".into(),
            ),
        ),
        NoticeCode::DiskLow => (
            ("허브의 디스크가 거의 찼어요. 다 차면 새 답을 저장할 수 없어요.", "필요 없는 파일을 지우거나 디스크를 늘리세요.".into()),
            (
                "The hub's disk is nearly full. When it is full, new answers cannot be kept.",
                "Delete files that are not needed or add a disk.".into(),
            ),
        ),
        NoticeCode::TokenReuse => (
            (
                "한 로그인이 두 곳에서 쓰여서 끝냈어요. 누군가 로그인 정보를 복사했을 수 있어요.",
                "그 사람의 비밀번호를 바꾸고, 감사 기록에서 언제 어디서였는지 확인하세요.".into(),
            ),
            (
                "A sign-in was used in two places and has been ended. Somebody may have copied it.",
                "Change that person's password, and see in the audit log when and from where.".into(),
            ),
        ),
        NoticeCode::NotAnnounced => (
            (
                "교실에서 허브를 이름으로 찾을 수 없어요. 주소를 직접 입력하면 그대로 쓸 수 있어요.",
                "관리 화면의 점검에서 네트워크 줄을 확인하세요. 방화벽이 UDP 5353을 막는 경우가 많아요.".into(),
            ),
            (
                "The hub cannot be found by its name on the network. Typing its address still works.",
                "Look at the network lines of the check-up; often a firewall blocks UDP port 5353.".into(),
            ),
        ),
        NoticeCode::AuditBroken => (
            (
                "감사 기록이 서로 이어지지 않아요. 누군가 데이터베이스를 직접 고쳤거나 디스크가 손상되었을 수 있어요.",
                "hub.db를 복사해 두고, 백업의 감사 기록과 비교하세요.".into(),
            ),
            (
                "The audit log does not fit its own chain. Somebody may have changed the database, or the disk is damaged.",
                "Put a copy of hub.db aside and compare it with the audit log of a backup.".into(),
            ),
        ),
        NoticeCode::RetentionFailed => (
            (
                "보관 기간이 지난 자료를 지우지 못했어요. 수업에는 영향이 없어요.",
                "디스크를 확인한 뒤 보관 화면에서 다시 실행하세요.".into(),
            ),
            (
                "Data past its time could not be removed. Lessons are not affected.",
                "Check the disk, then run it again from the retention page.".into(),
            ),
        ),
        NoticeCode::BackupFailing => {
            let names = names_of(data, "targets");
            (
                (
                    "백업이 너무 오래 성공하지 못했어요. 수업은 그대로 되지만, 지금 디스크가 고장 나면 마지막 백업 뒤의 답을 잃을 수 있어요.",
                    format!("백업 화면에서 저장 위치({names})의 줄에 적힌 대로 하세요."),
                ),
                (
                    "No backup has worked for too long. Lessons go on, but if the disk failed now, the answers since the last backup could be lost.",
                    format!("On the page of backups, do what the line of the target says ({names})."),
                ),
            )
        }
        NoticeCode::TwoHubs => {
            let names = names_of(data, "targets");
            (
                (
                    "이 허브와 같은 이름표를 가진 다른 컴퓨터가 같은 곳에 백업하고 있어요. 학생들의 답이 두 곳에 나뉘어 저장될 수 있어요. 백업은 계속하고, 오래된 백업도 지우지 않아요.",
                    format!("두 컴퓨터 가운데 수업에 쓰지 않는 허브를 끄세요(저장 위치: {names})."),
                ),
                (
                    "Another machine with this hub's identity backs up to the same place; pupils' answers may be kept on two machines. Backups go on, and no old one is removed.",
                    format!("Switch off the one of the two hubs that lessons do not use (target: {names})."),
                ),
            )
        }
        NoticeCode::RecordDamaged => describe_damage(data),
        NoticeCode::LedgersUnseen => {
            let names = names_of(data, "targets");
            (
                (
                    "되살릴 때 읽지 못한 저장 위치가 있어요. 지운 학생, 철회한 동의, 취소한 기기 가운데 그곳에만 적힌 것은 아직 다시 적용되지 않았어요.",
                    format!(
                        "저장 위치({names})를 연결하세요. 백업 화면에 없으면 같은 이름으로 추가하세요. 다음 백업 때 저절로 읽어 적용해요."
                    ),
                ),
                (
                    "Some targets could not be read at the restore. Erasures of pupils, withdrawn consents and revoked devices that only they tell of have not been applied again yet.",
                    format!(
                        "Connect the target ({names}); if it is not on the page of backups, add it there under the same name. The next backup reads it and applies them."
                    ),
                ),
            )
        }
        NoticeCode::SheetMissing => (
            (
                "복구 안내문을 아직 보관하지 않았어요. 이 컴퓨터가 없어지면 안내문 없이는 백업을 열 수 없어요.",
                "백업 화면에서 복구 안내문을 인쇄해 금고나 교무실에 두고, '보관했어요'를 누르세요.".into(),
            ),
            (
                "The recovery sheet has not been put away. If this computer is lost, no backup can be opened without it.",
                "Print the sheet from the page of backups, put it into a safe, then press 'Put away'.".into(),
            ),
        ),
        NoticeCode::RecordPutBack => (
            (
                "허브의 기록이 이전 상태로 돌아간 것을 알고 새 구간을 시작했습니다. 모두 다시 로그인해야 합니다. 기기에 남아 있는 답은 저절로 다시 옵니다.",
                "백업 화면의 '되살린 뒤 달라진 것'에서 PIN과 기기를 확인하세요. 아무도 되살리지 않았다면 docs/recovery.md의 '기록이 돌아갔을 때'를 따르세요.".into(),
            ),
            (
                "The hub's record was put back to an earlier state, and a new stretch of it has begun. Everybody signs in again; answers that devices still hold come back by themselves.",
                "Look at PINs and devices under \u{201c}since the restore\u{201d} on the backup page. If nobody restored anything, follow \u{201c}the record was put back\u{201d} in docs/recovery.md.".into(),
            ),
        ),
        NoticeCode::DatabaseReplaced => (
            (
                "데이터베이스가 손상되어 확인된 백업으로 바꾸었습니다. 손상된 파일은 데이터 폴더의 damaged- 폴더에 그대로 있습니다. 모두 다시 로그인해야 하고, 기기에 남아 있는 답은 저절로 다시 옵니다.",
                describe_copy(data, Language::Ko, config) + "`sudo -u dreamseed dreamseed-hub doctor`로 디스크를 확인하세요. 디스크에 오류가 있으면 docs/recovery.md를 따라 다른 디스크로 옮기세요.",
            ),
            (
                "The database was damaged and has been replaced by a verified backup. The damaged files are kept in a damaged- folder of the data folder. Everybody signs in again; answers that devices still hold come back by themselves.",
                describe_copy(data, Language::En, config)
                    + "Check the disk with `sudo -u dreamseed dreamseed-hub doctor`. If it shows errors, move to another disk as docs/recovery.md says.",
            ),
        ),
        NoticeCode::StarterKept => {
            let count = data.get("problems").and_then(serde_json::Value::as_array).map_or(0, Vec::len);
            (
                (
                    "기본 문제 가운데 학교에서 고친 것은 새 판으로 바꾸지 않고 그대로 두었어요.",
                    format!("문제 {count}개예요. 새 판을 쓰려면 문제 화면에서 직접 고치세요."),
                ),
                (
                    "Starter problems that the school has changed were kept; the new editions were not loaded over them.",
                    format!("{count} in number. To use a new edition, change the problem yourself in the list of problems."),
                ),
            )
        }
    };
    let (text, next) = match language {
        Language::Ko => ko,
        Language::En => en,
    };
    (text.to_owned(), next)
}
