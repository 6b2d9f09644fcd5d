//! Whether a claim is true. There are two answers only, so every one can be read.

use dreamseed_wire::answer::Grade;

/// Grades a verdict.
pub(crate) fn grade(key: bool, given: bool) -> Grade {
    if given == key { Grade::Right } else { Grade::Wrong }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_verdicts() {
        assert_eq!(grade(true, true), Grade::Right);
        assert_eq!(grade(false, false), Grade::Right);
        assert_eq!(grade(true, false), Grade::Wrong);
        assert_eq!(grade(false, true), Grade::Wrong);
    }
}
