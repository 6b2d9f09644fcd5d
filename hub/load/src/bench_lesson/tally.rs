//! What a day comes to: latencies of each kind of call, answers on their way to the teacher's screen, and what went wrong.

use crate::{
    drive::{Driven, SLICE},
    histogram::Histogram,
    report::{Report, Target, tell},
};
use dreamseed_wire::ids::{AttemptId, UserId};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Stream,
    Lessons,
    Standing,
    Notes,
    Problem,
    Answer,
    Help,
    NoteSeen,
    Open,
    Picture,
    Pause,
    Resume,
    PupilPage,
    AnswerPage,
    Note,
    Close,
    Report,
}

impl Kind {
    const ALL: [Kind; 17] = [
        Kind::Stream,
        Kind::Lessons,
        Kind::Standing,
        Kind::Notes,
        Kind::Problem,
        Kind::Answer,
        Kind::Help,
        Kind::NoteSeen,
        Kind::Open,
        Kind::Picture,
        Kind::Pause,
        Kind::Resume,
        Kind::PupilPage,
        Kind::AnswerPage,
        Kind::Note,
        Kind::Close,
        Kind::Report,
    ];

    /// The metrics under which its number and its latency are reported.
    fn metrics(self) -> (&'static str, &'static str) {
        match self {
            Kind::Stream => ("open_stream_calls", "open_stream_p95"),
            Kind::Lessons => ("my_problems_calls", "my_problems_p95"),
            Kind::Standing => ("my_standing_calls", "my_standing_p95"),
            Kind::Notes => ("my_notes_calls", "my_notes_p95"),
            Kind::Problem => ("problem_calls", "problem_p95"),
            Kind::Answer => ("answer_calls", "answer_p95"),
            Kind::Help => ("help_calls", "help_p95"),
            Kind::NoteSeen => ("note_seen_calls", "note_seen_p95"),
            Kind::Open => ("open_lesson_calls", "open_lesson_p95"),
            Kind::Picture => ("picture_calls", "picture_p95"),
            Kind::Pause => ("pause_calls", "pause_p95"),
            Kind::Resume => ("go_on_calls", "go_on_p95"),
            Kind::PupilPage => ("pupil_page_calls", "pupil_page_p95"),
            Kind::AnswerPage => ("answer_page_calls", "answer_page_p95"),
            Kind::Note => ("send_note_calls", "send_note_p95"),
            Kind::Close => ("close_lesson_calls", "close_lesson_p95"),
            Kind::Report => ("class_report_calls", "class_report_p95"),
        }
    }
}

/// What was driven, for the plot.
pub struct DayRuns {
    pub calls: Driven,
    pub live: Driven,
}

/// Everything that is counted on a day.
#[derive(Debug)]
pub struct Tally {
    begin: Instant,
    by_kind: Vec<Histogram>,
    calls: Slices,
    live: Slices,
    /// When the answers were due whose cells no teacher has seen yet.
    unseen: HashMap<AttemptId, Instant>,
    acknowledged: u64,
    /// Refusals, broken help and what else ought not to be.
    errors: u64,
    /// Steps that could not be done, since the lesson had not reached the pupil.
    skipped: u64,
    /// Fetches of lessons, and the events that asked for one.
    fetched: u64,
    pub lessons_events: u64,
    pub help_asked: u64,
    pub help_ended: u64,
    pub open_streams: u32,
    /// The longest silence on any stream.
    pub longest_silence: Duration,
}

/// Latencies over the day and over time.
#[derive(Debug, Default)]
struct Slices {
    all: Histogram,
    over_time: Vec<Histogram>,
}

/// Errors that are told one by one.
const TOLD: u64 = 10;

impl Tally {
    /// Nothing has happened yet.
    pub fn new(begin: Instant) -> Self {
        Self {
            begin,
            by_kind: vec![Histogram::default(); Kind::ALL.len()],
            calls: Slices::default(),
            live: Slices::default(),
            unseen: HashMap::new(),
            acknowledged: 0,
            errors: 0,
            skipped: 0,
            fetched: 0,
            lessons_events: 0,
            help_asked: 0,
            help_ended: 0,
            open_streams: 0,
            longest_silence: Duration::ZERO,
        }
    }

    /// A call was answered, well or not.
    pub fn count_call(&mut self, kind: Kind, due: Instant) {
        let latency = due.elapsed();
        self.by_kind[kind as usize].record(latency);
        self.calls.record(self.begin, latency);
        self.fetched += u64::from(kind == Kind::Lessons);
    }

    /// An answer is about to be sent.
    pub fn await_cell(&mut self, attempt: AttemptId, due: Instant) {
        self.unseen.insert(attempt, due);
    }

    /// The hub has kept an answer.
    pub fn count_acknowledged(&mut self) {
        self.acknowledged += 1;
    }

    /// The hub has refused an answer, which nobody will see.
    pub fn forget_cell(&mut self, attempt: AttemptId) {
        self.unseen.remove(&attempt);
    }

    /// A cell has reached its teacher; the same one may come again when help is asked for.
    pub fn count_cell(&mut self, attempt: AttemptId) {
        if let Some(due) = self.unseen.remove(&attempt) {
            self.live.record(self.begin, due.elapsed());
        }
    }

    /// Something that ought not to be.
    pub fn count_error(&mut self, what: &str) {
        self.errors += 1;
        if self.errors <= TOLD {
            tell(&format!("error: {what}"));
        }
    }

    /// A step was due before the lesson was there.
    pub fn count_skipped(&mut self) {
        self.skipped += 1;
    }

    /// Whether every answer that was sent has been seen, and all help has ended.
    pub fn is_settled(&self) -> bool {
        self.unseen.is_empty() && self.help_ended >= self.help_asked
    }

    /// How many calls of a kind were answered.
    pub fn count_of(&self, kind: Kind) -> u64 {
        self.by_kind[kind as usize].count()
    }

    /// Adds everything but streams, memory and processor time.
    pub fn add_figures(&self, seconds: f64, report: &mut Report) {
        let none = Some(Target::AtMost(0.0));
        let calls = &self.calls.all;
        report.add(("lesson", "day", "p95_ms"), calls.quantile_ms(0.95), "ms", Some(Target::AtMost(50.0)));
        report.add(("lesson", "day", "p50_ms"), calls.quantile_ms(0.5), "ms", None);
        report.add(("lesson", "day", "p99_ms"), calls.quantile_ms(0.99), "ms", None);
        report.add(("lesson", "day", "max_ms"), calls.max_ms(), "ms", None);
        let live = &self.live.all;
        report.add(
            ("lesson", "day", "live_p95_ms"),
            live.quantile_ms(0.95),
            "ms",
            Some(Target::AtMost(300.0)),
        );
        report.add(("lesson", "day", "live_p50_ms"), live.quantile_ms(0.5), "ms", None);
        report.add(("lesson", "day", "live_max_ms"), live.max_ms(), "ms", None);
        report.add(("lesson", "day", "answers"), self.acknowledged as f64, "", None);
        report.add(("lesson", "day", "events_lost"), self.unseen.len() as f64, "", none);
        report.add(("lesson", "day", "errors"), self.errors as f64, "", none);
        report.add(("lesson", "day", "skipped"), self.skipped as f64, "", none);
        let polls = self.fetched.saturating_sub(self.lessons_events);
        report.add(("lesson", "day", "polls"), polls as f64, "", none);
        report.add(("lesson", "day", "lessons_events"), self.lessons_events as f64, "", None);
        let silence = self.longest_silence.as_secs_f64() * 1000.0;
        // The page calls a line dead after that.
        report.add(("lesson", "day", "silence_max_ms"), silence, "ms", Some(Target::AtMost(3000.0)));
        report.add(("lesson", "day", "helps"), self.help_asked as f64, "", None);
        report.add(("lesson", "day", "helps_ended"), self.help_ended as f64, "", None);
        report.add(("lesson", "day", "calls"), calls.count() as f64, "", None);
        report.add(("lesson", "day", "calls_per_s"), calls.count() as f64 / seconds, "1/s", None);
        for (kind, latencies) in Kind::ALL.into_iter().zip(&self.by_kind) {
            let (calls, p95) = kind.metrics();
            report.add(("lesson", "day", calls), latencies.count() as f64, "", None);
            report.add(("lesson", "day", p95), latencies.quantile_ms(0.95), "ms", None);
        }
    }

    /// What the plot shows.
    pub fn runs(&self, day: Duration) -> DayRuns {
        let driven = |slices: &Slices| Driven {
            latencies: slices.all.clone(),
            slices: slices.over_time.clone(),
            rate: slices.all.count() as f64 / day.as_secs_f64(),
        };
        DayRuns { calls: driven(&self.calls), live: driven(&self.live) }
    }
}

impl Slices {
    /// Before the day begins it counts into the first slice.
    fn record(&mut self, begin: Instant, latency: Duration) {
        self.all.record(latency);
        let slice = (begin.elapsed().as_nanos() / SLICE.as_nanos()) as usize;
        let slices = self.over_time.len().max(slice + 1);
        self.over_time.resize_with(slices, Histogram::default);
        self.over_time[slice].record(latency);
    }
}

/// A number of one's own for each pupil, to vary days by.
pub fn mix(pupil: UserId) -> u64 {
    let (high, low) = pupil.0.as_u64_pair();
    high ^ low.rotate_left(17)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Origin;

    #[test]
    fn kinds_are_in_their_order() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place, "{kind:?}");
        }
    }

    #[test]
    fn an_answer_that_nobody_saw_is_lost() {
        let now = Instant::now();
        let mut tally = Tally::new(now);
        let (seen, lost) = (AttemptId::new(), AttemptId::new());
        for attempt in [seen, lost] {
            tally.await_cell(attempt, now);
            tally.count_call(Kind::Answer, now);
            tally.count_acknowledged();
        }
        tally.count_cell(seen);
        tally.count_cell(seen);
        assert!(!tally.is_settled());
        assert_eq!((tally.unseen.len(), tally.live.all.count(), tally.acknowledged), (1, 1, 2));
        let mut report = Report::new(Origin { machine: "m".into(), commit: "c".into() });
        tally.add_figures(1.0, &mut report);
        assert!(!report.all_met());
        tally.forget_cell(lost);
        assert!(tally.is_settled());
    }
}
