//! A draft of ours, in one language → a question of another program. What has no place in it is left to `rest`.

use dreamseed_wire::{
    Language,
    answer::Answer,
    authoring::{
        AnswerKey, ChoiceDraft, CommonWrong, GapDraft, GapEntryDraft, GapKey, GapKeyKind, Localised,
        ProblemDraft, QuestionDraft,
    },
    exchange::ProblemFormat,
};

use crate::{
    cloze, html, markdown,
    question::{Asked, Drawing, NumberAnswer, Question, Text, Unit, Weighed},
    take::CLOZE_RULE,
};

/// The name of a problem's drawing in a file.
const DRAWING: &str = "figure.svg";
/// What is taken off for a wrong choice of several: all of it, as our own grading does.
const ALL_OFF: f64 = -100.0;

/// Makes a question of a draft.
pub(crate) fn give(draft: &ProblemDraft, language: Language, format: ProblemFormat) -> Question {
    let giving = Giving { draft, language };
    let html = |text: &Localised| giving.html(text);
    let mut text = html(&draft.statement);
    let mut asked = giving.ask();
    match (&draft.question, &draft.key, format) {
        (
            QuestionDraft::Cloze { text: gapped, gaps },
            AnswerKey::Cloze { gaps: keys },
            ProblemFormat::MoodleXml,
        ) => {
            let gapped = giving.fill(&write_html(gapped.get(language)), gaps, keys);
            text = format!("{}{CLOZE_RULE}{gapped}", as_block(&text));
            asked = Asked::Cloze;
        }
        (
            QuestionDraft::Cloze { text: gapped, gaps },
            AnswerKey::Cloze { gaps: keys },
            ProblemFormat::Gift,
        ) => {
            let (gapped, filling) = giving.spell_out(&write_html(gapped.get(language)), gaps, keys);
            text = format!("{}{}", as_block(&text), as_block(&gapped));
            asked = Asked::ShortText {
                answers: vec![Weighed { percent: 100.0, text: Text::plain(star(&filling)), feedback: None }],
                minds_case: false,
            };
        }
        (QuestionDraft::Ordering { .. }, AnswerKey::Ordering { .. }, ProblemFormat::Gift) => {
            if let Asked::Ordering { items } = asked {
                let pair = |(place, item): (usize, Text)| (Text::html(place.to_string()), item);
                asked = Asked::Matching { pairs: (1..).zip(items).map(pair).collect() };
            }
        }
        _ => {}
    }
    let mut drawings = Vec::new();
    if let (Some(figure), ProblemFormat::MoodleXml) = (&draft.figure, format) {
        drawings.push(Drawing { name: DRAWING.to_owned(), svg: figure.svg.clone() });
        let alt = html::escape(figure.alt.get(language));
        text = format!("<p><img src=\"@@PLUGINFILE@@/{DRAWING}\" alt=\"{alt}\"></p>{}", as_block(&text));
    }
    let hints = match format {
        ProblemFormat::MoodleXml => draft.hints.iter().map(|hint| Text::html(html(hint))).collect(),
        ProblemFormat::Gift => Vec::new(),
    };
    Question {
        title: draft.title.get(language).to_owned(),
        text: Text::html(text),
        asked,
        general: Some(Text::html(html(&draft.solution))),
        hints,
        tags: vec![format!("skill:{}", draft.skill)],
        rest: None,
        drawings,
        remarks: Vec::new(),
    }
}

/// A draft with one of its languages.
pub(crate) fn in_one_language(draft: &ProblemDraft, language: Language) -> ProblemDraft {
    let mut one = draft.clone();
    let only = |text: &mut Localised| *text = localised(text.get(language), language);
    only(&mut one.title);
    only(&mut one.statement);
    only(&mut one.solution);
    one.hints.iter_mut().for_each(only);
    one.common_wrong.iter_mut().for_each(|wrong| only(&mut wrong.misconception));
    if let Some(figure) = &mut one.figure {
        only(&mut figure.alt);
    }
    let all = |choices: &mut Vec<ChoiceDraft>| choices.iter_mut().for_each(|choice| only(&mut choice.text));
    match &mut one.question {
        QuestionDraft::SingleChoice { choices } | QuestionDraft::MultipleChoice { choices } => all(choices),
        QuestionDraft::Ordering { items } => all(items),
        QuestionDraft::Matching { left, right } => {
            all(left);
            all(right);
        }
        QuestionDraft::Cloze { text, gaps } => {
            only(text);
            for gap in gaps {
                if let GapEntryDraft::Choice { choices } = &mut gap.entry {
                    all(choices);
                }
            }
        }
        QuestionDraft::Number { .. } | QuestionDraft::ShortText | QuestionDraft::TrueFalse => {}
    }
    one
}

fn localised(text: &str, language: Language) -> Localised {
    match language {
        Language::Ko => Localised { ko: Some(text.to_owned()), en: None },
        Language::En => Localised { ko: None, en: Some(text.to_owned()) },
    }
}

fn write_html(source: &str) -> String {
    html::write(&markdown::parse(source))
}

/// A text without a paragraph of its own gets one.
fn as_block(html: &str) -> String {
    if html.starts_with("<p>")
        || html.starts_with("<ul>")
        || html.starts_with("<ol")
        || html.starts_with("<table")
    {
        html.to_owned()
    } else {
        format!("<p>{html}</p>")
    }
}

/// A short answer in which a star is a star.
fn star(text: &str) -> String {
    text.replace('*', "\\*")
}

/// Whether Moodle reads it as a number.
fn is_decimal(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, part].iter().all(|run| !run.is_empty() && run.bytes().all(|b| b.is_ascii_digit()))
}

struct Giving<'a> {
    draft: &'a ProblemDraft,
    language: Language,
}

impl Giving<'_> {
    fn html(&self, text: &Localised) -> String {
        write_html(text.get(self.language))
    }

    fn texts(&self, choices: &[ChoiceDraft]) -> Vec<Text> {
        choices.iter().map(|choice| Text::html(self.html(&choice.text))).collect()
    }

    /// What is said to those who give this wrong answer.
    fn feedback(&self, is: impl Fn(&Answer) -> bool) -> Option<Text> {
        let wrong = self.draft.common_wrong.iter().find(|wrong| is(&wrong.answer))?;
        Some(Text::html(self.html(&wrong.misconception)))
    }

    fn ask(&self) -> Asked {
        let short = |accepted: &[String]| Asked::ShortText {
            answers: accepted
                .iter()
                .map(|text| Weighed { percent: 100.0, text: Text::plain(star(text)), feedback: None })
                .chain(self.wrong_texts())
                .collect(),
            minds_case: false,
        };
        match (&self.draft.question, &self.draft.key) {
            (QuestionDraft::SingleChoice { choices }, AnswerKey::SingleChoice { choice: right }) => {
                Asked::Choice {
                    single: true,
                    answers: self.weigh(
                        choices,
                        |id| if id == right { 100.0 } else { 0.0 },
                        |id, answer| matches!(answer, Answer::SingleChoice { choice } if choice == id),
                    ),
                }
            }
            (QuestionDraft::MultipleChoice { choices }, AnswerKey::MultipleChoice { choices: right }) => {
                let share = 100.0 / f64::from(u32::try_from(right.len().max(1)).unwrap_or(1));
                let share = (share * 100_000.0).floor() / 100_000.0;
                Asked::Choice {
                    single: false,
                    answers: self.weigh(
                        choices,
                        |id| if right.iter().any(|right| right == id) { share } else { ALL_OFF },
                        |id, answer| {
                            matches!(answer, Answer::MultipleChoice { choices } if *choices == [id.to_owned()])
                        },
                    ),
                }
            }
            (
                QuestionDraft::Number { .. },
                AnswerKey::Number { value, tolerance, units, unit_required, .. },
            ) => {
                if is_decimal(value) && tolerance.as_deref().is_none_or(is_decimal) {
                    self.ask_number(value, tolerance.clone(), units, *unit_required)
                } else {
                    // Moodle's numbers are decimals; a fraction is compared as it is written.
                    short(std::slice::from_ref(value))
                }
            }
            (_, AnswerKey::ShortText { accepted }) => short(accepted),
            (_, AnswerKey::TrueFalse { value }) => {
                let on = |side: bool| {
                    self.feedback(|answer| matches!(answer, Answer::TrueFalse { value } if *value == side))
                        .filter(|_| side != *value)
                };
                Asked::TrueFalse { value: *value, on_true: on(true), on_false: on(false) }
            }
            (QuestionDraft::Matching { left, right }, AnswerKey::Matching { pairs }) => {
                let text_of = |choices: &[ChoiceDraft], id: &str| {
                    let choice = choices.iter().find(|choice| choice.id == id);
                    Text::html(choice.map(|choice| self.html(&choice.text)).unwrap_or_default())
                };
                let partner = |from: &ChoiceDraft| {
                    let pair = pairs.iter().find(|pair| pair.left == from.id)?;
                    Some((Text::html(self.html(&from.text)), text_of(right, &pair.right)))
                };
                let lonely = right.iter().filter(|to| !pairs.iter().any(|pair| pair.right == to.id));
                let lonely = lonely.map(|to| (Text::html(""), Text::html(self.html(&to.text))));
                Asked::Matching { pairs: left.iter().filter_map(partner).chain(lonely).collect() }
            }
            (QuestionDraft::Ordering { items }, AnswerKey::Ordering { order }) => {
                let item = |id: &String| items.iter().find(|item| item.id == *id).cloned();
                let ordered: Vec<ChoiceDraft> = order.iter().filter_map(item).collect();
                Asked::Ordering { items: self.texts(&ordered) }
            }
            // A key of another kind than its question cannot have been saved.
            (_, AnswerKey::SingleChoice { .. })
            | (_, AnswerKey::MultipleChoice { .. })
            | (_, AnswerKey::Number { .. })
            | (_, AnswerKey::Matching { .. })
            | (_, AnswerKey::Ordering { .. })
            | (_, AnswerKey::Cloze { .. }) => Asked::Cloze,
        }
    }

    fn weigh(
        &self,
        choices: &[ChoiceDraft],
        percent: impl Fn(&str) -> f64,
        is: impl Fn(&str, &Answer) -> bool,
    ) -> Vec<Weighed> {
        choices
            .iter()
            .map(|choice| Weighed {
                percent: percent(&choice.id),
                text: Text::html(self.html(&choice.text)),
                feedback: self.feedback(|answer| is(&choice.id, answer)),
            })
            .collect()
    }

    fn wrong_texts(&self) -> Vec<Weighed> {
        let wrong = |wrong: &CommonWrong| match &wrong.answer {
            Answer::ShortText { text } | Answer::Number { text } => Some(Weighed {
                percent: 0.0,
                text: Text::plain(star(text)),
                feedback: Some(Text::html(self.html(&wrong.misconception))),
            }),
            Answer::SingleChoice { .. }
            | Answer::MultipleChoice { .. }
            | Answer::TrueFalse { .. }
            | Answer::Ordering { .. }
            | Answer::Matching { .. }
            | Answer::Cloze { .. } => None,
        };
        self.draft.common_wrong.iter().filter_map(wrong).collect()
    }

    fn ask_number(
        &self,
        value: &str,
        tolerance: Option<String>,
        units: &[String],
        unit_required: bool,
    ) -> Asked {
        let right = NumberAnswer { percent: 100.0, value: value.to_owned(), tolerance, feedback: None };
        let wrong = self.draft.common_wrong.iter().filter_map(|wrong| match &wrong.answer {
            Answer::Number { text } if is_decimal(text) => Some(NumberAnswer {
                percent: 0.0,
                value: text.clone(),
                tolerance: None,
                feedback: Some(Text::html(self.html(&wrong.misconception))),
            }),
            Answer::Number { .. }
            | Answer::SingleChoice { .. }
            | Answer::MultipleChoice { .. }
            | Answer::ShortText { .. }
            | Answer::TrueFalse { .. }
            | Answer::Ordering { .. }
            | Answer::Matching { .. }
            | Answer::Cloze { .. } => None,
        });
        Asked::Number {
            answers: std::iter::once(right).chain(wrong).collect(),
            units: units.iter().map(|name| Unit { name: name.clone(), factor: "1".to_owned() }).collect(),
            unit_required,
        }
    }

    /// Puts embedded answers where the marks are.
    fn fill(&self, html: &str, gaps: &[GapDraft], keys: &[GapKey]) -> String {
        let mut filled = html.to_owned();
        for gap in gaps {
            let Some(key) = keys.iter().find(|key| key.gap == gap.id) else { continue };
            filled = filled.replace(&format!("[[{}]]", gap.id), &cloze::write(&self.embed(gap, &key.key)));
        }
        filled
    }

    fn embed(&self, gap: &GapDraft, key: &GapKeyKind) -> cloze::Gap {
        let right = |text: String| cloze::Answer { percent: 100.0, text, feedback: None };
        match (key, &gap.entry) {
            (GapKeyKind::Number { value, tolerance }, _) if is_decimal(value) => {
                let tolerance =
                    tolerance.as_ref().map(|tolerance| format!(":{tolerance}")).unwrap_or_default();
                cloze::Gap { kind: cloze::Kind::Number, answers: vec![right(format!("{value}{tolerance}"))] }
            }
            (GapKeyKind::Number { value, .. }, _) => cloze::Gap {
                kind: cloze::Kind::Text { minds_case: false },
                answers: vec![right(cloze::typed(value))],
            },
            (GapKeyKind::Text { accepted }, _) => cloze::Gap {
                kind: cloze::Kind::Text { minds_case: false },
                answers: accepted.iter().map(|text| right(cloze::typed(&star(text)))).collect(),
            },
            (GapKeyKind::Choice { choice: right }, GapEntryDraft::Choice { choices }) => cloze::Gap {
                kind: cloze::Kind::Choice,
                answers: choices
                    .iter()
                    .map(|choice| cloze::Answer {
                        percent: if choice.id == *right { 100.0 } else { 0.0 },
                        text: self.html(&choice.text),
                        feedback: None,
                    })
                    .collect(),
            },
            (GapKeyKind::Choice { choice }, GapEntryDraft::Number | GapEntryDraft::Text) => cloze::Gap {
                kind: cloze::Kind::Text { minds_case: false },
                answers: vec![right(cloze::typed(choice))],
            },
        }
    }

    /// The gaps as numbered blanks, and what belongs there in their order: for a format without embedded answers.
    fn spell_out(&self, html: &str, gaps: &[GapDraft], keys: &[GapKey]) -> (String, String) {
        let mut spelled = html.to_owned();
        let mut fillings = Vec::new();
        // Numbered as they stand in the text, not as they are listed.
        let mut placed: Vec<(usize, &GapDraft)> =
            gaps.iter().filter_map(|gap| Some((html.find(&format!("[[{}]]", gap.id))?, gap))).collect();
        placed.sort_by_key(|(at, _)| *at);
        for (number, (_, gap)) in (1..).zip(placed) {
            let key = keys.iter().find(|key| key.gap == gap.id).map(|key| &key.key);
            let mut blank = if gaps.len() > 1 { format!("({number}) _____") } else { "_____".to_owned() };
            if let GapEntryDraft::Choice { choices } = &gap.entry {
                let choices: Vec<String> = choices.iter().map(|choice| self.html(&choice.text)).collect();
                blank.push_str(&format!(" ({})", choices.join(" / ")));
            }
            spelled = spelled.replace(&format!("[[{}]]", gap.id), &blank);
            fillings.push(match (key, &gap.entry) {
                (Some(GapKeyKind::Number { value, .. }), _) => value.clone(),
                (Some(GapKeyKind::Text { accepted }), _) => accepted.first().cloned().unwrap_or_default(),
                (Some(GapKeyKind::Choice { choice: right }), GapEntryDraft::Choice { choices }) => {
                    let choice = choices.iter().find(|choice| choice.id == *right);
                    choice.map(|choice| choice.text.get(self.language).to_owned()).unwrap_or_default()
                }
                (Some(GapKeyKind::Choice { choice }), GapEntryDraft::Number | GapEntryDraft::Text) => {
                    choice.clone()
                }
                (None, _) => String::new(),
            });
        }
        (spelled, fillings.join(", "))
    }
}
