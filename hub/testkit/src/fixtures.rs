//! Problems and answers for tests.

use dreamseed_wire::{
    answer::Answer,
    attempt::SubmitAnswer,
    authoring::{
        AnswerKey, ChoiceDraft, CommonWrong, Localised, ProblemDraft, ProblemForEditing, QuestionDraft,
    },
    class::LessonView,
    ids::*,
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
