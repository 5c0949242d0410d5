//! How far a long call is, told while it runs.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use dsp_protocol::api::{Progress, Step};
use tokio::sync::mpsc;

/// The pause between two reports of progress.
const PAUSE: Duration = Duration::from_millis(100);

/// Tells the caller of a long call how far it is.
#[derive(Debug)]
pub struct Reporter {
    steps: mpsc::Sender<Step>,
    told: Mutex<Option<Instant>>,
}

impl Reporter {
    /// Returns a reporter that hands its steps to `steps`.
    pub fn new(steps: mpsc::Sender<Step>) -> Reporter {
        Reporter { steps, told: Mutex::new(None) }
    }

    /// Returns a reporter for a call whose caller hears of the end only.
    pub(crate) fn silent() -> Reporter {
        Reporter::new(mpsc::channel(1).0)
    }

    /// Tells how far it is, at most ten times a second; a caller who is slow misses some.
    pub fn progress(&self, progress: impl FnOnce() -> Progress) {
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if told.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        *told = Some(Instant::now());
        drop(told);
        // A full queue: the next report tells more.
        let _ = self.steps.try_send(Step::Progress(progress()));
    }

    /// Tells something that the user should know.
    pub async fn note(&self, text: impl Into<String>) {
        // Whoever asked may have gone; then the call ends anyway.
        let _ = self.steps.send(Step::Note { text: text.into() }).await;
    }
}
