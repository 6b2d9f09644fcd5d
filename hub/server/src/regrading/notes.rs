//! What a pupil is told when a grade was corrected: kindly, and never as if it were their fault. Pure.

use dreamseed_wire::Language;

/// Who looked at the answer again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corrected {
    /// The key was wrong.
    Key,
    /// The teacher decided about this answer.
    ByTeacher,
}

/// What it means for the pupil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It counts as solved now.
    NowRight,
    /// It no longer counts as solved.
    NotYet,
    /// Something about it changed, but not whether it is solved.
    Otherwise,
}

impl Outcome {
    /// From whether the problem counted as solved before and counts now.
    pub fn of(before: bool, now: bool) -> Self {
        match (before, now) {
            (false, true) => Outcome::NowRight,
            (true, false) => Outcome::NotYet,
            (true, true) | (false, false) => Outcome::Otherwise,
        }
    }
}

/// The problem in the pupil's words: its number in the lesson (from 1), or its title where numbers differ by pupil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    Number(usize),
    Title(&'a str),
}

/// The sentence for the pupil.
pub fn tell(corrected: Corrected, outcome: Outcome, problem: Named<'_>, language: Language) -> String {
    match language {
        Language::Ko => {
            let (answer, topic, of) = match problem {
                Named::Number(number) => {
                    (format!("{number}번 답"), format!("{number}번은"), format!("{number}번"))
                }
                Named::Title(title) => {
                    (format!("‘{title}’ 답"), format!("‘{title}’ 문제는"), format!("‘{title}’ 문제"))
                }
            };
            let first = match corrected {
                Corrected::Key => "정답을 다시 살펴봤어요.".to_owned(),
                Corrected::ByTeacher => format!("선생님이 {answer}을 다시 살펴봤어요."),
            };
            match outcome {
                Outcome::NowRight => match corrected {
                    Corrected::Key => format!("{first} {answer}이 맞았어요."),
                    Corrected::ByTeacher => format!("{first} 맞았어요."),
                },
                Outcome::NotYet => match corrected {
                    Corrected::Key => {
                        format!(
                            "{first} 정답에 있던 실수를 바로잡아서 {topic} ‘아직이에요’로 바뀌었어요. 천천히 다시 보면 돼요."
                        )
                    }
                    Corrected::ByTeacher => format!("{first} 아직이에요. 천천히 다시 보면 돼요."),
                },
                Outcome::Otherwise => format!("{first} {of} 채점이 조금 바뀌었어요."),
            }
        }
        Language::En => {
            let problem = match problem {
                Named::Number(number) => format!("problem {number}"),
                Named::Title(title) => format!("“{title}”"),
            };
            let first = match corrected {
                Corrected::Key => "We looked at the answer key again.".to_owned(),
                Corrected::ByTeacher => format!("Your teacher looked at {problem} again."),
            };
            match outcome {
                Outcome::NowRight => match corrected {
                    Corrected::Key => format!("{first} Your answer to {problem} was right."),
                    Corrected::ByTeacher => format!("{first} It is right."),
                },
                Outcome::NotYet => match corrected {
                    Corrected::Key => format!(
                        "{first} A slip of ours is put right, so your answer to {problem} is now “not yet”. \
                         Take your time to look at it again."
                    ),
                    Corrected::ByTeacher => format!("{first} Not yet: take your time to look at it again."),
                },
                Outcome::Otherwise => match corrected {
                    Corrected::Key => format!("{first} The grade of {problem} has changed a little."),
                    Corrected::ByTeacher => format!("{first} Its grade has changed a little."),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_answer_is_told_first() {
        let told = tell(Corrected::Key, Outcome::NowRight, Named::Number(3), Language::Ko);
        assert_eq!(told, "정답을 다시 살펴봤어요. 3번 답이 맞았어요.");
        let told = tell(Corrected::ByTeacher, Outcome::NowRight, Named::Number(3), Language::En);
        assert_eq!(told, "Your teacher looked at problem 3 again. It is right.");
    }

    #[test]
    fn nobody_is_blamed() {
        for corrected in [Corrected::Key, Corrected::ByTeacher] {
            for outcome in [Outcome::NowRight, Outcome::NotYet, Outcome::Otherwise] {
                for problem in [Named::Number(2), Named::Title("분수의 합")] {
                    let ko = tell(corrected, outcome, problem, Language::Ko);
                    let en = tell(corrected, outcome, problem, Language::En);
                    for harsh in ["틀렸", "오답", "못했", "잘못", "!", "wrong", "incorrect", "fail"] {
                        assert!(!ko.contains(harsh) && !en.contains(harsh), "{ko} {en}");
                    }
                    assert!(ko.ends_with("요."), "{ko}");
                }
            }
        }
    }
}
