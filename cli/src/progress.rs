//! How far a long call is, on stderr, for people only, and only after a second.

use std::time::{Duration, Instant};

use dsp_protocol::api::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::human;
use crate::output::{Ui, clean};

/// What takes less shows nothing.
const QUIET: Duration = Duration::from_secs(1);
/// How often the bar moves while nothing comes.
const TICK: Duration = Duration::from_millis(120);

/// The progress of one call; it goes away when dropped.
#[derive(Debug)]
pub(crate) struct Bar<'a> {
    ui: &'a Ui,
    began: Instant,
    latest: Progress,
    bar: Option<ProgressBar>,
}

impl<'a> Bar<'a> {
    /// Begins; `what` is shown until more is known.
    pub(crate) fn new(ui: &'a Ui, what: &str) -> Self {
        let latest = Progress {
            what: what.to_owned(),
            bytes: 0,
            bytes_total: None,
            files: 0,
            files_total: None,
        };
        Bar { ui, began: Instant::now(), latest, bar: None }
    }

    /// Waits for something and keeps moving meanwhile.
    pub(crate) async fn while_waiting<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        if !self.ui.shows_progress() {
            return future.await;
        }
        loop {
            match tokio::time::timeout(TICK, &mut future).await {
                Ok(value) => return value,
                Err(_) => self.draw(),
            }
        }
    }

    /// Takes how far it is.
    pub(crate) fn show(&mut self, progress: &Progress) {
        self.latest = progress.clone();
        self.draw();
    }

    /// Counts bytes that came, for transfers that are counted here.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.latest.bytes += bytes;
        self.draw();
    }

    /// Says something beside the progress.
    pub(crate) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.ui.note(text)),
            None => self.ui.note(text),
        }
    }

    /// Takes it from the screen.
    pub(crate) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn draw(&mut self) {
        if !self.ui.shows_progress() || self.began.elapsed() < QUIET {
            return;
        }
        // It is shown once it has all it shows: each of these steps would draw a line of its own.
        let begins = self.bar.is_none();
        let bar = self.bar.get_or_insert_with(|| {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
        });
        let total = self.latest.bytes_total.filter(|total| *total > 0);
        let template = match total {
            Some(_) => "{msg} [{bar:24}] {percent}%",
            None => "{spinner} {msg}",
        };
        let style = ProgressStyle::with_template(template).expect("the templates are valid");
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(words(&self.latest));
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_position(self.latest.bytes);
        if begins {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.tick();
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

fn words(progress: &Progress) -> String {
    let mut text = clean(&progress.what);
    match progress.files_total {
        Some(total) => text += &format!("  {} of {}", progress.files, human::count(total, "file")),
        None if progress.files > 0 => {
            text += &format!("  {}", human::count(progress.files, "file"))
        }
        None => {}
    }
    match progress.bytes_total {
        Some(total) => {
            text += &format!("  {} of {}", human::size(progress.bytes), human::size(total));
        }
        None if progress.bytes > 0 => text += &format!("  {}", human::size(progress.bytes)),
        None => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_is_known() {
        let mut progress = Progress {
            what: "reading".into(),
            bytes: 0,
            bytes_total: None,
            files: 0,
            files_total: None,
        };
        assert_eq!(words(&progress), "reading");
        progress = Progress { bytes: 2_000_000, bytes_total: Some(41_000_000), ..progress };
        progress = Progress { files: 1, files_total: Some(2), ..progress };
        assert_eq!(words(&progress), "reading  1 of 2 files  2.0 MB of 41 MB");
    }
}
