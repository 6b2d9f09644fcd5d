//! The recovery sheet: everything that is needed to restore the hub on an empty machine, in Korean and English on one page.

use dreamseed_wire::Language;

use super::{
    PrintError,
    sheet::{GREY, HEIGHT, INK, Sheet, Sheets, WIDTH, Weight},
};

const MARGIN: f32 = 44.0;
const INNER: f32 = WIDTH - 2.0 * MARGIN;
const QR: f32 = 172.0;
const COLUMNS: usize = 3;
/// Points that targets may take on the first page, where the steps stand below them, and on a further one.
const ON_FIRST: f32 = 205.0;
const ON_NEXT: f32 = 700.0;
/// Names and values begin here; what is in front of them says what they are.
const INDENT: f32 = 98.0;
const LABEL: f32 = 62.0;
const ROW: f32 = 14.0;
const NOTE: (Weight, f32) = (Weight::Regular, 8.0);
const VALUE: (Weight, f32) = (Weight::Regular, 9.5);
/// A value with more characters stands in a row of its own: a key must be legible.
const LONG: usize = 30;

/// What stands on the sheet.
pub struct RecoverySheet {
    pub school: String,
    pub hub_id: String,
    /// `YYYY-MM-DD`.
    pub made_on: String,
    /// Version of the hub.
    pub version: String,
    pub words: Vec<String>,
    pub targets: Vec<SheetTarget>,
    /// What the QR code holds.
    pub code: String,
    /// Names of targets for which the code has no room.
    pub left_out: Vec<String>,
}

/// A target on the sheet.
pub struct SheetTarget {
    pub name: String,
    /// Lines such as `폴더 folder` and its path.
    pub lines: Vec<(&'static str, String)>,
    /// Instead of a key, where to find one: Korean and English.
    pub note: Option<(&'static str, &'static str)>,
}

/// The sheet as PDF.
///
/// # Errors
/// A font or code that cannot be drawn.
pub fn print(content: &RecoverySheet) -> Result<Vec<u8>, PrintError> {
    let mut sheets = Sheets::new("드림시드 복구 안내문 · DreamSeed recovery sheet", Language::Ko)?;
    let (first, mut left) = split(&content.targets, ON_FIRST);
    sheets.add_page(|sheet| {
        let y = draw_head(sheet, content);
        let y = draw_words(sheet, y, content)?;
        let y = draw_targets(sheet, y, first);
        draw_steps(sheet, y);
        Ok(())
    })?;
    while !left.is_empty() {
        let (targets, next) = split(left, ON_NEXT);
        left = next;
        sheets.add_page(|sheet| {
            sheet.write(
                (MARGIN, 56.0),
                (Weight::Bold, 15.0),
                INK,
                "복구 안내문 · 다음 장 · Recovery sheet, next page",
            );
            draw_targets(sheet, 84.0, targets);
            Ok(())
        })?;
    }
    sheets.finish()
}

fn draw_head(sheet: &mut Sheet<'_, '_>, content: &RecoverySheet) -> f32 {
    sheet.write((MARGIN, 60.0), (Weight::Bold, 24.0), INK, "복구 안내문");
    sheet.write((MARGIN + 138.0, 60.0), (Weight::Regular, 14.0), GREY, "Recovery sheet");
    sheet.write_within((MARGIN, 84.0), (Weight::Bold, 13.0), INK, &content.school, INNER);
    let about = format!(
        "{}  ·  허브 hub {}  ·  드림시드 DreamSeed {}",
        content.made_on, content.hub_id, content.version
    );
    sheet.write_within((MARGIN, 101.0), (Weight::Regular, 9.0), GREY, &about, INNER);
    let small = (Weight::Regular, 9.0);
    let mut y = 122.0;
    for text in [
        "이 종이만 있으면 빈 컴퓨터가 우리 학교의 허브로 돌아옵니다. 이 종이를 가진 사람은 백업에 있는 모든 것을 읽을 수 있습니다. \
         학교 금고에 넣고, 사진을 찍거나 복사하지 마세요. 잃어버렸으면 docs/secrets의 차례대로 하고 새로 인쇄하세요.",
        "With this paper alone an empty computer becomes this school's hub again. Whoever has it can read everything in the backups. \
         Put it into the school's safe; no photos, no copies. If it is lost, follow docs/secrets and print a new one.",
    ] {
        y = sheet.write_lines((MARGIN, y), small, INK, text, INNER);
    }
    sheet.draw_rule((MARGIN, y - 2.0), (WIDTH - MARGIN, y - 2.0));
    y + 16.0
}

/// The words in three columns, with the code beside them; where the next part stands.
fn draw_words(sheet: &mut Sheet<'_, '_>, y: f32, content: &RecoverySheet) -> Result<f32, PrintError> {
    draw_title(sheet, y, "1. 백업을 여는 낱말", "The words that open the backups");
    let column = (INNER - QR - 8.0) / COLUMNS as f32;
    for (at, word) in content.words.iter().enumerate() {
        let left = MARGIN + (at % COLUMNS) as f32 * column;
        let base = y + 32.0 + (at / COLUMNS) as f32 * 30.0;
        sheet.write((left, base), (Weight::Regular, 10.0), GREY, &format!("{}.", at + 1));
        sheet.write_within((left + 19.0, base), (Weight::Bold, 16.0), INK, word, column - 23.0);
    }
    let (small, beside) = ((Weight::Regular, 8.0), INNER - QR - 16.0);
    let mut line = y + 148.0;
    for text in [
        "왼쪽에서 오른쪽으로, 차례대로 읽습니다. 대문자와 띄어쓰기는 상관없습니다.",
        "Read from left to right, row by row. Capitals and spaces do not matter.",
    ] {
        line = sheet.write_lines((MARGIN, line), small, GREY, text, beside);
    }
    let (left, top) = (WIDTH - MARGIN - QR + 8.0, y - 14.0);
    sheet.draw_qr((left, top), QR, &content.code)?;
    let caption = if content.left_out.is_empty() {
        "QR: 이 종이의 모든 것 · everything on this sheet".to_owned()
    } else {
        format!("QR: {} 빼고 모두 · all but {0}", content.left_out.join(", "))
    };
    sheet.write_within((left + 14.0, top + QR + 2.0), small, GREY, &caption, QR - 28.0);
    Ok(y + 182.0)
}

fn draw_targets(sheet: &mut Sheet<'_, '_>, mut y: f32, targets: &[SheetTarget]) -> f32 {
    draw_title(sheet, y, "2. 저장 위치", "Where the backups are");
    y += 20.0;
    for target in targets {
        let name = (Weight::Bold, 11.0);
        sheet.write_within((MARGIN, y), name, INK, &target.name, INNER);
        if is_wide(&target.name) {
            y += ROW;
        }
        for row in rows(&target.lines) {
            let width = (INNER - INDENT) / row.len().max(1) as f32;
            for (at, (label, value)) in row.iter().enumerate() {
                let left = MARGIN + INDENT + at as f32 * width;
                sheet.write((left, y), NOTE, GREY, label);
                sheet.write_within((left + LABEL, y), VALUE, INK, value, width - LABEL - 6.0);
            }
            y += ROW;
        }
        for text in target.note.iter().flat_map(|(ko, en)| [ko, en]) {
            y = sheet.write_lines((MARGIN + INDENT, y), NOTE, INK, text, INNER - INDENT);
        }
        y += 5.0;
    }
    y + 10.0
}

/// Two short values stand beside each other.
fn rows<'a>(lines: &'a [(&'static str, String)]) -> Vec<&'a [(&'static str, String)]> {
    let mut rows = Vec::new();
    let mut left = lines;
    while !left.is_empty() {
        let is_pair = left.len() > 1 && left.iter().take(2).all(|(_, value)| value.chars().count() <= LONG);
        let (row, next) = left.split_at(if is_pair { 2 } else { 1 });
        rows.push(row);
        left = next;
    }
    rows
}

/// The targets that fit into a height, at least one, and the others.
fn split(targets: &[SheetTarget], height: f32) -> (&[SheetTarget], &[SheetTarget]) {
    let mut used = 0.0;
    let fitting = targets.iter().take_while(|target| {
        // A note takes up to four lines.
        let notes = if target.note.is_some() { 4.0 * NOTE.1 * 1.6 } else { 0.0 };
        let name = if is_wide(&target.name) { ROW } else { 0.0 };
        used += name + rows(&target.lines).len() as f32 * ROW + notes + 5.0;
        used <= height
    });
    let count = fitting.count().max(1).min(targets.len());
    targets.split_at(count)
}

/// Whether a name does not fit beside its place.
fn is_wide(name: &str) -> bool {
    name.chars().count() > 14
}

fn draw_steps(sheet: &mut Sheet<'_, '_>, mut y: f32) {
    draw_title(sheet, y, "3. 빈 컴퓨터를 허브로", "From an empty computer to the hub");
    y += 20.0;
    let (said, typed) = ((Weight::Regular, 9.0), (Weight::Bold, 9.5));
    let hub = "sudo -u dreamseed dreamseed-hub --config /etc/dreamseed/hub.toml";
    for (ko, en, commands) in [
        (
            "데비안 12에 패키지를 설치하고 허브를 멈춥니다.",
            "Install the package on Debian 12 and stop the hub.",
            vec!["sudo apt install ./dreamseed-hub_*_amd64.deb".to_owned(), "sudo systemctl stop dreamseed-hub".to_owned()],
        ),
        (
            "휴대전화로 QR을 읽어 나온 글자를 /tmp/sheet.txt로 옮기고 되살립니다. QR을 읽을 수 없으면 아래 줄처럼 직접 적습니다.",
            "Scan the QR code, bring its text to /tmp/sheet.txt and restore. Without a scanner type it as in the other lines.",
            vec![
                format!("{hub} backup restore --sheet /tmp/sheet.txt"),
                "… backup restore --folder PATH --words \"…\"".to_owned(),
                "… backup restore --s3 ENDPOINT --region REGION --bucket BUCKET --prefix PREFIX --key-id ID --secret SECRET --words \"…\"".to_owned(),
            ],
        ),
        (
            "허브를 켭니다. 모두 다시 로그인합니다. 글자를 옮긴 파일은 지웁니다.",
            "Start the hub. Everybody signs in again. Remove the file with the text.",
            vec!["sudo systemctl start dreamseed-hub".to_owned(), "shred -u /tmp/sheet.txt".to_owned()],
        ),
    ] {
        y = sheet.write_lines((MARGIN, y), said, INK, ko, INNER);
        y = sheet.write_lines((MARGIN, y - 1.5), said, GREY, en, INNER);
        for command in commands {
            sheet.write_within((MARGIN + 14.0, y), typed, INK, &command, INNER - 14.0);
            y += 14.0;
        }
        y += 5.0;
    }
    let more = "다른 날로 되살리기 · another day: --night 2026-11-20      보기만 · look only: --look FOLDER      docs/recovery";
    sheet.write_within((MARGIN, y.min(HEIGHT - 30.0)), (Weight::Regular, 8.5), GREY, more, INNER);
}

fn draw_title(sheet: &mut Sheet<'_, '_>, y: f32, ko: &str, en: &str) {
    let style = (Weight::Bold, 12.0);
    sheet.write((MARGIN, y), style, INK, ko);
    let beside = MARGIN + sheet.measure(style, ko) + 8.0;
    sheet.write((beside, y), (Weight::Regular, 9.5), GREY, en);
}
