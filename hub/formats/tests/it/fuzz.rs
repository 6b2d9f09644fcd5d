//! A short run of each target here; `cargo bolero test -p dreamseed-formats --test it fuzz::<name>` runs for as long as
//! it is told.

use std::time::Duration;

use dreamseed_formats::{Outcome, read, write};
use dreamseed_wire::{Language, exchange::ProblemFormat};

use crate::reading;

/// Of each target in a run of the tests.
const MOMENT: Duration = Duration::from_millis(1500);

/// Whatever the bytes: no panic, and what is taken passes `grading`, can be exported and comes back the same.
fn check(format: ProblemFormat, bytes: &[u8]) {
    let Ok(items) = read(format, bytes, &reading()) else { return };
    for item in items {
        let Outcome::Taken(draft, _) = item.outcome else { continue };
        assert_eq!(dreamseed_grading::validate(&draft), Ok(()));
        for format in [ProblemFormat::Gift, ProblemFormat::MoodleXml] {
            let file = write(format, &[(None, &draft)], Language::Ko);
            assert!(read(format, file.as_bytes(), &reading()).is_ok(), "{file}");
        }
    }
}

/// Strings of words that the format knows, by the bytes of the fuzzer.
fn spell(words: &[&str], bytes: &[u8]) -> String {
    bytes.iter().filter_map(|byte| words.get(usize::from(*byte) % words.len())).copied().collect()
}

#[test]
fn gift() {
    const WORDS: &[&str] = &[
        "{",
        "}",
        "=",
        "~",
        "#",
        "####",
        "::",
        "\\",
        "\\n",
        "->",
        "%50%",
        "%",
        "T",
        "F",
        "1",
        "2..3",
        ":",
        ".5",
        "a",
        "가",
        " ",
        "\n",
        "\n\n",
        "//",
        "[html]",
        "[markdown]",
        "$CATEGORY:",
        "$x$",
        "*",
        "<b>",
        "// dreamseed {",
        "\"of\":",
    ];
    bolero::check!().with_test_time(MOMENT).for_each(|bytes: &[u8]| {
        check(ProblemFormat::Gift, bytes);
        check(ProblemFormat::Gift, spell(WORDS, bytes).as_bytes());
    });
}

#[test]
fn moodle_xml() {
    const WORDS: &[&str] = &[
        "<quiz>",
        "</quiz>",
        "<question type='multichoice'>",
        "<question type='numerical'>",
        "<question type='matching'>",
        "<question type='shortanswer'>",
        "<question type='truefalse'>",
        "<question type='ordering'>",
        "</question>",
        "<name><text>",
        "</text></name>",
        "<questiontext format='html'><text>",
        "</text></questiontext>",
        "<answer fraction='100'><text>",
        "<answer fraction='0'><text>",
        "</text></answer>",
        "<subquestion><text>",
        "</text><answer><text>",
        "</text></answer></subquestion>",
        "<hint><text>",
        "</text></hint>",
        "<![CDATA[",
        "]]>",
        "&lt;",
        "&x;",
        "<!DOCTYPE a>",
        "true",
        "false",
        "12",
        "가 ",
        "<!-- dreamseed {} -->",
        "<file name='a.svg'>",
    ];
    bolero::check!().with_test_time(MOMENT).for_each(|bytes: &[u8]| {
        check(ProblemFormat::MoodleXml, bytes);
        let file = format!("<quiz><question type='shortanswer'>{}</question></quiz>", spell(WORDS, bytes));
        check(ProblemFormat::MoodleXml, file.as_bytes());
        check(ProblemFormat::MoodleXml, spell(WORDS, bytes).as_bytes());
    });
}

/// Any HTML as the text of a question: cleaned without a panic, and what is left holds no markup that runs.
#[test]
fn html() {
    const WORDS: &[&str] = &[
        "<p>",
        "</p>",
        "<ul>",
        "<li>",
        "</li>",
        "</ul>",
        "<ol start='3'>",
        "</ol>",
        "<table>",
        "<tr>",
        "<td>",
        "</td>",
        "</tr>",
        "</table>",
        "<b>",
        "</b>",
        "<i>",
        "</i>",
        "<sup>",
        "</sup>",
        "<script>",
        "</script>",
        "<svg>",
        "</svg>",
        "<br>",
        "<h2>",
        "</h2>",
        "<img src=x alt=y>",
        "\\(",
        "\\)",
        "$",
        "$$",
        "\\[",
        "\\]",
        "*",
        "`",
        "a",
        "1. ",
        "- ",
        "# ",
        "|",
        " ",
        "\n",
        "&lt;",
        "&amp;",
        "\\",
        "<code>",
        "</code>",
        "가",
    ];
    bolero::check!().with_test_time(MOMENT).for_each(|bytes: &[u8]| {
        let html = spell(WORDS, bytes).replace("]]>", "");
        let question = "<question type='truefalse'><name><text>T</text></name><questiontext format='html'><text><![CDATA[";
        let answer = "]]></text></questiontext><answer fraction='100'><text>true</text></answer></question>";
        check(ProblemFormat::MoodleXml, format!("<quiz>{question}{html}{answer}</quiz>").as_bytes());
    });
}

#[test]
fn embedded_answers() {
    const WORDS: &[&str] = &[
        "{",
        "}",
        "1",
        ":",
        "SHORTANSWER",
        "SA",
        "NM",
        "MC",
        "MCV",
        "MR",
        "=",
        "~",
        "#",
        "%50%",
        "%",
        "\\",
        "a",
        "5",
        "5:0.1",
        "가",
        "<b>",
        "&#",
        "{1:SA:=",
        "{1:MC:a~=b",
        "*",
        "[[",
        "]]",
        "<hr>",
        " ",
        "$",
    ];
    bolero::check!().with_test_time(MOMENT).for_each(|bytes: &[u8]| {
        let text = spell(WORDS, bytes);
        let question =
            "<question type='cloze'><name><text>T</text></name><questiontext format='html'><text><![CDATA[";
        let file = format!("<quiz>{question}{text}]]></text></questiontext></question></quiz>");
        check(ProblemFormat::MoodleXml, file.as_bytes());
    });
}
