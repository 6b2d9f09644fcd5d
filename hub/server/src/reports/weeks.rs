//! A pupil's work on a skill week by week: the fold of `grading::mastery`, read at the end of each week. Pure.

use dreamseed_grading::mastery::{self, Evidence, Running};
use dreamseed_wire::report::SkillWeek;
use jiff::civil::Date;

/// The weeks with work, oldest first.
pub fn by_week(evidence: Vec<Evidence>) -> Vec<SkillWeek> {
    let mut weeks: Vec<SkillWeek> = Vec::new();
    let mut running = Running::default();
    for answer in mastery::in_order(evidence) {
        running.take(&answer.day, answer.problem, answer.right);
        let week = monday_of(&answer.day);
        let is_new = weeks.last().is_none_or(|last| last.week != week);
        if is_new {
            weeks.push(SkillWeek { week, attempts: 0, right: 0, mastery: 0.0 });
        }
        if let Some(last) = weeks.last_mut() {
            last.attempts += 1;
            last.right += u32::from(answer.right);
            last.mastery = running.state.mastery;
        }
    }
    weeks
}

/// The Monday of a day's week; a day that cannot be read is its own week rather than lost.
fn monday_of(day: &str) -> String {
    let Ok(date) = day.parse::<Date>() else { return day.to_owned() };
    let back = i64::from(date.weekday().to_monday_zero_offset());
    date.checked_sub(jiff::Span::new().days(back))
        .map_or_else(|_| day.to_owned(), |monday| monday.to_string())
}

#[cfg(test)]
mod tests {
    use dreamseed_wire::ids::ProblemId;

    use super::*;

    #[test]
    fn a_week_begins_on_monday() {
        for (day, monday) in
            [("2026-11-23", "2026-11-23"), ("2026-11-22", "2026-11-16"), ("2027-01-01", "2026-12-28")]
        {
            assert_eq!(monday_of(day), monday);
        }
    }

    #[test]
    fn each_week_shows_its_own_work_and_the_mastery_at_its_end() {
        let answer = |day: &str, hub_seq, right| Evidence {
            day: day.into(),
            hub_seq,
            problem: ProblemId::new(),
            right,
        };
        // The answer of the first week came last.
        let evidence = vec![
            answer("2026-11-23", 1, true),
            answer("2026-11-24", 2, true),
            answer("2026-11-09", 3, false),
        ];
        let weeks = by_week(evidence.clone());
        let counts: Vec<_> =
            weeks.iter().map(|week| (week.week.as_str(), week.attempts, week.right)).collect();
        assert_eq!(counts, [("2026-11-09", 1, 0), ("2026-11-23", 2, 2)]);
        assert_eq!(weeks[0].mastery.to_bits(), mastery::fold([evidence[2].clone()]).mastery.to_bits());
        assert_eq!(weeks[1].mastery.to_bits(), mastery::fold(evidence).mastery.to_bits());
    }
}
