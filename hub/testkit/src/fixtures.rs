//! Problems and answers for tests.

use dreamseed_wire::{
    answer::{Answer, MatchPair},
    attempt::SubmitAnswer,
    authoring::{
        AnswerKey, ChoiceDraft, CommonWrong, GapDraft, GapEntryDraft, GapKey, GapKeyKind, Localised,
        ProblemDraft, ProblemForEditing, QuestionDraft,
    },
    ids::*,
    lesson::{HintCeiling, LessonFor, LessonMode, LessonView, OpenLesson},
    question::NumberEntry,
};

/// The skill of the problems here.
pub const SKILL: &str = "frac-add-unlike";

/// A text in both languages.
pub fn both(ko: &str, en: &str) -> Localised {
    Localised { ko: Some(ko.to_owned()), en: Some(en.to_owned()) }
}

/// 1/2 + 1/3, with three hints and a common wrong answer (2/5).
pub fn fraction_problem() -> ProblemDraft {
    ProblemDraft {
        skill: SKILL.to_owned(),
        title: both("분수의 합", "A sum of fractions"),
        statement: both("$\\frac{1}{2}+\\frac{1}{3}$은 얼마예요?", "What is $\\frac{1}{2}+\\frac{1}{3}$?"),
        figure: None,
        question: QuestionDraft::Number { unit: None, entry: NumberEntry::Fraction },
        key: AnswerKey::Number {
            value: "5/6".into(),
            tolerance: None,
            units: vec![],
            unit_required: false,
            lowest_terms: true,
            form: None,
        },
        check: Some("1/2 + 1/3".into()),
        solution: both(
            "통분하면 $\\frac{3}{6}+\\frac{2}{6}=\\frac{5}{6}$이에요.",
            "$\\frac{3}{6}+\\frac{2}{6}=\\frac{5}{6}$",
        ),
        hints: vec![
            both("두 분모를 먼저 살펴보세요.", "Look at the two denominators first."),
            both("분모를 같게 만들어 보세요.", "Make the denominators equal."),
            both("1/2을 분모가 6인 분수로 바꾸어 보세요.", "Write one half with denominator 6."),
        ],
        common_wrong: vec![CommonWrong {
            answer: number("2/5"),
            misconception: both("분자끼리, 분모끼리 더해요.", "Adds tops and bottoms."),
        }],
    }
}

/// `n + 1`: as many different problems as a test needs.
pub fn sum_problem(n: u32) -> ProblemDraft {
    let sum = n + 1;
    ProblemDraft {
        title: both(&format!("더하기 {n}"), &format!("Sum {n}")),
        statement: both(&format!("${n}+1$은 얼마예요?"), &format!("What is ${n}+1$?")),
        question: QuestionDraft::Number { unit: None, entry: NumberEntry::Integer },
        key: AnswerKey::Number {
            value: sum.to_string(),
            tolerance: None,
            units: vec![],
            unit_required: false,
            lowest_terms: false,
            form: None,
        },
        check: Some(format!("{n} + 1")),
        solution: both(&format!("${n}+1={sum}$이에요."), &format!("${n}+1={sum}$.")),
        hints: vec![both("하나를 더 세어 보세요.", "Count one further.")],
        common_wrong: vec![],
        ..fraction_problem()
    }
}

/// Three choices of which `b` is right.
pub fn choice_problem() -> ProblemDraft {
    ProblemDraft {
        title: both("가장 큰 수", "The largest"),
        statement: both("가장 큰 수를 고르세요.", "Choose the largest number."),
        question: QuestionDraft::SingleChoice { choices: choices() },
        key: AnswerKey::SingleChoice { choice: "b".into() },
        check: None,
        solution: both("자릿수를 비교해요.", "Compare the places."),
        hints: vec![both("높은 자리부터 비교해 보세요.", "Compare from the highest place.")],
        common_wrong: vec![],
        ..fraction_problem()
    }
}

/// Three choices of which `a` and `b` are right.
pub fn multiple_choice_problem() -> ProblemDraft {
    ProblemDraft {
        title: both("30보다 큰 수", "Larger than 30"),
        statement: both("30보다 큰 수를 모두 고르세요.", "Choose all numbers larger than 30."),
        question: QuestionDraft::MultipleChoice { choices: choices() },
        key: AnswerKey::MultipleChoice { choices: vec!["a".into(), "b".into()] },
        ..choice_problem()
    }
}

/// A word is asked for: `정사각형` or `square`.
pub fn word_problem() -> ProblemDraft {
    ProblemDraft {
        title: both("도형의 이름", "Name the shape"),
        statement: both(
            "네 변과 네 각이 모두 같은 도형은?",
            "Four equal sides and four equal angles: which shape?",
        ),
        question: QuestionDraft::ShortText,
        key: AnswerKey::ShortText { accepted: vec!["정사각형".into(), "square".into()] },
        hints: vec![both("변과 각을 함께 보세요.", "Look at sides and angles together.")],
        ..choice_problem()
    }
}

/// A claim that is true.
pub fn true_false_problem() -> ProblemDraft {
    ProblemDraft {
        title: both("참 또는 거짓", "True or false"),
        statement: both("57은 41보다 커요. 참인가요, 거짓인가요?", "57 is larger than 41. True or false?"),
        question: QuestionDraft::TrueFalse,
        key: AnswerKey::TrueFalse { value: true },
        ..choice_problem()
    }
}

/// Three numbers, shown as `a`, `b`, `c`; from the smallest on they are `c`, `a`, `b`.
pub fn ordering_problem() -> ProblemDraft {
    ProblemDraft {
        title: both("작은 수부터", "From the smallest"),
        statement: both("작은 수부터 차례로 놓아 보세요.", "Put them in order from the smallest on."),
        question: QuestionDraft::Ordering { items: choices() },
        key: AnswerKey::Ordering { order: vec!["c".into(), "a".into(), "b".into()] },
        ..choice_problem()
    }
}

/// `a` goes with `s`, `b` with `t`; `u` is left over.
pub fn matching_problem() -> ProblemDraft {
    let choices = |texts: &[(&str, &str, &str)]| {
        texts.iter().map(|(id, ko, en)| ChoiceDraft { id: (*id).to_owned(), text: both(ko, en) }).collect()
    };
    ProblemDraft {
        title: both("변의 수", "How many sides"),
        statement: both("도형과 변의 수를 이어 보세요.", "Match each shape with its number of sides."),
        question: QuestionDraft::Matching {
            left: choices(&[("a", "삼각형", "Triangle"), ("b", "오각형", "Pentagon")]),
            right: choices(&[("s", "세 개", "three"), ("t", "다섯 개", "five"), ("u", "네 개", "four")]),
        },
        key: AnswerKey::Matching { pairs: vec![pair("a", "s"), pair("b", "t")] },
        ..choice_problem()
    }
}

/// The gap `n` takes 8, the gap `w` the word 짝수 or even.
pub fn cloze_problem() -> ProblemDraft {
    let gap = |id: &str, entry| GapDraft { id: id.to_owned(), entry };
    let key = |gap: &str, key| GapKey { gap: gap.to_owned(), key };
    ProblemDraft {
        title: both("빈칸 채우기", "Fill in"),
        statement: both("빈칸을 채워 보세요.", "Fill in the gaps."),
        question: QuestionDraft::Cloze {
            text: both("5보다 3 큰 수는 [[n]]이고, [[w]]예요.", "3 more than 5 is [[n]], which is [[w]]."),
            gaps: vec![gap("n", GapEntryDraft::Number), gap("w", GapEntryDraft::Text)],
        },
        key: AnswerKey::Cloze {
            gaps: vec![
                key("n", GapKeyKind::Number { value: "8".into(), tolerance: None }),
                key("w", GapKeyKind::Text { accepted: vec!["짝수".into(), "even".into()] }),
            ],
        },
        ..choice_problem()
    }
}

/// A pair of a matching answer.
pub fn pair(left: &str, right: &str) -> MatchPair {
    MatchPair { left: left.to_owned(), right: right.to_owned() }
}

fn choices() -> Vec<ChoiceDraft> {
    [("a", "41"), ("b", "57"), ("c", "19")]
        .map(|(id, text)| ChoiceDraft { id: id.to_owned(), text: both(text, text) })
        .to_vec()
}

/// A number as a pupil types it.
pub fn number(text: &str) -> Answer {
    Answer::Number { text: text.to_owned() }
}

/// An answer under a new id.
pub fn submission(version: ProblemVersionId, lesson: Option<LessonId>, answer: Answer) -> SubmitAnswer {
    SubmitAnswer {
        attempt_id: AttemptId::new(),
        problem_version_id: version,
        lesson_id: lesson,
        answer,
        occurred_at: None,
        device_id: None,
        device_seq: None,
    }
}

/// A lesson for the whole class, without a limit.
pub fn practice(title: &str, problem_ids: Vec<ProblemId>, hint_ceiling: HintCeiling) -> OpenLesson {
    OpenLesson {
        title: title.to_owned(),
        problem_ids,
        mode: LessonMode::Practice,
        hint_ceiling,
        whom: LessonFor::Class,
        minutes: None,
    }
}

/// An exam for the whole class.
pub fn exam(title: &str, problem_ids: Vec<ProblemId>, minutes: u16) -> OpenLesson {
    OpenLesson {
        mode: LessonMode::Exam,
        minutes: Some(minutes),
        ..practice(title, problem_ids, HintCeiling::WorkedStep)
    }
}

/// Problems that have been given to a class.
pub struct Given {
    pub problems: Vec<ProblemForEditing>,
    pub lesson: LessonView,
}

impl Given {
    /// The first problem's version.
    pub fn version(&self) -> ProblemVersionId {
        self.problems[0].problem_version_id
    }

    /// A number as answer to the first problem.
    pub fn answer(&self, text: &str) -> SubmitAnswer {
        self.answer_to(0, text)
    }

    /// A number as answer to the problem at `index`.
    pub fn answer_to(&self, index: usize, text: &str) -> SubmitAnswer {
        let version = self.problems[index].problem_version_id;
        submission(version, Some(self.lesson.lesson_id), number(text))
    }
}
