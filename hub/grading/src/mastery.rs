//! Mastery of a skill: a pure fold over a pupil's answers by Bayesian Knowledge Tracing.
//!
//! The walk: put the answers in the order of record, drop re-deliveries, take the first attempt at each problem on
//! each day as evidence, and update the chance that the skill is known after each. The same set of answers gives the
//! same state to the last bit, in whatever order and however often it is delivered, so the stored progress is a cache
//! that can be rebuilt at any time. [`Running`] is a fold that can be kept and taken up again: an answer that comes in
//! order moves it by one step, and any other asks for the whole fold.
//!
//! Model and update: A. T. Corbett and J. R. Anderson, "Knowledge tracing: Modeling the acquisition of procedural
//! knowledge", User Modeling and User-Adapted Interaction 4 (1995), 253–278.

use dreamseed_wire::{ids::ProblemId, progress::MasteryLevel};

/// The chance that the skill is known before any answer, P(L0).
pub const P_INIT: f64 = 0.3;
/// The chance that the skill becomes known at one opportunity to use it, P(T).
pub const P_LEARN: f64 = 0.15;
/// The chance of a wrong answer although the skill is known, P(S).
pub const P_SLIP: f64 = 0.1;
/// The chance of a right answer although the skill is not known, P(G).
pub const P_GUESS: f64 = 0.2;
/// From this chance on a skill is [`MasteryLevel::Secure`].
pub const SECURE_FROM: f64 = 0.85;
/// With fewer pieces of evidence a skill is [`MasteryLevel::Starting`], whatever the answers were.
pub const EVIDENCE_FOR_A_LEVEL: u32 = 3;

/// One graded answer to a problem of the skill. Answers that could not be understood are no evidence: leave them out.
///
/// `Day` is anything whose order is the calendar's: `YYYY-MM-DD` text or a day number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence<Day = String> {
    /// The day of the answer in the school's time zone.
    pub day: Day,
    /// The answer's place in the hub's record; names the answer.
    pub hub_seq: i64,
    /// The problem, whatever its version.
    pub problem: ProblemId,
    /// Whether the grade that now counts is right.
    pub right: bool,
}

/// What a pupil's answers say of one skill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SkillState {
    /// The estimated chance that the skill is known, 0 to 1.
    pub mastery: f64,
    /// All answers.
    pub attempts: u32,
    /// All right answers.
    pub right: u32,
    /// First answers to a problem on a day: what the estimate rests on.
    pub evidence: u32,
}

impl Default for SkillState {
    /// The state before any answer.
    fn default() -> Self {
        Self { mastery: P_INIT, attempts: 0, right: 0, evidence: 0 }
    }
}

impl SkillState {
    /// Mastery in words: [`MasteryLevel::Starting`] until there is enough evidence.
    pub fn level(&self) -> MasteryLevel {
        if self.evidence < EVIDENCE_FOR_A_LEVEL {
            MasteryLevel::Starting
        } else if self.mastery >= SECURE_FROM {
            MasteryLevel::Secure
        } else {
            MasteryLevel::Growing
        }
    }
}

/// A fold under way: where it stands, and what it takes to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Running<Day = String> {
    pub state: SkillState,
    /// The day of the latest answer; absent before the first one.
    pub day: Option<Day>,
    /// The problems that were answered on that day.
    pub seen: Vec<ProblemId>,
}

impl<Day> Default for Running<Day> {
    fn default() -> Self {
        Self { state: SkillState::default(), day: None, seen: Vec::new() }
    }
}

impl<Day: Ord + Clone> Running<Day> {
    /// Goes on with the next answer of the record: whether it was the first to its problem on its day. `None` and no
    /// change if its day lies before the latest one, since the fold would have to begin again.
    ///
    /// Within a day answers come in the order of their `hub_seq`, which is the order in which the hub takes them.
    pub fn take(&mut self, day: &Day, problem: ProblemId, right: bool) -> Option<bool> {
        match &self.day {
            Some(latest) if day < latest => return None,
            Some(latest) if day == latest => {}
            Some(_) | None => {
                self.day = Some(day.clone());
                self.seen.clear();
            }
        }
        let state = &mut self.state;
        state.attempts = state.attempts.saturating_add(1);
        state.right = state.right.saturating_add(u32::from(right));
        let is_first = !self.seen.contains(&problem);
        if is_first {
            self.seen.push(problem);
            state.evidence = state.evidence.saturating_add(1);
            state.mastery = trace(state.mastery, right);
        }
        Some(is_first)
    }
}

/// Folds one pupil's answers to problems of one skill.
///
/// Answers may come in any order and more than once. Only the first answer to a problem on a day is evidence: what
/// follows was helped by the grade and the hints.
pub fn fold<Day: Ord + Clone>(evidence: impl IntoIterator<Item = Evidence<Day>>) -> SkillState {
    run(evidence).state
}

/// The same with what it takes to go on.
pub fn run<Day: Ord + Clone>(evidence: impl IntoIterator<Item = Evidence<Day>>) -> Running<Day> {
    let mut running = Running::default();
    for answer in in_order(evidence) {
        running.take(&answer.day, answer.problem, answer.right);
    }
    running
}

/// Each answer once, in the order of record: by day, and within it by `hub_seq`.
pub fn in_order<Day: Ord>(evidence: impl IntoIterator<Item = Evidence<Day>>) -> Vec<Evidence<Day>> {
    let mut record: Vec<Evidence<Day>> = evidence.into_iter().collect();
    // By name first: copies of one answer stand side by side even if they disagree on the day.
    record.sort_by(|a, b| a.hub_seq.cmp(&b.hub_seq).then_with(|| a.cmp(b)));
    record.dedup_by_key(|answer| answer.hub_seq);
    record.sort_by(|a, b| (&a.day, a.hub_seq).cmp(&(&b.day, b.hub_seq)));
    record
}

/// One step of knowledge tracing: the chance that the skill is known after an answer and the learning that follows.
fn trace(known: f64, right: bool) -> f64 {
    let (if_known, if_not) = if right { (1.0 - P_SLIP, P_GUESS) } else { (P_SLIP, 1.0 - P_GUESS) };
    let posterior = known * if_known / (known * if_known + (1.0 - known) * if_not);
    posterior + (1.0 - posterior) * P_LEARN
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problem(number: u8) -> ProblemId {
        format!("00000000-0000-7000-8000-0000000000{number:02x}").parse().expect("a UUID")
    }

    fn answer(day: &str, hub_seq: i64, number: u8, right: bool) -> Evidence {
        Evidence { day: day.to_owned(), hub_seq, problem: problem(number), right }
    }

    #[test]
    fn nothing_is_the_starting_point() {
        let state = fold::<String>([]);
        assert_eq!(state, SkillState { mastery: P_INIT, attempts: 0, right: 0, evidence: 0 });
        assert_eq!(state.level(), MasteryLevel::Starting);
    }

    #[test]
    fn one_right_answer_moves_the_estimate_as_the_paper_says() {
        // P(L|right) = .3*.9 / (.3*.9 + .7*.2) = .27/.41; then + (1 - that) * .15.
        let posterior: f64 = 0.27 / 0.41;
        let expected = posterior + (1.0 - posterior) * 0.15;
        let state = fold([answer("2026-03-02", 1, 1, true)]);
        assert!((state.mastery - expected).abs() < 1e-12, "{}", state.mastery);
        // P(L|wrong) = .3*.1 / (.3*.1 + .7*.8) = .03/.59.
        let posterior: f64 = 0.03 / 0.59;
        let expected = posterior + (1.0 - posterior) * 0.15;
        let state = fold([answer("2026-03-02", 1, 1, false)]);
        assert!((state.mastery - expected).abs() < 1e-12, "{}", state.mastery);
    }

    #[test]
    fn only_the_first_attempt_of_a_day_is_evidence() {
        let once = fold([answer("2026-03-02", 1, 1, false)]);
        let again = fold([answer("2026-03-02", 1, 1, false), answer("2026-03-02", 2, 1, true)]);
        assert_eq!(once.mastery.to_bits(), again.mastery.to_bits());
        assert_eq!((again.attempts, again.right, again.evidence), (2, 1, 1));
        let next_day = fold([answer("2026-03-02", 1, 1, false), answer("2026-03-03", 2, 1, true)]);
        assert_eq!(next_day.evidence, 2);
        assert!(next_day.mastery > once.mastery);
    }

    #[test]
    fn a_late_answer_counts_on_the_day_it_was_made() {
        // Answer 9 arrived last but was made first: it is the first attempt of its day.
        let state = fold([answer("2026-03-03", 1, 1, true), answer("2026-03-02", 9, 1, false)]);
        let in_order = fold([answer("2026-03-02", 1, 1, false), answer("2026-03-03", 2, 1, true)]);
        assert_eq!(state.mastery.to_bits(), in_order.mastery.to_bits());
    }

    #[test]
    fn an_answer_of_an_earlier_day_asks_for_the_whole_fold() {
        let mut running = run([answer("2026-03-03", 1, 1, true)]);
        let before = running.clone();
        assert_eq!(running.take(&"2026-03-02".to_owned(), problem(1), true), None);
        assert_eq!(running, before);
        assert_eq!(running.take(&"2026-03-03".to_owned(), problem(1), true), Some(false));
        assert_eq!(running.take(&"2026-03-04".to_owned(), problem(1), true), Some(true));
    }

    #[test]
    fn levels_need_evidence_and_then_mastery() {
        let right = |count: u8| fold((0..count).map(|n| answer("2026-03-02", i64::from(n), n, true)));
        assert_eq!(right(2).level(), MasteryLevel::Starting);
        assert_eq!(right(3).level(), MasteryLevel::Secure);
        let wrong = fold((0..5).map(|n| answer("2026-03-02", i64::from(n), n, false)));
        assert_eq!(wrong.level(), MasteryLevel::Growing);
    }

    #[test]
    fn day_numbers_do_as_well_as_dates() {
        let state = fold([
            Evidence { day: 20_000_i32, hub_seq: 1, problem: problem(1), right: true },
            Evidence { day: 20_001_i32, hub_seq: 2, problem: problem(1), right: true },
        ]);
        assert_eq!(state.evidence, 2);
    }

    fn a_record() -> impl Strategy<Value = Vec<Evidence<i32>>> {
        let row = (0_i32..6, 0_u8..8, any::<bool>());
        proptest::collection::vec(row, 0..60).prop_map(|rows| {
            rows.into_iter()
                .zip(1_i64..)
                .map(|((day, number, right), hub_seq)| Evidence {
                    day,
                    hub_seq,
                    problem: problem(number),
                    right,
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn any_order_and_any_redelivery_gives_the_same_state(
            (record, delivered) in a_record().prop_flat_map(|record| {
                let length = record.len();
                let again = proptest::collection::vec(0..length.max(1), 0..20);
                (Just(record), again).prop_flat_map(|(record, again)| {
                    let mut delivered = record.clone();
                    delivered.extend(again.iter().filter_map(|&index| record.get(index).cloned()));
                    (Just(record), Just(delivered).prop_shuffle())
                })
            })
        ) {
            let once = fold(record);
            let shuffled = fold(delivered);
            prop_assert_eq!(once.mastery.to_bits(), shuffled.mastery.to_bits());
            prop_assert_eq!(once, shuffled);
        }

        #[test]
        fn a_kept_fold_goes_on_as_if_it_had_never_stopped(record in a_record(), cut in any::<prop::sample::Index>()) {
            let ordered = in_order(record);
            let cut = cut.index(ordered.len() + 1);
            let mut kept = run(ordered[..cut].to_vec());
            for answer in &ordered[cut..] {
                prop_assert!(kept.take(&answer.day, answer.problem, answer.right).is_some());
            }
            let whole = run(ordered);
            prop_assert_eq!(kept.state.mastery.to_bits(), whole.state.mastery.to_bits());
            prop_assert_eq!(kept, whole);
        }

        #[test]
        fn mastery_stays_a_chance(record in a_record()) {
            let state = fold(record);
            prop_assert!((0.0..=1.0).contains(&state.mastery));
            prop_assert!(state.right <= state.attempts && state.evidence <= state.attempts);
        }
    }
}
