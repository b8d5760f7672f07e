//! A bar on stderr while something takes long: only on a terminal, and only from half a second on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_millis(500);
const FORM: &str = "devstash: {msg} [{bar:24}] {percent}%";

/// How far something is. Threads may share it.
pub struct Progress {
    bar: ProgressBar,
    begun: Instant,
    shown: AtomicBool,
}

impl Progress {
    /// `what` is being done; how much of it there is, is told by `expect`.
    pub fn new(what: &'static str) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template(FORM).expect("the form is right");
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(what);
        Progress {
            bar,
            begun: Instant::now(),
            shown: AtomicBool::new(false),
        }
    }

    /// There is so much more to do.
    pub fn expect(&self, more: u64) {
        self.bar.inc_length(more);
    }

    /// So much of it is done.
    pub fn done(&self, some: u64) {
        self.bar.inc(some);
        if self.begun.elapsed() > PATIENCE && !self.shown.swap(true, Ordering::Relaxed) {
            // Nothing is drawn where that is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
