//! Letters to parents: one page each, with a code that makes an account and what to do with it.

use dreamseed_wire::Language;

use super::{
    PrintError,
    sheet::{GREY, HEIGHT, INK, Sheet, Sheets, WIDTH, Weight},
};

const MARGIN: f32 = 64.0;

/// What stands in one letter.
pub struct Letter {
    pub number: u16,
    pub pupil: String,
    /// As people read it: `K7RM-2QXW-9BCD`.
    pub code: String,
}

/// What all letters of a class have.
pub struct LetterClass {
    pub school: String,
    pub class: String,
    /// What is typed into a browser.
    pub address: String,
    /// The last day on which the codes work, `YYYY-MM-DD`.
    pub until: String,
    pub language: Language,
}

/// The letters as PDF.
pub fn print(class: &LetterClass, letters: &[Letter]) -> Result<Vec<u8>, PrintError> {
    let words = Words::of(class.language);
    let mut sheets = Sheets::new(&format!("{} {}", class.class, words.title), class.language)?;
    for letter in letters {
        sheets.add_page(|sheet| {
            draw(sheet, class, &words, letter);
            Ok(())
        })?;
    }
    sheets.finish()
}

fn draw(sheet: &mut Sheet<'_, '_>, class: &LetterClass, words: &Words, letter: &Letter) {
    let width = WIDTH - 2.0 * MARGIN;
    let body = (Weight::Regular, 11.5);
    sheet.write_within((MARGIN, 80.0), (Weight::Regular, 11.0), GREY, &class.school, width);
    let mut y = sheet.write_lines((MARGIN, 118.0), (Weight::Bold, 22.0), INK, words.title, width);
    let whose = match class.language {
        Language::Ko => format!("{} {}번 {} 학생의 보호자께", class.class, letter.number, letter.pupil),
        Language::En => {
            format!("To the parents of {} ({}, no. {})", letter.pupil, class.class, letter.number)
        }
    };
    y = sheet.write_lines((MARGIN, y + 4.0), (Weight::Bold, 13.0), INK, &whose, width) + 10.0;
    for paragraph in words.what {
        y = sheet.write_lines((MARGIN, y), body, INK, paragraph, width) + 6.0;
    }
    y += 12.0;
    sheet.draw_rule((MARGIN, y), (WIDTH - MARGIN, y));
    sheet.write((MARGIN, y + 26.0), (Weight::Regular, 10.0), GREY, words.code);
    sheet.write((MARGIN, y + 58.0), (Weight::Bold, 28.0), INK, &letter.code);
    let until = words.until.replace("{}", &class.until);
    sheet.write_within((MARGIN, y + 82.0), (Weight::Regular, 10.0), GREY, &until, width);
    sheet.draw_rule((MARGIN, y + 100.0), (WIDTH - MARGIN, y + 100.0));
    y += 130.0;
    sheet.write((MARGIN, y), (Weight::Bold, 13.0), INK, words.steps_title);
    y += 24.0;
    for (number, step) in words.steps.iter().enumerate() {
        sheet.write((MARGIN, y), (Weight::Bold, 11.5), INK, &format!("{}.", number + 1));
        let step = step.replace("{}", &class.address);
        y = sheet.write_lines((MARGIN + 20.0, y), body, INK, &step, width - 20.0) + 6.0;
    }
    y += 14.0;
    for paragraph in words.care {
        y = sheet.write_lines((MARGIN, y), (Weight::Regular, 10.0), GREY, paragraph, width) + 4.0;
    }
    sheet.write_within((MARGIN, HEIGHT - 60.0), (Weight::Regular, 9.0), GREY, words.foot, width);
}

struct Words {
    title: &'static str,
    what: [&'static str; 2],
    code: &'static str,
    until: &'static str,
    steps_title: &'static str,
    steps: [&'static str; 4],
    care: [&'static str; 2],
    foot: &'static str,
}

impl Words {
    fn of(language: Language) -> Self {
        match language {
            Language::Ko => Words {
                title: "드림시드 보호자 계정 안내",
                what: [
                    "우리 학교는 수학 학습에 드림시드를 사용합니다. 학생의 답과 학습 기록은 학교 안의 컴퓨터에만 저장됩니다.",
                    "아래 코드로 보호자 계정을 만들면 자녀의 학습 상황을 볼 수 있습니다.",
                ],
                code: "보호자 코드",
                until: "{}까지 한 번 사용할 수 있습니다.",
                steps_title: "계정 만들기",
                steps: [
                    "학교에서 안내한 기기로 {} 에 접속합니다.",
                    "‘선생님 · 보호자’를 누르고 ‘보호자 계정 만들기’를 선택합니다.",
                    "코드와 이름, 아이디, 비밀번호(12자 이상)를 입력합니다.",
                    "동의 항목을 읽고 동의하는 것에만 표시합니다. 동의는 언제든지 거둘 수 있습니다.",
                ],
                care: [
                    "이미 계정이 있으면 로그인한 뒤 ‘자녀 추가’에 코드를 입력합니다.",
                    "코드는 다른 사람에게 알리지 않습니다. 잃어버리면 담임 선생님께 새 코드를 요청합니다.",
                ],
                foot: "이 안내문은 계정을 만든 뒤 폐기해 주시기 바랍니다.",
            },
            Language::En => Words {
                title: "Your DreamSeed parent account",
                what: [
                    "Our school learns mathematics with DreamSeed. Pupils' answers and progress are kept on a computer inside the school and nowhere else.",
                    "With the code below you make an account and can see how your child is doing.",
                ],
                code: "Parent code",
                until: "Can be used once, until {}.",
                steps_title: "How to make the account",
                steps: [
                    "On a device that the school has named, open {}.",
                    "Choose Teacher or parent, then Make a parent account.",
                    "Enter the code, your name, a sign-in name and a password of at least 12 characters.",
                    "Read what you are asked to agree to and tick only what you agree to. You can withdraw it at any time.",
                ],
                care: [
                    "If you have an account already, sign in and enter the code under Add a child.",
                    "Keep the code to yourself. If it is lost, ask the class teacher for a new one.",
                ],
                foot: "Please destroy this letter once the account is made.",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who holds the letter looks for these words on the screen.
    #[test]
    fn the_letter_has_the_words_of_the_screen() {
        let texts = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/i18n");
        for (language, file) in [(Language::Ko, "ko.ts"), (Language::En, "en.ts")] {
            let screen = std::fs::read_to_string(texts.join(file)).expect("the screen's words");
            let words = Words::of(language);
            let said = [words.steps.as_slice(), &words.care].concat().join("\n");
            for key in ["signin.adult", "join.title", "children.add", "signin.login_name"] {
                let line = screen.lines().find_map(|line| line.trim().strip_prefix(&format!("'{key}': ")));
                let shown = line.expect(key).trim_matches([',', '\'']);
                assert!(said.to_lowercase().contains(&shown.to_lowercase()), "{file}: {shown}");
            }
        }
    }
}
