//! What a report says of a file and of its items, in Korean and in English.

use dreamseed_grading::{DraftFault, DraftReason};
use dreamseed_wire::Language;

/// Why a whole file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    #[error("the file is larger than {0} bytes; export the problems in several files")]
    TooLarge(usize),
    #[error("the file is no text in UTF-8, UTF-16 or CP949 (EUC-KR); save it as UTF-8 and choose it again")]
    UnknownEncoding,
    #[error(
        "the file says that it is `{0}`, but it cannot be read as that; save it as UTF-8 and choose it again"
    )]
    OtherEncoding(String),
    #[error("the file holds more than {0} problems; export them in several files")]
    TooManyItems(usize),
    #[error("there is no problem in the file; check that it is of the chosen format")]
    NoItems,
    #[error("line {line}: {why}; the file is not sound XML, export it again")]
    Xml { line: u32, why: String },
    #[error("line {0}: a DOCTYPE or an entity of its own is not taken, since it can make a small file huge")]
    Doctype(u32),
    #[error("line {line}: elements are nested deeper than {limit}; this is no file of problems")]
    TooDeep { line: u32, limit: usize },
    #[error("the file does not begin with <quiz>; choose a file of the Moodle XML format")]
    NoQuiz,
}

impl FileFault {
    /// The fault in the reader's language.
    pub fn text(&self, language: Language) -> String {
        match (language, self) {
            (Language::En, fault) => fault.to_string(),
            (Language::Ko, FileFault::TooLarge(limit)) => {
                format!("파일이 {limit}바이트보다 큽니다. 여러 파일로 나누어 내보낸 뒤 다시 가져오세요.")
            }
            (Language::Ko, FileFault::UnknownEncoding) => {
                "UTF-8, UTF-16, CP949(EUC-KR) 가운데 어느 글도 아닙니다. UTF-8로 저장한 뒤 다시 고르세요."
                    .to_owned()
            }
            (Language::Ko, FileFault::OtherEncoding(said)) => {
                format!(
                    "파일에는 `{said}`(이)라고 쓰여 있지만 그렇게 읽을 수 없습니다. UTF-8로 저장한 뒤 다시 고르세요."
                )
            }
            (Language::Ko, FileFault::TooManyItems(limit)) => {
                format!("문제가 {limit}개보다 많습니다. 여러 파일로 나누어 내보낸 뒤 다시 가져오세요.")
            }
            (Language::Ko, FileFault::NoItems) => {
                "파일에 문제가 없습니다. 고른 형식의 파일인지 확인하세요.".to_owned()
            }
            (Language::Ko, FileFault::Xml { line, why }) => {
                format!("{line}번째 줄: XML이 온전하지 않습니다({why}). 파일을 다시 내보내세요.")
            }
            (Language::Ko, FileFault::Doctype(line)) => format!(
                "{line}번째 줄: DOCTYPE이나 따로 정한 개체는 작은 파일을 한없이 부풀릴 수 있어 받지 않습니다."
            ),
            (Language::Ko, FileFault::TooDeep { line, limit }) => {
                format!("{line}번째 줄: 요소가 {limit}겹보다 깊습니다. 문제 파일이 아닙니다.")
            }
            (Language::Ko, FileFault::NoQuiz) => {
                "<quiz>로 시작하지 않습니다. Moodle XML 형식의 파일을 고르세요.".to_owned()
            }
        }
    }
}

/// What was changed in an item, or is worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    NoHints,
    SolutionMade,
    TitleMade,
    TitleCut,
    StatementMade,
    ElementRemoved(String),
    HandlerRemoved,
    LinkRemoved,
    ImageRemoved(String),
    FileRemoved(String),
    NestedListFlattened,
    MarkdownKeepsHtml,
    PartialCredit(String),
    CaseIgnored,
    WildcardDropped,
    UnitDropped(String),
    FeedbackDropped,
    HintDropped,
    CommonWrongDropped(String),
    DistractorsKept,
    EditedSinceExport,
    SkillUnknown(String),
}

impl Remark {
    /// Whether something of the item has no place here, so that it is changed and not just taken.
    pub fn is_loss(&self) -> bool {
        !matches!(
            self,
            Remark::NoHints
                | Remark::SolutionMade
                | Remark::TitleMade
                | Remark::StatementMade
                | Remark::DistractorsKept
        )
    }

    /// The remark in the reader's language.
    pub fn text(&self, language: Language) -> String {
        let (ko, en) = self.texts();
        match language {
            Language::Ko => ko,
            Language::En => en,
        }
    }

    fn texts(&self) -> (String, String) {
        let both = |ko: &str, en: &str| (ko.to_owned(), en.to_owned());
        match self {
            Remark::NoHints => both("도움말이 없습니다.", "It has no hints."),
            Remark::SolutionMade => both(
                "풀이가 없어 정답을 풀이에 적었습니다.",
                "It has no solution; the right answer stands there.",
            ),
            Remark::TitleMade => both(
                "제목이 없어 문제의 첫머리를 제목으로 삼았습니다.",
                "It has no title; the beginning of its text is one.",
            ),
            Remark::TitleCut => both("긴 제목을 줄였습니다.", "The long title was cut."),
            Remark::StatementMade => both(
                "지시문이 없어 한 문장을 넣었습니다.",
                "It has no instruction; a sentence was put there.",
            ),
            Remark::ElementRemoved(name) => {
                (format!("<{name}> 부분을 뺐습니다."), format!("The part <{name}> was left out."))
            }
            Remark::HandlerRemoved => both(
                "누르거나 열 때 실행되는 코드를 뺐습니다.",
                "Code that runs on a click or on opening was left out.",
            ),
            Remark::LinkRemoved => {
                both("링크는 빼고 글만 남겼습니다.", "Links were left out, their words stay.")
            }
            Remark::ImageRemoved(name) => {
                (format!("그림을 뺐습니다: {name}"), format!("A picture was left out: {name}"))
            }
            Remark::FileRemoved(name) => {
                (format!("딸린 파일을 뺐습니다: {name}"), format!("An attached file was left out: {name}"))
            }
            Remark::NestedListFlattened => {
                both("목록 속의 목록을 한 목록으로 폈습니다.", "A list inside a list became one list.")
            }
            Remark::MarkdownKeepsHtml => both(
                "Markdown 속의 HTML 표시는 글자 그대로 보입니다.",
                "HTML inside of Markdown is shown as plain characters.",
            ),
            Remark::PartialCredit(answer) => (
                format!("부분 점수 답은 틀린 답으로 봅니다: {answer}"),
                format!("An answer with partial credit counts as wrong: {answer}"),
            ),
            Remark::CaseIgnored => {
                both("대소문자는 가리지 않습니다.", "Upper and lower case are not told apart.")
            }
            Remark::WildcardDropped => {
                both("모든 답을 뜻하는 *는 뺐습니다.", "The * that stands for any answer was left out.")
            }
            Remark::UnitDropped(unit) => {
                (format!("이 단위는 받을 수 없습니다: {unit}"), format!("This unit cannot be taken: {unit}"))
            }
            Remark::FeedbackDropped => {
                both("자리가 없는 피드백을 뺐습니다.", "Feedback that has no place here was left out.")
            }
            Remark::HintDropped => both(
                "답을 말하거나 너무 긴 도움을 뺐습니다.",
                "A hint that tells the answer or is too long was left out.",
            ),
            Remark::CommonWrongDropped(answer) => (
                format!("흔한 오답으로 둘 수 없는 답의 피드백을 뺐습니다: {answer}"),
                format!("The feedback on an answer that cannot be a common wrong one was left out: {answer}"),
            ),
            Remark::DistractorsKept => {
                both("짝이 없는 보기도 함께 두었습니다.", "Choices without a partner were kept.")
            }
            Remark::EditedSinceExport => both(
                "내보낸 뒤에 고쳐진 문제라, 형식 밖의 내용은 되살리지 않았습니다.",
                "It was edited after it was exported, so that what the format cannot hold was not restored.",
            ),
            Remark::SkillUnknown(skill) => (
                format!("이 학교에 없는 성취 기준이라 고른 것으로 두었습니다: {skill}"),
                format!("This skill is not known here, the chosen one was taken: {skill}"),
            ),
        }
    }
}

/// Why an item is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A kind of question that has no place here, by the format's own name.
    Kind(String),
    Essay,
    Description,
    /// Broken syntax: a sentence in Korean and in English.
    Syntax(&'static str, &'static str),
    NoRightAnswer,
    SeveralRight,
    WildcardRight,
    Draft(DraftFault),
}

impl Refusal {
    /// The reason in the reader's language.
    pub fn text(&self, language: Language) -> String {
        let (ko, en) = self.texts();
        match language {
            Language::Ko => ko,
            Language::En => en,
        }
    }

    fn texts(&self) -> (String, String) {
        let both = |ko: &str, en: &str| (ko.to_owned(), en.to_owned());
        match self {
            Refusal::Kind(kind) => (
                format!("이 종류의 문제는 받지 않습니다: {kind}"),
                format!("This kind of question is not taken: {kind}"),
            ),
            Refusal::Essay => both(
                "서술형(essay)은 코드가 채점할 수 없어 받지 않습니다.",
                "An essay cannot be graded by code and is not taken.",
            ),
            Refusal::Description => both(
                "설명글(description)에는 물음이 없어 받지 않습니다.",
                "A description asks nothing and is not taken.",
            ),
            Refusal::Syntax(ko, en) => both(ko, en),
            Refusal::NoRightAnswer => both("정답이 없습니다.", "There is no right answer."),
            Refusal::SeveralRight => both(
                "하나를 고르는 자리에 정답이 여럿입니다.",
                "There are several right answers where one is to be given.",
            ),
            Refusal::WildcardRight => both(
                "정답에 아무 글이나 뜻하는 *가 있습니다.",
                "The right answer holds a * that stands for any text.",
            ),
            Refusal::Draft(fault) => match entry_of(&fault.field) {
                Some((ko, en)) => (
                    format!("{ko}: {}", reason_text(&fault.reason)),
                    format!("It cannot be kept: {en}: {}.", fault.reason),
                ),
                None => (
                    format!("{}: {}", field_name(&fault.field), reason_text(&fault.reason)),
                    format!("It cannot be kept: {fault}."),
                ),
            },
        }
    }
}

/// An entry of a question's list in a teacher's words, counted from 1: `보기 3`.
fn entry_of(field: &str) -> Option<(String, String)> {
    let mut path = field.split('.');
    let ("question", list, at) = (path.next()?, path.next()?, path.next()?) else { return None };
    let number = at.parse::<usize>().ok()? + 1;
    let (ko, en) = match list {
        "choices" => ("보기", "choice"),
        "items" => ("항목", "item"),
        "left" => ("왼쪽 항목", "left item"),
        "right" => ("오른쪽 항목", "right item"),
        _ => return None,
    };
    Some((format!("{ko} {number}"), format!("{en} {number}")))
}

/// A field of a draft in a teacher's words.
fn field_name(field: &str) -> &'static str {
    let first = field.split('.').next().unwrap_or_default();
    match first {
        "skill" => "성취 기준",
        "title" => "제목",
        "statement" => "문제",
        "figure" => "그림",
        "question" => "물음",
        "key" => "정답",
        "check" => "검산식",
        "solution" => "풀이",
        "hints" => "도움",
        "common_wrong" => "흔한 오답",
        _ => "문제",
    }
}

fn reason_text(reason: &DraftReason) -> String {
    if let DraftReason::TooLong(limit) = reason {
        return format!("{limit}바이트보다 깁니다.");
    }
    if let DraftReason::TooFew(limit) = reason {
        return format!("{limit}개보다 적습니다.");
    }
    if let DraftReason::TooMany(limit) = reason {
        return format!("{limit}개보다 많습니다.");
    }
    if matches!(reason, DraftReason::Blank | DraftReason::NoLanguage) {
        return "비어 있습니다.".to_owned();
    }
    if matches!(reason, DraftReason::DuplicateText) {
        return "같은 보기가 두 번 있습니다. 하나를 지우거나 고치세요.".to_owned();
    }
    if matches!(reason, DraftReason::ForbiddenCharacter) {
        return "숨은 글자나 쓰는 방향을 바꾸는 글자가 있습니다.".to_owned();
    }
    if matches!(reason, DraftReason::Key(_)) {
        return "정답을 수로 읽을 수 없습니다.".to_owned();
    }
    format!("받을 수 없습니다({reason}).")
}
