//! What a listener of the help stream gets: everything from the beginning, then what comes.
//!
//! A turn that is open has a log in memory; a turn that has ended is told again from its row, event for event the same,
//! so that an id from before still fits. Places in line carry no id: only the newest counts.
//! Listeners read at their own pace and never hold up the worker.

use std::sync::Arc;

use dreamseed_wire::feedback::{FeedbackEvent, FeedbackFailure, FeedbackState, HintReason};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::release::words;
use crate::store::feedback::Turn;

/// The events of one turn so far. Bounded by the reply's length: a hint, a word an event, and the end.
pub struct HelpLog {
    state: Mutex<LogState>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct LogState {
    events: Vec<FeedbackEvent>,
    place: Option<Place>,
    ended: bool,
}

/// Turns before this one, and the expected wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub ahead: u32,
    pub expected_wait_ms: u32,
}

impl Default for HelpLog {
    fn default() -> Self {
        HelpLog { state: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl HelpLog {
    /// The log of a turn that has ended, from its row.
    pub fn of_ended(turn: &Turn) -> Self {
        let log = HelpLog::default();
        let help = &turn.help;
        let hint = help.hint.as_ref().zip(turn.hint_reason);
        let hint_first = hint.is_some_and(|(_, reason)| comes_before_text(reason));
        if let Some((text, reason)) = hint.filter(|_| hint_first) {
            log.show_hint(text, reason);
        }
        if let Some(text) = &help.ai_text {
            log.add_words(words(text).map(str::to_owned).collect());
        }
        if let Some((text, reason)) = hint.filter(|_| !hint_first) {
            log.show_hint(text, reason);
        }
        log.end(match help.state {
            FeedbackState::Expired => FeedbackEvent::Failed { reason: FeedbackFailure::Expired },
            FeedbackState::Failed => FeedbackEvent::Failed { reason: FeedbackFailure::NothingToSay },
            FeedbackState::Done | FeedbackState::Pending | FeedbackState::Running => {
                FeedbackEvent::Done { written_by_ai: help.ai_text.is_some() }
            }
        });
        log
    }

    /// Tells the place in line; forgotten once there is something to read.
    pub fn set_place(&self, place: Place) {
        self.change(|state| state.place = Some(place));
    }

    /// Shows the authored hint, once.
    pub fn show_hint(&self, text: &str, reason: HintReason) {
        self.change(|state| {
            if !state.events.iter().any(|event| matches!(event, FeedbackEvent::Hint { .. })) {
                state.events.push(FeedbackEvent::Hint { text: text.to_owned(), reason });
            }
        });
    }

    /// Shows words of the model, an event each.
    pub fn add_words(&self, words: Vec<String>) {
        if !words.is_empty() {
            self.change(|state| {
                state.events.extend(words.into_iter().map(|text| FeedbackEvent::Token { text }));
            });
        }
    }

    /// Ends the log.
    pub fn end(&self, event: FeedbackEvent) {
        self.change(|state| {
            if !state.ended {
                state.events.push(event);
                state.ended = true;
            }
        });
    }

    /// A listener that has seen the first `seen` events.
    pub fn listen(self: &Arc<Self>, seen: u64) -> Listener {
        Listener {
            changed: self.changed.subscribe(),
            log: Arc::clone(self),
            next: usize::try_from(seen).unwrap_or(usize::MAX),
            place: None,
            has_seen_end: false,
        }
    }

    fn change(&self, change: impl FnOnce(&mut LogState)) {
        let mut state = self.state.lock();
        if !state.ended {
            change(&mut state);
            drop(state);
            self.changed.send_replace(());
        }
    }
}

/// Whether a hint of this reason is shown before the model's text, if both are.
fn comes_before_text(reason: HintReason) -> bool {
    match reason {
        HintReason::ModelIsLate | HintReason::OtherLanguage => true,
        HintReason::NoModel | HintReason::ToldTheAnswer | HintReason::TooMany | HintReason::NoConsent => {
            false
        }
    }
}

/// Reads a log at its own pace.
pub struct Listener {
    log: Arc<HelpLog>,
    changed: watch::Receiver<()>,
    next: usize,
    place: Option<Place>,
    has_seen_end: bool,
}

/// An event with its id, if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedEvent {
    pub id: Option<u64>,
    pub event: FeedbackEvent,
}

impl Listener {
    /// The next event; `None` after the last. May be dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> Option<NumberedEvent> {
        loop {
            self.changed.borrow_and_update();
            if let Some(event) = self.take() {
                return Some(event);
            }
            if self.has_seen_end {
                return None;
            }
            // The log is held by this listener, so the sender lives.
            self.changed.changed().await.ok()?;
        }
    }

    fn take(&mut self) -> Option<NumberedEvent> {
        let state = self.log.state.lock();
        if self.has_seen_end {
            return None;
        }
        if state.ended {
            // Whoever asks has not seen the end, whatever id they come with.
            self.next = self.next.min(state.events.len() - 1);
        }
        if let Some(event) = state.events.get(self.next) {
            self.next += 1;
            self.has_seen_end = state.ended && self.next == state.events.len();
            return Some(NumberedEvent { id: Some(self.next as u64), event: event.clone() });
        }
        let place = state.place.filter(|place| state.events.is_empty() && self.place != Some(*place))?;
        self.place = Some(place);
        let event = FeedbackEvent::Queued { ahead: place.ahead, expected_wait_ms: place.expected_wait_ms };
        Some(NumberedEvent { id: None, event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dreamseed_wire::{Language, feedback::Feedback, ids::FeedbackId};

    fn turn(hint: Option<(&str, HintReason)>, ai_text: Option<&str>) -> Turn {
        Turn {
            seq: 1,
            turn: 1,
            help: Feedback {
                feedback_id: FeedbackId::new(),
                state: FeedbackState::Done,
                language: Language::En,
                hint: hint.map(|(text, _)| text.to_owned()),
                ai_text: ai_text.map(str::to_owned),
                ai_text_removed: false,
                model: None,
                helpful: None,
                asked_at: "2026-11-23T00:00:00Z".parse().expect("time"),
            },
            hint_reason: hint.map(|(_, reason)| reason),
        }
    }

    async fn read_all(mut listener: Listener) -> Vec<(Option<u64>, FeedbackEvent)> {
        let mut events = Vec::new();
        while let Some(event) = listener.next().await {
            events.push((event.id, event.event));
        }
        events
    }

    fn live(hint_at: usize, reason: HintReason) -> Arc<HelpLog> {
        let log = Arc::new(HelpLog::default());
        for (index, word) in words("Look at both denominators. ").enumerate() {
            if index == hint_at {
                log.show_hint("Hint.", reason);
            }
            log.add_words(vec![word.to_owned()]);
        }
        if hint_at >= 4 {
            log.show_hint("Hint.", reason);
        }
        log.end(FeedbackEvent::Done { written_by_ai: true });
        log
    }

    #[tokio::test]
    async fn a_turn_from_its_row_has_the_ids_it_had_live() {
        for (hint_at, reason) in [(0, HintReason::ModelIsLate), (4, HintReason::ToldTheAnswer)] {
            let row = turn(Some(("Hint.", reason)), Some("Look at both denominators."));
            let (live, told) = (live(hint_at, reason), Arc::new(HelpLog::of_ended(&row)));
            for seen in 0..8 {
                let ids = |events: Vec<(Option<u64>, FeedbackEvent)>| -> Vec<_> {
                    events.into_iter().map(|(id, event)| (id, std::mem::discriminant(&event))).collect()
                };
                assert_eq!(ids(read_all(live.listen(seen)).await), ids(read_all(told.listen(seen)).await));
            }
        }
    }

    #[tokio::test]
    async fn a_late_listener_gets_what_it_missed_and_then_the_rest() {
        let log = Arc::new(HelpLog::default());
        log.set_place(Place { ahead: 3, expected_wait_ms: 900 });
        let early = tokio::spawn(read_all(log.listen(0)));
        tokio::task::yield_now().await;
        log.add_words(vec!["a ".into(), "b".into()]);
        let late = tokio::spawn(read_all(log.listen(1)));
        tokio::task::yield_now().await;
        log.end(FeedbackEvent::Done { written_by_ai: true });

        let early = early.await.expect("early");
        assert_eq!(early[0], (None, FeedbackEvent::Queued { ahead: 3, expected_wait_ms: 900 }));
        assert_eq!(early[1..].iter().map(|(id, _)| *id).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
        let late = late.await.expect("late");
        assert_eq!(late[0], (Some(2), FeedbackEvent::Token { text: "b".into() }));
        assert_eq!(late.len(), 2);
    }

    #[tokio::test]
    async fn an_id_from_nowhere_still_gets_the_end() {
        let log = Arc::new(HelpLog::of_ended(&turn(None, Some("a b"))));
        assert_eq!(
            read_all(log.listen(u64::MAX)).await,
            [(Some(3), FeedbackEvent::Done { written_by_ai: true })]
        );
    }
}
