//! Names, codes and PINs of the demo school's people.

use std::collections::HashSet;

use dreamseed_wire::Language;

use super::random::Random;

/// A class of the demo school before it has ids.
pub struct ClassPlan {
    pub name: String,
    pub grade: u8,
    pub language: Language,
    pub code: String,
    /// The highest grade of the skills it works on; 7 is the first year of middle school.
    pub skills_to_grade: u8,
    pub lesson: &'static str,
    pub past_lesson: &'static str,
    /// Names, by number from 1.
    pub pupils: Vec<String>,
}

const CODE_ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// By how common they are in Korea, the commonest several times.
const SURNAMES: &[&str] = &[
    "김", "이", "박", "최", "정", "김", "이", "박", "강", "조", "윤", "장", "임", "김", "이", "한", "오",
    "서", "신", "권", "황", "안", "송", "류", "홍", "전", "고", "문", "손", "양", "배", "백", "허", "남",
    "심", "노", "하", "곽", "성", "차",
];

const GIVEN_NAMES: &[&str] = &[
    "민준", "서연", "도윤", "하은", "시우", "지유", "예준", "서윤", "주원", "지민", "하준", "채원", "지호",
    "수아", "준서", "지안", "건우", "다은", "우진", "예은", "선우", "소율", "현우", "아린", "유준", "나은",
    "정우", "하린", "승우", "유나", "시윤", "가은", "준혁", "윤서", "은우", "서아", "지환", "예린", "승현",
    "채은", "도현", "수빈", "태윤", "민서", "이안", "시은", "지훈", "연우", "재윤", "다인", "한결", "보민",
    "찬영", "규리", "성민", "예나", "민재", "소윤", "라온", "세아",
];

const ENGLISH_NAMES: &[&str] = &[
    "Emma Park",
    "Noah Kim",
    "Aisha Rahman",
    "Liam O'Brien",
    "Mei Tanaka",
    "Lucas Moreau",
    "Sofia Lee",
    "Daniel Cho",
    "Priya Sharma",
    "Ethan Choi",
    "Hannah Becker",
    "Omar Haddad",
    "Chloe Jung",
    "Minh Nguyen",
    "Grace Han",
    "Mateo Silva",
    "Olivia Yoon",
    "Ivan Petrov",
    "Zoe Lim",
    "Jacob Shin",
    "Amara Okafor",
    "Ryan Seo",
    "Elif Kaya",
    "Leo Hwang",
    "Nadia Karim",
    "Samuel Oh",
    "Yuna Kwon",
    "Theo Laurent",
    "Alice Moon",
    "Ben Carter",
];

const ADULT_NAMES: &[&str] = &[
    "지영", "성호", "은주", "정훈", "미경", "상우", "현정", "동현", "수진", "재석", "혜진", "영민", "선영",
    "태호", "윤경",
];

const TEACHERS: &[&str] = &["이수정", "박준호"];

/// Plans `count` classes with `pupils` pupils in all. The first three are those of the small demo school.
pub fn plan_classes(count: usize, pupils: usize, random: &mut Random) -> Vec<ClassPlan> {
    let mut codes = HashSet::new();
    let mut classes: Vec<ClassPlan> = Vec::with_capacity(count);
    for index in 0..count {
        // Pupils are spread evenly, the first classes taking what is left over.
        let size = pupils / count + usize::from(index < pupils % count);
        let room = index / 3 + 1;
        let (name, grade, language, skills_to_grade) = match index % 3 {
            0 => (format!("5학년 {room}반"), 5, Language::Ko, 6),
            1 => (format!("6학년 {}반", room + 1), 6, Language::Ko, 6),
            _ => (format!("Grade 6 English {}", letter(index / 3)), 6, Language::En, 7),
        };
        let elder = index.checked_sub(1).and_then(|before| classes.get(before));
        let names = match language {
            Language::Ko => korean_names(size, (index % 3 == 1).then_some(elder).flatten(), random),
            Language::En => english_names(size),
        };
        let (lesson, past_lesson) = match language {
            Language::Ko => ("오늘의 수학", "지난 두 주 복습"),
            Language::En => ("Today's maths", "The last two weeks"),
        };
        let code = loop {
            let code: String = (0..8).map(|_| char::from(*random.pick(CODE_ALPHABET))).collect();
            if codes.insert(code.clone()) {
                break code;
            }
        };
        classes.push(ClassPlan {
            name,
            grade,
            language,
            code,
            skills_to_grade,
            lesson,
            past_lesson,
            pupils: names,
        });
    }
    classes
}

/// A teacher's name.
pub fn teacher_name(index: usize, random: &mut Random) -> String {
    match TEACHERS.get(index) {
        Some(name) => (*name).to_owned(),
        None => {
            let surname = *random.pick(SURNAMES);
            adult(surname, random)
        }
    }
}

/// The name of a pupil's parent: with the pupil's surname for half of them, as in Korea.
pub fn parent_name(pupil: &str, language: Language, random: &mut Random) -> String {
    match language {
        Language::Ko => {
            let own = pupil.chars().next().map(String::from).unwrap_or_default();
            let surname = if random.unit() < 0.5 { own } else { (*random.pick(SURNAMES)).to_owned() };
            adult(&surname, random)
        }
        Language::En => {
            let surname = pupil.split(' ').next_back().unwrap_or_default();
            format!("{} {surname}", random.pick(&["Anna", "David", "Sara", "James", "Julia"]))
        }
    }
}

/// Six digits that do not repeat or count, as the hub asks of a PIN.
pub fn make_pin(random: &mut Random) -> String {
    loop {
        let pin = format!("{:06}", random.below(1_000_000));
        if crate::auth::secrets::check_pin(&pin).is_ok() {
            return pin;
        }
    }
}

fn adult(surname: &str, random: &mut Random) -> String {
    format!("{surname}{}", random.pick(ADULT_NAMES))
}

fn letter(index: usize) -> String {
    if index < 26 { char::from(b'A' + index as u8).to_string() } else { (index + 1).to_string() }
}

/// Different names, but for two 김민준 in each class of ten or more: teachers and screens must tell them apart.
/// Every fifth has the surname of the pupil with the same number in the class before: a sibling.
fn korean_names(size: usize, elder: Option<&ClassPlan>, random: &mut Random) -> Vec<String> {
    let mut taken = HashSet::from(["김민준".to_owned()]);
    taken.extend(elder.into_iter().flat_map(|class| class.pupils.iter().cloned()));
    (0..size)
        .map(|index| {
            if size >= 10 && (index == 2 || index == 8) {
                return "김민준".to_owned();
            }
            let surname = elder
                .filter(|_| index % 5 == 0)
                .and_then(|class| class.pupils.get(index)?.chars().next())
                .map(String::from);
            loop {
                let surname = surname.clone().unwrap_or_else(|| (*random.pick(SURNAMES)).to_owned());
                let name = format!("{surname}{}", random.pick(GIVEN_NAMES));
                if taken.insert(name.clone()) {
                    return name;
                }
            }
        })
        .collect()
}

fn english_names(size: usize) -> Vec<String> {
    (0..size)
        .map(|index| {
            let name = ENGLISH_NAMES[index % ENGLISH_NAMES.len()];
            match index / ENGLISH_NAMES.len() {
                0 => name.to_owned(),
                more => format!("{name} {}", more + 1),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_classes_of_twenty_with_two_of_one_name() {
        let classes = plan_classes(3, 60, &mut Random::new(7));
        assert_eq!(classes.iter().map(|class| class.pupils.len()).collect::<Vec<_>>(), [20, 20, 20]);
        assert_eq!(classes.iter().filter(|class| class.language == Language::En).count(), 1);
        for class in &classes[..2] {
            assert_eq!(class.pupils.iter().filter(|name| *name == "김민준").count(), 2);
            assert_eq!(class.pupils.iter().collect::<HashSet<_>>().len(), 19);
        }
        let (younger, elder) = (&classes[0].pupils[5], &classes[1].pupils[5]);
        assert!(younger != elder && younger.chars().next() == elder.chars().next());
    }

    #[test]
    fn a_seed_always_gives_the_same_school() {
        let names = || {
            plan_classes(5, 100, &mut Random::new(1))
                .into_iter()
                .flat_map(|class| class.pupils)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(), names());
    }
}
