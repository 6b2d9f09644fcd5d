//! Who needs somebody: rules over counts, with their constants. Pure.
//!
//! The list is short on purpose. A teacher of thirty looks at five names, so each rule leaves out what chance alone or a
//! holiday would put on it.
//!
//! A pupil is stuck at a problem after three tries without solving it (`store/reports/stuck.sql` and its index say so): by
//! then the hints have been shown and have not helped.

use dreamseed_wire::report::NeedReason;

/// The days that are now, against the weeks before.
pub const NOW_DAYS: i32 = 7;
/// The weeks before: long enough for an ordinary level, short enough to be of this term.
pub const BEFORE_DAYS: i32 = 28;
/// With fewer first tries in the last days, a share says little: of 8 even one is 12 points.
const NOW_FIRSTS: u32 = 8;
/// The same for the weeks before.
const BEFORE_FIRSTS: u32 = 16;
/// How far the share of right first tries must fall. With 8 against 16 tries a pupil who stays at 70 % falls so far by
/// chance about once in ten weeks.
const FALL: f64 = 0.25;
/// Days on which the class has worked since the pupil's last answer. Class days, not calendar days: nobody is missed
/// over a holiday, and a cold of two days is none of it.
const CLASS_DAYS_WITHOUT: u32 = 3;

/// First answers to problems, and the right ones of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Firsts {
    pub all: u32,
    pub right: u32,
}

/// A skill at which a pupil is stuck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckAt {
    pub problems: u32,
    pub skill: String,
    pub skill_name: String,
}

/// What the rules know of a pupil.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known {
    pub stuck: Vec<StuckAt>,
    pub now: Firsts,
    pub before: Firsts,
    /// Since the last answer, in calendar days; absent if there never was one.
    pub days_without: Option<u32>,
    /// Days with answers of others of the class since then.
    pub class_days_without: u32,
}

/// Why a pupil needs somebody: stuck first, the most problems first, then falling, then not used. Empty for most.
pub fn find(known: Known) -> Vec<NeedReason> {
    let mut stuck = known.stuck;
    stuck.sort_by(|a, b| (b.problems, &a.skill).cmp(&(a.problems, &b.skill)));
    let mut reasons: Vec<_> = stuck
        .into_iter()
        .map(|StuckAt { problems, skill, skill_name }| NeedReason::Stuck { problems, skill, skill_name })
        .collect();
    if let Some((before, now)) = find_fall(known.before, known.now) {
        reasons.push(NeedReason::Falling { before, now });
    }
    if known.class_days_without >= CLASS_DAYS_WITHOUT {
        reasons.push(NeedReason::NotUsed { days: known.days_without });
    }
    reasons
}

/// How urgent a list of reasons is; the greater the sooner. Problems somebody is stuck at weigh most, since an hour of
/// help changes them; then how far the share fell; then how long nothing came.
pub fn urgency(reasons: &[NeedReason]) -> (u32, u32, u32) {
    let mut urgency = (0, 0, 0);
    for reason in reasons {
        match reason {
            NeedReason::Stuck { problems, .. } => urgency.0 += problems,
            NeedReason::Falling { before, now } => urgency.1 = ((before - now) * 1_000.0).round() as u32,
            NeedReason::NotUsed { days } => urgency.2 = days.unwrap_or(u32::MAX),
        }
    }
    urgency
}

fn find_fall(before: Firsts, now: Firsts) -> Option<(f64, f64)> {
    if before.all < BEFORE_FIRSTS || now.all < NOW_FIRSTS {
        return None;
    }
    let share = |firsts: Firsts| f64::from(firsts.right) / f64::from(firsts.all);
    let (before, now) = (share(before), share(now));
    (before - now >= FALL).then_some((before, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_pupils_need_nobody() {
        assert_eq!(find(Known { days_without: Some(1), ..Known::default() }), []);
    }

    #[test]
    fn falling_needs_enough_tries_and_a_real_fall() {
        for (before, now, falls) in [
            ((16, 13), (8, 4), true),
            ((16, 12), (8, 4), true),
            // 11 of 16 to 4 of 8 is 19 points.
            ((16, 11), (8, 4), false),
            ((15, 15), (8, 0), false),
            ((16, 16), (7, 0), false),
            ((40, 20), (20, 18), false),
        ] {
            let firsts = |(all, right): (u32, u32)| Firsts { all, right };
            let known = Known { before: firsts(before), now: firsts(now), ..Known::default() };
            assert_eq!(!find(known).is_empty(), falls, "{before:?} {now:?}");
        }
    }

    #[test]
    fn not_used_counts_the_days_of_the_class() {
        for (class_days, days, expected) in [
            (2, Some(9), vec![]),
            (3, Some(4), vec![NeedReason::NotUsed { days: Some(4) }]),
            (0, Some(40), vec![]),
            (5, None, vec![NeedReason::NotUsed { days: None }]),
        ] {
            let known = Known { class_days_without: class_days, days_without: days, ..Known::default() };
            assert_eq!(find(known), expected, "{class_days} {days:?}");
        }
    }

    #[test]
    fn who_is_stuck_comes_first() {
        let stuck = |problems, skill: &str| StuckAt {
            problems,
            skill: skill.into(),
            skill_name: skill.to_uppercase(),
        };
        let one = find(Known { stuck: vec![stuck(1, "a"), stuck(2, "b")], ..Known::default() });
        assert!(matches!(&one[0], NeedReason::Stuck { problems: 2, skill, .. } if skill == "b"));
        let fall = [NeedReason::Falling { before: 0.9, now: 0.2 }];
        let less = [NeedReason::Falling { before: 0.9, now: 0.5 }];
        let (gone, never) = ([NeedReason::NotUsed { days: Some(9) }], [NeedReason::NotUsed { days: None }]);
        let order = [urgency(&one), urgency(&fall), urgency(&less), urgency(&never), urgency(&gone)];
        assert!(order.is_sorted_by(|a, b| a > b), "{order:?}");
    }
}
