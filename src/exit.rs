//! How devstash itself ends: the one list of exit statuses, the same as the table in `docs/cli.md`.
//!
//! Once a script has started its exit status is ours, because it has taken our process over. Only where we stay beside
//! it, and it ended well, the run can still be `Different` or `Missing`.

use std::io;
use std::process::{ExitCode, Termination};

/// What the command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// It did what was asked.
    Success = 0,
    /// Nothing in the cache folder matched what was asked for, or there is no such cache.
    NothingMatched = 1,
    /// What was asked makes no sense: options, markers, a script or an interpreter that cannot be used.
    Usage = 2,
    /// `run --verify` found a call that did not give again what is kept of it; `verify` found entries that are not in order.
    Different = 3,
    /// The cache folder could not be read or changed.
    Trouble = 4,
    /// `run --offline` lacked a result.
    Missing = 5,
    /// There is no Python interpreter, or it could not be started.
    NoInterpreter = 127,
}

impl ExitStatus {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> ExitCode {
        ExitCode::from(status.code())
    }
}

impl Termination for ExitStatus {
    fn report(self) -> ExitCode {
        self.into()
    }
}

/// What the operating system has against it, in the words and the form of our messages: without a number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}
