//! Which authored hint belongs to the n-th help, and how far help may go.

use dreamseed_wire::{Language, lesson::HintCeiling};

use crate::school::ProblemVersion;

/// A hint with its level, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthoredHint {
    pub level: u32,
    pub text: String,
}

/// The authored hint for the `number`-th help (from 1) on a problem version; none if its author wrote none.
pub fn choose(
    version: &ProblemVersion,
    number: u32,
    ceiling: HintCeiling,
    language: Language,
) -> Option<AuthoredHint> {
    let hints = &version.draft.hints;
    let level = number.max(1).min(levels(version, ceiling));
    let text = hints.get((level as usize).checked_sub(1)?)?.get(language);
    (!text.is_empty()).then(|| AuthoredHint { level, text: text.to_owned() })
}

/// How many of a version's hints a ceiling lets through.
pub fn levels(version: &ProblemVersion, ceiling: HintCeiling) -> u32 {
    highest(ceiling, u32::try_from(version.draft.hints.len()).unwrap_or(u32::MAX))
}

/// The most telling hint that a ceiling lets through, of `count`: a nudge is the first one only; concepts are all but
/// the last, which shows a step; worked steps are all.
fn highest(ceiling: HintCeiling, count: u32) -> u32 {
    match ceiling {
        HintCeiling::None => 0,
        HintCeiling::Nudge => count.min(1),
        HintCeiling::Concept => count.saturating_sub(1).max(count.min(1)),
        HintCeiling::WorkedStep => count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings() {
        for (ceiling, expected) in [
            (HintCeiling::None, [0, 0, 0, 0]),
            (HintCeiling::Nudge, [0, 1, 1, 1]),
            (HintCeiling::Concept, [0, 1, 1, 2]),
            (HintCeiling::WorkedStep, [0, 1, 2, 3]),
        ] {
            assert_eq!([0, 1, 2, 3].map(|count| highest(ceiling, count)), expected, "{ceiling:?}");
        }
    }
}
