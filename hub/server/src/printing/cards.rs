//! Cards with which pupils sign in: eight on a page, to be cut apart.

use dreamseed_wire::Language;

use super::{
    PrintError,
    sheet::{GREY, HEIGHT, INK, Sheet, Sheets, WIDTH, Weight},
};

const COLUMNS: usize = 2;
const ROWS: usize = 4;
const MARGIN: f32 = 28.0;
const PADDING: f32 = 14.0;
const QR: f32 = 104.0;

/// What stands on a card.
pub struct Card {
    pub number: u16,
    pub name: String,
    /// Six digits.
    pub pin: String,
    /// The address behind the QR code.
    pub link: String,
}

/// What all cards of a class have.
pub struct CardClass {
    pub name: String,
    /// As people read it: `K7RM-2QXW`.
    pub code: String,
    /// What is typed into a browser: `dreamseed.local:7420`.
    pub address: String,
    pub language: Language,
}

/// The cards as PDF.
pub fn print(class: &CardClass, cards: &[Card]) -> Result<Vec<u8>, PrintError> {
    let title = match class.language {
        Language::Ko => format!("{} 로그인 카드", class.name),
        Language::En => format!("{} sign-in cards", class.name),
    };
    let mut sheets = Sheets::new(&title, class.language)?;
    for page in cards.chunks(COLUMNS * ROWS) {
        sheets.add_page(|sheet| {
            draw_cuts(sheet);
            page.iter().enumerate().try_for_each(|(place, card)| draw_card(sheet, place, class, card))
        })?;
    }
    sheets.finish()
}

fn draw_cuts(sheet: &mut Sheet<'_, '_>) {
    let (width, height) = size();
    for column in 0..=COLUMNS {
        let x = MARGIN + column as f32 * width;
        sheet.draw_cut((x, MARGIN), (x, HEIGHT - MARGIN));
    }
    for row in 0..=ROWS {
        let y = MARGIN + row as f32 * height;
        sheet.draw_cut((MARGIN, y), (WIDTH - MARGIN, y));
    }
}

fn draw_card(
    sheet: &mut Sheet<'_, '_>,
    place: usize,
    class: &CardClass,
    card: &Card,
) -> Result<(), PrintError> {
    let (width, height) = size();
    let left = MARGIN + (place % COLUMNS) as f32 * width + PADDING;
    let top = MARGIN + (place / COLUMNS) as f32 * height + PADDING;
    let inner = width - 2.0 * PADDING;
    let beside_qr = inner - QR - 8.0;
    let words = Words::of(class.language);
    let (small, label) = ((Weight::Regular, 9.5), (Weight::Regular, 8.5));
    let head = match class.language {
        Language::Ko => format!("{} {}번", class.name, card.number),
        Language::En => format!("{} · no. {}", class.name, card.number),
    };
    sheet.write_within((left, top + 8.0), small, GREY, &head, beside_qr);
    // A long name goes over up to three lines instead of shrinking until nobody can read it.
    if sheet.measure((Weight::Bold, 21.0), &card.name) <= beside_qr * 1.4 {
        sheet.write_within((left, top + 36.0), (Weight::Bold, 21.0), INK, &card.name, beside_qr);
    } else {
        sheet.write_lines((left, top + 23.0), (Weight::Bold, 10.0), INK, &card.name, beside_qr);
    }
    sheet.write((left, top + 62.0), label, GREY, words.pin);
    let pin = format!("{} {}", card.pin.get(..3).unwrap_or_default(), card.pin.get(3..).unwrap_or_default());
    sheet.write((left, top + 84.0), (Weight::Bold, 20.0), INK, &pin);
    sheet.draw_qr((left + inner - QR + 6.0, top - 6.0), QR, &card.link)?;
    sheet.write((left, top + 110.0), label, GREY, words.class_code);
    sheet.write((left, top + 126.0), (Weight::Bold, 13.0), INK, &class.code);
    sheet.write((left + 110.0, top + 110.0), label, GREY, words.address);
    sheet.write_within((left + 110.0, top + 126.0), (Weight::Bold, 13.0), INK, &class.address, inner - 110.0);
    sheet.write_lines((left, top + 150.0), (Weight::Regular, 8.0), GREY, words.care, inner);
    Ok(())
}

fn size() -> (f32, f32) {
    ((WIDTH - 2.0 * MARGIN) / COLUMNS as f32, (HEIGHT - 2.0 * MARGIN) / ROWS as f32)
}

struct Words {
    pin: &'static str,
    class_code: &'static str,
    address: &'static str,
    care: &'static str,
}

impl Words {
    fn of(language: Language) -> Self {
        match language {
            Language::Ko => Words {
                pin: "비밀번호",
                class_code: "반 코드",
                address: "주소",
                care: "QR 코드를 찍으면 바로 들어가요. 이 카드는 나만 써요. 잃어버리면 선생님께 말해요.",
            },
            Language::En => Words {
                pin: "My PIN",
                class_code: "Class code",
                address: "Address",
                care: "Scan the QR code to go straight in. This card is yours alone. If you lose it, tell your teacher.",
            },
        }
    }
}
