//! Answers as pupils write them: right and wrong ones to each kind of question, in varied spellings.
//!
//! Keys and common wrong answers come from the staff's view of a problem, so that about half of all answers are
//! right as in a class; without it (another version than the newest) answers are plausible guesses.

use dreamseed_wire::{
    answer::{Answer, GapAnswer, MatchPair},
    authoring::{AnswerKey, GapKeyKind, ProblemDraft},
    question::{Choice, Gap, GapEntry, NumberEntry, Question},
};

/// What pupils may answer to one problem.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Repertoire {
    pub right: Vec<Answer>,
    pub wrong: Vec<Answer>,
}

/// Makes the repertoire of a problem.
pub fn make_repertoire(question: &Question, draft: Option<&ProblemDraft>) -> Repertoire {
    let right = draft.map_or_else(Vec::new, |draft| right_answers(&draft.key));
    let common = draft.iter().flat_map(|draft| draft.common_wrong.iter().map(|common| common.answer.clone()));
    let wrong = common.chain(guesses(question)).filter(|answer| !right.contains(answer)).collect();
    Repertoire { right, wrong }
}

fn right_answers(key: &AnswerKey) -> Vec<Answer> {
    match key {
        AnswerKey::SingleChoice { choice } => vec![Answer::SingleChoice { choice: choice.clone() }],
        AnswerKey::MultipleChoice { choices } => {
            let reversed = choices.iter().rev().cloned().collect();
            vec![
                Answer::MultipleChoice { choices: choices.clone() },
                Answer::MultipleChoice { choices: reversed },
            ]
        }
        AnswerKey::Number { value, units, unit_required, .. } => {
            let unit = units.first().filter(|_| *unit_required).map_or("", String::as_str);
            let mut texts = vec![
                format!("{value}{unit}"),
                format!(" {value} {unit}"),
                format!("{}{unit}", full_width(value)),
            ];
            if let Some((whole, fraction)) = value.split_once(' ') {
                texts.push(format!("{whole}와 {fraction}{unit}"));
            }
            texts.into_iter().map(|text| Answer::Number { text }).collect()
        }
        AnswerKey::ShortText { accepted } => {
            accepted.iter().map(|text| Answer::ShortText { text: text.clone() }).collect()
        }
        AnswerKey::TrueFalse { value } => vec![Answer::TrueFalse { value: *value }],
        AnswerKey::Ordering { order } => vec![Answer::Ordering { order: order.clone() }],
        AnswerKey::Matching { pairs } => {
            let reversed = pairs.iter().rev().cloned().collect();
            vec![Answer::Matching { pairs: pairs.clone() }, Answer::Matching { pairs: reversed }]
        }
        AnswerKey::Cloze { gaps } => {
            let filled = gaps.iter().map(|gap| GapAnswer {
                gap: gap.gap.clone(),
                text: match &gap.key {
                    GapKeyKind::Number { value, .. } => full_width(value),
                    GapKeyKind::Text { accepted } => accepted.first().cloned().unwrap_or_default(),
                    GapKeyKind::Choice { choice } => choice.clone(),
                },
            });
            vec![Answer::Cloze { gaps: filled.collect() }]
        }
    }
}

fn guesses(question: &Question) -> Vec<Answer> {
    match question {
        Question::SingleChoice { choices } => {
            ids(choices).map(|choice| Answer::SingleChoice { choice }).collect()
        }
        Question::MultipleChoice { choices } => {
            let one_each = ids(choices).map(|choice| Answer::MultipleChoice { choices: vec![choice] });
            one_each.chain([Answer::MultipleChoice { choices: ids(choices).collect() }]).collect()
        }
        Question::Number { entry, .. } => {
            let texts: &[&str] = match entry {
                NumberEntry::Integer => &["7919", "１２３４", "1,009", "-17"],
                NumberEntry::Decimal => &["0.137", "41.09", "１.７３"],
                NumberEntry::Fraction => &["13/97", "１７/８９", "101/7"],
                NumberEntry::Mixed => &["2와 17/89", "5 13/97", "101/7"],
            };
            texts.iter().map(|text| Answer::Number { text: (*text).to_owned() }).collect()
        }
        Question::ShortText => ["잘 모르겠어요", "삼각기둥의 그림자", "no idea"]
            .map(|text| Answer::ShortText { text: text.to_owned() })
            .into(),
        Question::TrueFalse => vec![Answer::TrueFalse { value: true }, Answer::TrueFalse { value: false }],
        // As shown, which is never the key's order.
        Question::Ordering { items } => vec![Answer::Ordering { order: ids(items).collect() }],
        Question::Matching { left, right } => {
            let to_one = |right: String| {
                ids(left).map(move |left| MatchPair { left, right: right.clone() }).collect::<Vec<_>>()
            };
            ids(right).map(|right| Answer::Matching { pairs: to_one(right) }).collect()
        }
        Question::Cloze { gaps, .. } => {
            let guess = |gap: &Gap| match &gap.entry {
                GapEntry::Number => "7919".to_owned(),
                GapEntry::Text => "잘 모르겠어요".to_owned(),
                GapEntry::Choice { choices } => ids(choices).next().unwrap_or_default(),
            };
            let filled = gaps.iter().map(|gap| GapAnswer { gap: gap.id.clone(), text: guess(gap) });
            vec![Answer::Cloze { gaps: filled.collect() }]
        }
    }
}

fn ids(choices: &[Choice]) -> impl Iterator<Item = String> + '_ {
    choices.iter().map(|choice| choice.id.clone())
}

/// `3/4` as a Korean keyboard may give it: `３/４`.
fn full_width(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '0'..='9' => {
                char::from_u32(u32::from(letter) - u32::from('0') + u32::from('０')).unwrap_or(letter)
            }
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixed_number_in_its_spellings() {
        let key = AnswerKey::Number {
            value: "2 1/3".into(),
            tolerance: None,
            units: vec!["cm".into()],
            unit_required: true,
            lowest_terms: true,
            form: None,
        };
        let texts: Vec<_> = right_answers(&key)
            .into_iter()
            .map(|answer| if let Answer::Number { text } = answer { text } else { String::new() })
            .collect();
        assert_eq!(texts, ["2 1/3cm", " 2 1/3 cm", "２ １/３cm", "2와 1/3cm"]);
    }

    #[test]
    fn the_right_choice_is_never_among_the_wrong() {
        let choice = |id: &str| Choice { id: id.into(), text: String::new() };
        let question = Question::SingleChoice { choices: vec![choice("a"), choice("b"), choice("c")] };
        let draft = ProblemDraft {
            skill: "s".into(),
            title: Default::default(),
            statement: Default::default(),
            figure: None,
            question: dreamseed_wire::authoring::QuestionDraft::SingleChoice { choices: Vec::new() },
            key: AnswerKey::SingleChoice { choice: "b".into() },
            check: None,
            solution: Default::default(),
            hints: Vec::new(),
            common_wrong: Vec::new(),
        };
        let made = make_repertoire(&question, Some(&draft));
        assert_eq!(made.right, [Answer::SingleChoice { choice: "b".into() }]);
        assert_eq!(made.wrong.len(), 2);
        assert_eq!(make_repertoire(&question, None).wrong.len(), 3);
    }
}
