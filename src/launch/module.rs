//! The plan of a module that a running program imports.
//!
//! `devstash plan VERSION FILE OUT` is no command for users: it is not in the help. The runtime (`hook.py`) starts it
//! when a module with markers is imported for the first time, and finds the answer in the file OUT: a word on a line
//! by itself, and behind it what belongs to it.
//!
//! - `plan`: the plan as JSON
//! - `none`: there are no markers after all
//! - `refused`: what is wrong with the markers, drawn

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::code::plain_digest;
use super::{LaunchError, document};
use crate::exit::ExitStatus;

/// Both sides must speak of the same thing: the binary can have been replaced since the program was started.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a runtime asks for.
#[derive(Debug)]
pub struct Task {
    file: PathBuf,
    out: PathBuf,
}

impl Task {
    /// `None`: the line is for somebody else. `Some(None)`: a runtime of another version asks.
    pub fn of(line: &[OsString]) -> Option<Option<Task>> {
        let [_, word, words @ ..] = line else {
            return None;
        };
        (word == "plan").then(|| match words {
            [version, file, out] if version == VERSION => Some(Task {
                file: file.into(),
                out: out.into(),
            }),
            _ => None,
        })
    }

    /// Write the answer. A status other than success says that there is none.
    pub fn run(self) -> ExitStatus {
        let Ok(bytes) = fs::read(&self.file) else {
            return ExitStatus::Trouble;
        };
        let digest = plain_digest::<16>(&bytes);
        let answer = match document::of(self.file, bytes, &digest) {
            Ok((plan, true)) => [b"plan\n".as_slice(), &plan].concat(),
            Ok((_, false)) => b"none\n".to_vec(),
            Err(found) => format!("refused\n{}", LaunchError::Markers(found)).into_bytes(),
        };
        let mut options = fs::OpenOptions::new();
        let out = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.out);
        match out.and_then(|mut file| file.write_all(&answer)) {
            Ok(()) => ExitStatus::Success,
            Err(_) => ExitStatus::Trouble,
        }
    }
}
