//! A question of another program → a draft of ours, with what had to be changed, or why it is refused.
//!
//! The walk of [`take`]: clean every text, read what is asked, fill in what such files lack, let `grading` check the
//! draft (a hint or common wrong answer at fault is left out, any other fault refuses the item), and last put back what
//! an export of ours has put into a comment.

use dreamseed_grading::{DraftFault, DraftReason, validate};
use dreamseed_wire::{
    Language,
    answer::{Answer, GapAnswer, MatchPair},
    authoring::{
        AnswerKey, ChoiceDraft, CommonWrong, FigureDraft, GapDraft, GapEntryDraft, GapKey, GapKeyKind,
        Localised, ProblemDraft, QuestionDraft,
    },
    question::NumberEntry,
};

use crate::{
    Reading, cloze,
    markdown::{self, Block},
    question::{Asked, Drawing, NumberAnswer, Question, Text, Unit, Weighed},
    remark::{Refusal, Remark},
    rest,
};

/// The longest title, in bytes, and the longest made from a statement, in characters.
const MAX_TITLE: usize = 300;
const MADE_TITLE: usize = 40;
/// The most remarks on one item; nobody reads more.
const MAX_REMARKS: usize = 40;
/// The most pairs that are looked at; `grading` takes fewer.
const MAX_PAIRS: usize = 64;
/// As many hints and common wrong answers as `grading` takes.
const MAX_HINTS: usize = 8;
const MAX_COMMON_WRONG: usize = 24;
/// What stands in a file of ours between the statement and the text with the gaps.
pub(crate) const CLOZE_RULE: &str = "<hr>";

/// Makes a draft of a question.
pub(crate) fn take(
    question: &Question,
    reading: &Reading<'_>,
) -> Result<(ProblemDraft, Vec<Remark>), Refusal> {
    let mut taking = Taking {
        language: reading.language,
        drawings: &question.drawings,
        figure: None,
        remarks: Vec::new(),
    };
    question.remarks.iter().cloned().for_each(|remark| taking.remark(remark));
    let taken = taking.take_asked(question)?;
    let solution = match question.general.as_ref().or(taken.on_right.as_ref()).filter(|text| !text.is_blank())
    {
        Some(text) => taking.markdown(text),
        None => String::new(),
    };
    if question.general.is_some() && taken.on_right.as_ref().is_some_and(|text| !text.is_blank()) {
        taking.remark(Remark::FeedbackDropped);
    }
    let solution = if solution.trim().is_empty() {
        taking.remark(Remark::SolutionMade);
        let sentence = match reading.language {
            Language::Ko => "정답: ",
            Language::En => "Answer: ",
        };
        format!("{sentence}{}", taken.right)
    } else {
        solution
    };
    let title = taking.take_title(&question.title, &taken.statement);
    let hints: Vec<String> = question.hints.iter().map(|hint| taking.markdown(hint)).collect();
    let mut draft = ProblemDraft {
        skill: taking.take_skill(question, reading),
        title: taking.text(title),
        statement: taking.text(taken.statement),
        figure: taking.figure.take().map(|(svg, alt)| FigureDraft { svg, alt: taking.text(alt) }),
        question: taken.question,
        key: taken.key,
        check: None,
        solution: taking.text(solution),
        hints: hints
            .into_iter()
            .filter(|hint| !hint.trim().is_empty())
            .map(|hint| taking.text(hint))
            .collect(),
        common_wrong: taken.common_wrong,
    };
    if draft.hints.is_empty() {
        taking.remark(Remark::NoHints);
    }
    prune(&mut draft, &mut taking.remarks)?;
    let Some(rest) = &question.rest else { return Ok((draft, taking.remarks)) };
    match rest::apply(&draft, rest).filter(|whole| validate(whole).is_ok()) {
        // What was missing is there again.
        Some(whole) => {
            let remarks = if whole.hints.is_empty() { vec![Remark::NoHints] } else { Vec::new() };
            Ok((whole, remarks))
        }
        None => {
            taking.remark(Remark::EditedSinceExport);
            Ok((draft, taking.remarks))
        }
    }
}

/// The id of the choice at a place, counted from 0.
pub(crate) fn choice_id(at: usize) -> String {
    u8::try_from(at)
        .ok()
        .filter(|at| *at < 26)
        .map_or_else(|| format!("c{at}"), |at| char::from(b'a' + at).to_string())
}

/// Leaves out what `grading` does not take of hints, common wrong answers, units and figure.
fn prune(draft: &mut ProblemDraft, remarks: &mut Vec<Remark>) -> Result<(), Refusal> {
    let mut remark = |remark: Remark| {
        if !remarks.contains(&remark) {
            remarks.push(remark);
        }
    };
    // Each turn takes something away, so that this ends.
    while let Err(fault) = validate(draft) {
        let mut path = fault.field.split('.');
        match (path.next(), path.next().map(str::parse::<usize>)) {
            (Some("hints"), Some(Ok(at))) if at < draft.hints.len() => {
                draft.hints.remove(at);
                remark(Remark::HintDropped);
            }
            (Some("hints"), _) if draft.hints.len() > MAX_HINTS => {
                draft.hints.truncate(MAX_HINTS);
                remark(Remark::HintDropped);
            }
            (Some("common_wrong"), Some(Ok(at))) if at < draft.common_wrong.len() => {
                let wrong = draft.common_wrong.remove(at);
                remark(Remark::CommonWrongDropped(answer_words(draft, &wrong.answer)));
            }
            (Some("common_wrong"), _) if draft.common_wrong.len() > MAX_COMMON_WRONG => {
                draft.common_wrong.truncate(MAX_COMMON_WRONG);
                remark(Remark::FeedbackDropped);
            }
            (Some("figure"), _) if draft.figure.is_some() => {
                draft.figure = None;
                remark(Remark::ImageRemoved("SVG".to_owned()));
            }
            _ => match drop_units(draft, &fault) {
                Some(unit) => remark(Remark::UnitDropped(unit)),
                None => return Err(Refusal::Draft(fault)),
            },
        }
    }
    Ok(())
}

fn drop_units(draft: &mut ProblemDraft, fault: &DraftFault) -> Option<String> {
    let AnswerKey::Number { units, unit_required, .. } = &mut draft.key else { return None };
    let at_units = fault.field.starts_with("key.unit") || fault.field == "question.unit";
    if !at_units || units.is_empty() {
        return None;
    }
    *unit_required = false;
    Some(std::mem::take(units).join(", "))
}

/// An answer as a line of a report.
fn answer_words(draft: &ProblemDraft, answer: &Answer) -> String {
    let choice_words = |id: &str| match &draft.question {
        QuestionDraft::SingleChoice { choices } | QuestionDraft::MultipleChoice { choices } => {
            let choice = choices.iter().find(|choice| choice.id == id);
            choice.map_or_else(|| id.to_owned(), |choice| choice.text.get(Language::Ko).to_owned())
        }
        QuestionDraft::Number { .. }
        | QuestionDraft::ShortText
        | QuestionDraft::TrueFalse
        | QuestionDraft::Ordering { .. }
        | QuestionDraft::Matching { .. }
        | QuestionDraft::Cloze { .. } => id.to_owned(),
    };
    match answer {
        Answer::SingleChoice { choice } => choice_words(choice),
        Answer::MultipleChoice { choices } => {
            choices.iter().map(|choice| choice_words(choice)).collect::<Vec<_>>().join(", ")
        }
        Answer::Number { text } | Answer::ShortText { text } => text.clone(),
        Answer::TrueFalse { value } => value.to_string(),
        Answer::Ordering { order } => order.join(", "),
        Answer::Matching { pairs } => {
            pairs.iter().map(|pair| format!("{}-{}", pair.left, pair.right)).collect::<Vec<_>>().join(", ")
        }
        Answer::Cloze { gaps } => gaps.iter().map(|gap| gap.text.clone()).collect::<Vec<_>>().join(", "),
    }
}

struct Taking<'a> {
    language: Language,
    drawings: &'a [Drawing],
    figure: Option<(String, String)>,
    remarks: Vec<Remark>,
}

/// What was asked, in our words.
struct Taken {
    statement: String,
    question: QuestionDraft,
    key: AnswerKey,
    common_wrong: Vec<CommonWrong>,
    /// What the file says to those who are right.
    on_right: Option<Text>,
    /// The right answer as a line of Markdown.
    right: String,
}

impl Taking<'_> {
    fn remark(&mut self, remark: Remark) {
        if self.remarks.len() < MAX_REMARKS && !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// A text in the one language that such a file has.
    fn text(&self, text: String) -> Localised {
        match self.language {
            Language::Ko => Localised { ko: Some(text), en: None },
            Language::En => Localised { ko: None, en: Some(text) },
        }
    }

    /// A text cleaned; pictures in it are named and left out.
    fn markdown(&mut self, text: &Text) -> String {
        let cleaned = text.clean();
        cleaned.remarks.into_iter().for_each(|remark| self.remark(remark));
        for image in cleaned.images {
            self.remark(Remark::ImageRemoved(if image.alt.is_empty() {
                file_name(&image.source)
            } else {
                image.alt
            }));
        }
        markdown::print(&cleaned.blocks)
    }

    /// The statement; the first drawing in it that came with the file becomes the figure.
    fn statement(&mut self, text: &Text) -> String {
        let cleaned = text.clean();
        cleaned.remarks.into_iter().for_each(|remark| self.remark(remark));
        for image in cleaned.images {
            let name = file_name(&image.source);
            let drawing = self.drawings.iter().find(|drawing| drawing.name == name);
            let ours = image.source.starts_with("@@PLUGINFILE@@/");
            match drawing.filter(|_| ours && self.figure.is_none() && !image.alt.is_empty()) {
                Some(drawing) => self.figure = Some((drawing.svg.clone(), image.alt)),
                None => {
                    self.remark(Remark::ImageRemoved(if image.alt.is_empty() { name } else { image.alt }));
                }
            }
        }
        markdown::print(&cleaned.blocks)
    }

    fn take_skill(&mut self, question: &Question, reading: &Reading<'_>) -> String {
        let Some(tagged) = question.tags.iter().find_map(|tag| tag.strip_prefix("skill:")) else {
            return reading.skill.to_owned();
        };
        if reading.skills.contains(&tagged) {
            return tagged.to_owned();
        }
        if tagged != reading.skill {
            self.remark(Remark::SkillUnknown(tagged.chars().take(64).collect()));
        }
        reading.skill.to_owned()
    }

    fn take_title(&mut self, given: &str, statement: &str) -> String {
        let given = given.split_whitespace().collect::<Vec<_>>().join(" ");
        if given.is_empty() {
            self.remark(Remark::TitleMade);
            let words = markdown::words(&markdown::parse(statement));
            let short: String = words.chars().take(MADE_TITLE).collect();
            return if short.len() < words.len() { format!("{}…", short.trim_end()) } else { short };
        }
        if given.len() <= MAX_TITLE {
            return given;
        }
        self.remark(Remark::TitleCut);
        let mut end = MAX_TITLE - '…'.len_utf8();
        while !given.is_char_boundary(end) {
            end -= 1;
        }
        format!("{}…", given[..end].trim_end())
    }

    fn take_asked(&mut self, question: &Question) -> Result<Taken, Refusal> {
        match &question.asked {
            Asked::Choice { single, answers } => {
                let statement = self.statement(&question.text);
                if *single {
                    self.take_single(statement, answers)
                } else {
                    self.take_multiple(statement, answers)
                }
            }
            Asked::ShortText { answers, minds_case } => {
                let statement = self.statement(&question.text);
                if *minds_case {
                    self.remark(Remark::CaseIgnored);
                }
                self.take_short_text(statement, answers)
            }
            Asked::Number { answers, units, unit_required } => {
                let statement = self.statement(&question.text);
                self.take_number(statement, answers, units, *unit_required)
            }
            Asked::TrueFalse { value, on_true, on_false } => {
                let statement = self.statement(&question.text);
                let (on_right, on_wrong) = if *value { (on_true, on_false) } else { (on_false, on_true) };
                let answer = Answer::TrueFalse { value: !value };
                let common_wrong = self.common_wrong(answer, on_wrong.as_ref()).into_iter().collect();
                let right = match (self.language, value) {
                    (Language::Ko, true) => "맞아요",
                    (Language::Ko, false) => "틀려요",
                    (Language::En, true) => "true",
                    (Language::En, false) => "false",
                };
                Ok(Taken {
                    statement,
                    question: QuestionDraft::TrueFalse,
                    key: AnswerKey::TrueFalse { value: *value },
                    common_wrong,
                    on_right: on_right.clone(),
                    right: right.to_owned(),
                })
            }
            Asked::Matching { pairs } => {
                let statement = self.statement(&question.text);
                self.take_matching(statement, pairs)
            }
            Asked::Ordering { items } => {
                let statement = self.statement(&question.text);
                Ok(self.take_ordering(statement, items))
            }
            Asked::Cloze => self.take_cloze(&question.text),
        }
    }

    fn choices(&mut self, texts: &[&Text]) -> Vec<ChoiceDraft> {
        let choice = |(at, text): (usize, &&Text)| {
            let text = self.markdown(text);
            ChoiceDraft { id: choice_id(at), text: self.text(text) }
        };
        texts.iter().enumerate().map(choice).collect()
    }

    fn common_wrong(&mut self, answer: Answer, feedback: Option<&Text>) -> Option<CommonWrong> {
        let feedback = feedback.filter(|feedback| !feedback.is_blank())?;
        let misconception = self.markdown(feedback);
        (!misconception.trim().is_empty())
            .then(|| CommonWrong { answer, misconception: self.text(misconception) })
    }

    fn take_single(&mut self, statement: String, answers: &[Weighed]) -> Result<Taken, Refusal> {
        let mut right = (0..).zip(answers).filter(|(_, answer)| answer.percent >= FULL);
        let (at, on_right) = match (right.next(), right.next()) {
            (Some((at, answer)), None) => (at, answer.feedback.clone()),
            (Some(_), Some(_)) => return Err(Refusal::SeveralRight),
            (None, _) => return Err(Refusal::NoRightAnswer),
        };
        let choices = self.choices(&answers.iter().map(|answer| &answer.text).collect::<Vec<_>>());
        let mut common_wrong = Vec::new();
        for (answer, choice) in answers.iter().zip(&choices) {
            if answer.percent >= FULL {
                continue;
            }
            if answer.percent > 0.0 {
                self.remark(Remark::PartialCredit(answer.text.words()));
            }
            let wrong = Answer::SingleChoice { choice: choice.id.clone() };
            common_wrong.extend(self.common_wrong(wrong, answer.feedback.as_ref()));
        }
        let right: &ChoiceDraft = choices.get(at).ok_or(Refusal::NoRightAnswer)?;
        Ok(Taken {
            statement,
            key: AnswerKey::SingleChoice { choice: right.id.clone() },
            right: one_line(right.text.get(self.language)),
            question: QuestionDraft::SingleChoice { choices },
            common_wrong,
            on_right,
        })
    }

    fn take_multiple(&mut self, statement: String, answers: &[Weighed]) -> Result<Taken, Refusal> {
        let choices = self.choices(&answers.iter().map(|answer| &answer.text).collect::<Vec<_>>());
        let mut right = Vec::new();
        let mut right_texts = Vec::new();
        let mut common_wrong = Vec::new();
        for (answer, choice) in answers.iter().zip(&choices) {
            if answer.percent > 0.0 {
                right.push(choice.id.clone());
                right_texts.push(one_line(choice.text.get(self.language)));
                if answer.feedback.as_ref().is_some_and(|feedback| !feedback.is_blank()) {
                    self.remark(Remark::FeedbackDropped);
                }
            } else {
                let wrong = Answer::MultipleChoice { choices: vec![choice.id.clone()] };
                common_wrong.extend(self.common_wrong(wrong, answer.feedback.as_ref()));
            }
        }
        if right.is_empty() {
            return Err(Refusal::NoRightAnswer);
        }
        Ok(Taken {
            statement,
            question: QuestionDraft::MultipleChoice { choices },
            key: AnswerKey::MultipleChoice { choices: right },
            common_wrong,
            on_right: None,
            right: right_texts.join(", "),
        })
    }

    fn take_short_text(&mut self, statement: String, answers: &[Weighed]) -> Result<Taken, Refusal> {
        let mut accepted = Vec::new();
        let mut common_wrong = Vec::new();
        let mut on_right = None;
        for answer in answers {
            let (words, has_wildcard) = read_short_answer(&answer.text.source);
            if answer.percent >= FULL {
                if has_wildcard {
                    return Err(Refusal::WildcardRight);
                }
                on_right = on_right.or_else(|| answer.feedback.clone());
                accepted.push(words);
            } else if has_wildcard {
                self.remark(Remark::WildcardDropped);
            } else {
                if answer.percent > 0.0 {
                    self.remark(Remark::PartialCredit(words.clone()));
                }
                common_wrong
                    .extend(self.common_wrong(Answer::ShortText { text: words }, answer.feedback.as_ref()));
            }
        }
        let right = accepted.first().cloned().ok_or(Refusal::NoRightAnswer)?;
        Ok(Taken {
            statement,
            question: QuestionDraft::ShortText,
            key: AnswerKey::ShortText { accepted },
            common_wrong,
            on_right,
            right,
        })
    }

    fn take_number(
        &mut self,
        statement: String,
        answers: &[NumberAnswer],
        units: &[Unit],
        unit_required: bool,
    ) -> Result<Taken, Refusal> {
        let mut right: Option<&NumberAnswer> = None;
        let mut common_wrong = Vec::new();
        for answer in answers {
            if answer.value == "*" {
                if answer.percent >= FULL {
                    return Err(Refusal::WildcardRight);
                }
                self.remark(Remark::WildcardDropped);
            } else if answer.percent >= FULL {
                if right
                    .is_some_and(|right| right.value != answer.value || right.tolerance != answer.tolerance)
                {
                    return Err(Refusal::SeveralRight);
                }
                right = right.or(Some(answer));
            } else {
                if answer.percent > 0.0 {
                    self.remark(Remark::PartialCredit(answer.value.clone()));
                }
                let wrong = Answer::Number { text: answer.value.clone() };
                common_wrong.extend(self.common_wrong(wrong, answer.feedback.as_ref()));
            }
        }
        let right = right.ok_or(Refusal::NoRightAnswer)?;
        let (same, other): (Vec<_>, Vec<_>) = units.iter().partition(|unit| is_one(&unit.factor));
        for unit in other {
            self.remark(Remark::UnitDropped(unit.name.clone()));
        }
        let units: Vec<String> = same.iter().map(|unit| unit.name.clone()).collect();
        let entry = if right.value.contains('.') { NumberEntry::Decimal } else { NumberEntry::Integer };
        Ok(Taken {
            statement,
            question: QuestionDraft::Number { unit: None, entry },
            right: match units.first() {
                Some(unit) => format!("{} {unit}", right.value),
                None => right.value.clone(),
            },
            key: AnswerKey::Number {
                value: right.value.clone(),
                tolerance: right.tolerance.clone().filter(|tolerance| !is_zero(tolerance)),
                unit_required: unit_required && !units.is_empty(),
                units,
                lowest_terms: false,
                form: None,
            },
            common_wrong,
            on_right: right.feedback.clone(),
        })
    }

    fn take_matching(&mut self, statement: String, pairs: &[(Text, Text)]) -> Result<Taken, Refusal> {
        if pairs.len() > MAX_PAIRS {
            let field = "question.left".to_owned();
            return Err(Refusal::Draft(DraftFault { field, reason: DraftReason::TooMany(MAX_PAIRS) }));
        }
        let mut left = Vec::new();
        let mut rights: Vec<String> = Vec::new();
        let mut partners = Vec::new();
        for (from, to) in pairs {
            let to = self.markdown(to);
            if to.trim().is_empty() {
                return Err(Refusal::Syntax("짝이 비어 있습니다.", "A partner is empty."));
            }
            let partner = rights.iter().position(|right| *right == to).unwrap_or_else(|| {
                rights.push(to);
                rights.len() - 1
            });
            if from.is_blank() {
                self.remark(Remark::DistractorsKept);
            } else {
                left.push(self.markdown(from));
                partners.push(partner);
            }
        }
        // Sorted by their text, so that the order shown does not tell who belongs to whom.
        let mut shown: Vec<usize> = (0..rights.len()).collect();
        shown.sort_by(|a, b| rights.get(*a).cmp(&rights.get(*b)));
        let right_id = |partner: usize| {
            let place = shown.iter().position(|right| *right == partner).unwrap_or_default();
            format!("r{}", place + 1)
        };
        let key: Vec<MatchPair> = partners
            .iter()
            .enumerate()
            .map(|(at, partner)| MatchPair { left: choice_id(at), right: right_id(*partner) })
            .collect();
        let lines: Vec<String> = left
            .iter()
            .zip(&partners)
            .map(|(from, to)| {
                format!("{} – {}", one_line(from), one_line(rights.get(*to).map_or("", String::as_str)))
            })
            .collect();
        let left = left
            .into_iter()
            .enumerate()
            .map(|(at, text)| ChoiceDraft { id: choice_id(at), text: self.text(text) })
            .collect();
        let right = shown
            .iter()
            .enumerate()
            .filter_map(|(at, right)| Some((at, rights.get(*right)?.clone())))
            .map(|(at, text)| ChoiceDraft { id: format!("r{}", at + 1), text: self.text(text) })
            .collect();
        Ok(Taken {
            statement,
            question: QuestionDraft::Matching { left, right },
            key: AnswerKey::Matching { pairs: key },
            common_wrong: Vec::new(),
            on_right: None,
            right: lines.join("; "),
        })
    }

    fn take_ordering(&mut self, statement: String, items: &[Text]) -> Taken {
        let choices = self.choices(&items.iter().collect::<Vec<_>>());
        let order: Vec<String> = choices.iter().map(|choice| choice.id.clone()).collect();
        let lines: Vec<String> =
            choices.iter().map(|choice| one_line(choice.text.get(self.language))).collect();
        let mut shown = choices;
        shown.sort_by(|a, b| a.text.get(self.language).cmp(b.text.get(self.language)));
        if shown.iter().map(|choice| &choice.id).eq(&order) {
            shown.reverse();
        }
        Taken {
            statement,
            question: QuestionDraft::Ordering { items: shown },
            key: AnswerKey::Ordering { order },
            common_wrong: Vec::new(),
            on_right: None,
            right: lines.join(" → "),
        }
    }

    fn take_cloze(&mut self, text: &Text) -> Result<Taken, Refusal> {
        let (source, embedded) = cloze::read(&text.source)?;
        let (statement, source) = match source.split_once(CLOZE_RULE) {
            Some((statement, rest)) if !statement.contains("[[") => (statement.to_owned(), rest.to_owned()),
            Some(_) | None => (String::new(), source),
        };
        let in_format = |source: String| Text { source, format: text.format };
        let mut statement = self.statement(&in_format(statement));
        let text = self.statement(&in_format(source));
        if statement.trim().is_empty() {
            self.remark(Remark::StatementMade);
            statement = match self.language {
                Language::Ko => "빈칸에 알맞은 것을 써넣어 보세요.".to_owned(),
                Language::En => "Fill in the gaps.".to_owned(),
            };
        }
        let mut gaps = Vec::new();
        let mut keys = Vec::new();
        let mut rights = Vec::new();
        for (at, gap) in embedded.iter().enumerate() {
            let id = choice_id(at);
            let (entry, key, right) = self.take_gap(gap)?;
            gaps.push(GapDraft { id: id.clone(), entry });
            keys.push(GapKey { gap: id, key });
            rights.push(right);
        }
        Ok(Taken {
            statement,
            question: QuestionDraft::Cloze { text: self.text(text), gaps },
            common_wrong: self.single_gap_feedback(&embedded),
            key: AnswerKey::Cloze { gaps: keys },
            on_right: None,
            right: rights.join(", "),
        })
    }

    fn take_gap(&mut self, gap: &cloze::Gap) -> Result<(GapEntryDraft, GapKeyKind, String), Refusal> {
        let right: Vec<&cloze::Answer> = gap.answers.iter().filter(|answer| answer.percent >= FULL).collect();
        let first = *right.first().ok_or(Refusal::NoRightAnswer)?;
        for answer in gap.answers.iter().filter(|answer| answer.percent > 0.0 && answer.percent < FULL) {
            self.remark(Remark::PartialCredit(answer.text.clone()));
        }
        match gap.kind {
            cloze::Kind::Text { minds_case } => {
                if minds_case {
                    self.remark(Remark::CaseIgnored);
                }
                let mut accepted = Vec::new();
                for answer in right {
                    let (words, has_wildcard) = read_short_answer(&answer.plain());
                    if has_wildcard {
                        return Err(Refusal::WildcardRight);
                    }
                    accepted.push(words);
                }
                let shown = accepted.first().cloned().unwrap_or_default();
                Ok((GapEntryDraft::Text, GapKeyKind::Text { accepted }, shown))
            }
            cloze::Kind::Number => {
                if right.len() > 1 {
                    return Err(Refusal::SeveralRight);
                }
                let plain = first.plain();
                let (value, tolerance) = plain.split_once(':').unwrap_or((&plain, ""));
                let (value, tolerance) = (value.trim().to_owned(), tolerance.trim());
                let tolerance = (!tolerance.is_empty() && !is_zero(tolerance)).then(|| tolerance.to_owned());
                let shown = value.clone();
                Ok((GapEntryDraft::Number, GapKeyKind::Number { value, tolerance }, shown))
            }
            cloze::Kind::Choice => {
                if right.len() > 1 {
                    return Err(Refusal::SeveralRight);
                }
                let texts: Vec<Text> =
                    gap.answers.iter().map(|answer| Text::html(answer.text.clone())).collect();
                let choices = self.choices(&texts.iter().collect::<Vec<_>>());
                let at = gap.answers.iter().position(|answer| answer.percent >= FULL).unwrap_or_default();
                let choice = choices.get(at).ok_or(Refusal::NoRightAnswer)?;
                let (id, shown) = (choice.id.clone(), one_line(choice.text.get(self.language)));
                Ok((GapEntryDraft::Choice { choices }, GapKeyKind::Choice { choice: id }, shown))
            }
        }
    }

    /// Feedback on a wrong filling says something of the whole answer only where there is one gap.
    fn single_gap_feedback(&mut self, gaps: &[cloze::Gap]) -> Vec<CommonWrong> {
        let has_feedback = gaps.iter().flat_map(|gap| &gap.answers).any(|answer| answer.feedback.is_some());
        let [gap] = gaps else {
            if has_feedback {
                self.remark(Remark::FeedbackDropped);
            }
            return Vec::new();
        };
        let mut wrong = Vec::new();
        for (at, answer) in gap.answers.iter().enumerate().filter(|(_, answer)| answer.percent < FULL) {
            let plain = answer.plain();
            let text = match gap.kind {
                cloze::Kind::Choice => choice_id(at),
                cloze::Kind::Number => plain.split(':').next().unwrap_or_default().trim().to_owned(),
                cloze::Kind::Text { .. } => read_short_answer(&plain).0,
            };
            if plain.trim() == "*" {
                self.remark(Remark::WildcardDropped);
                continue;
            }
            let filled = Answer::Cloze { gaps: vec![GapAnswer { gap: choice_id(0), text }] };
            let feedback = answer.feedback.clone().map(Text::html);
            wrong.extend(self.common_wrong(filled, feedback.as_ref()));
        }
        wrong
    }
}

/// What counts as all of the grade; files round thirds.
const FULL: f64 = 99.9;

/// A short answer and whether it holds a bare `*`; `\*` is a star.
fn read_short_answer(source: &str) -> (String, bool) {
    let mut words = String::new();
    let mut has_wildcard = false;
    let mut chars = source.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'*') => words.extend(chars.next()),
            '*' => has_wildcard = true,
            other => words.push(other),
        }
    }
    (words, has_wildcard)
}

fn one_line(source: &str) -> String {
    match markdown::parse(source).as_slice() {
        [Block::Paragraph(_)] if !source.contains('\n') => source.to_owned(),
        blocks => markdown::words(blocks),
    }
}

fn file_name(source: &str) -> String {
    let path = source.split(['?', '#']).next().unwrap_or_default();
    // A picture inside its address has no name, and its bytes are none.
    if path.starts_with("data:") {
        return "data:".to_owned();
    }
    path.rsplit('/').next().unwrap_or_default().chars().take(80).collect()
}

fn is_zero(number: &str) -> bool {
    number.trim().parse::<f64>().is_ok_and(|value| value == 0.0)
}

fn is_one(factor: &str) -> bool {
    let factor = factor.trim();
    factor.is_empty() || factor.parse::<f64>().is_ok_and(|value| value == 1.0)
}
