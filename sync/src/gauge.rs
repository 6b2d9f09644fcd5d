//! How far rustic has come, for whoever watches.

use rustic_core::{Progress as Bar, ProgressBars, ProgressType, RusticProgress};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Bytes done of bytes to do, in the step that counts bytes.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    done: AtomicU64,
    /// Zero: not known.
    total: AtomicU64,
}

impl Gauge {
    pub fn read(&self) -> (u64, Option<u64>) {
        let total = self.0.total.load(Ordering::Relaxed);
        (self.0.done.load(Ordering::Relaxed), (total > 0).then_some(total))
    }

    pub fn reset(&self) {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(0, Ordering::Relaxed);
    }
}

impl ProgressBars for Gauge {
    fn progress(&self, kind: ProgressType, _: &str) -> Bar {
        match kind {
            ProgressType::Bytes => {
                self.reset();
                Bar::new(self.clone())
            }
            ProgressType::Spinner | ProgressType::Counter => Bar::hidden(),
        }
    }
}

impl RusticProgress for Gauge {
    fn is_hidden(&self) -> bool {
        false
    }

    fn set_length(&self, length: u64) {
        self.0.total.store(length, Ordering::Relaxed);
    }

    fn set_title(&self, _: &str) {}

    fn inc(&self, bytes: u64) {
        self.0.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn finish(&self) {}
}
