//! A miss, as the runtime tells of it while the script runs, in; why the call runs again, in words, out.
//!
//! `devstash explain VERSION CACHE_DIR STARTED` is no command for users: `devstash run --explain` has the runtime start it
//! (`explaining.py`) at the first miss. It is a process beside the script, because what compares entries is here, and
//! says nothing itself: the runtime prints the answer, so that lines stand in order with what the script prints.
//!
//! - 0: questions, each its length in four bytes (little endian) and a JSON object, see [`Question`]
//! - 3: answers, each its length and as many bytes of text: lines, the first difference first
//!
//! It ends when nobody can ask any more.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, RawFd};
use std::path::PathBuf;
use std::rc::Rc;

use serde::Deserialize;

use crate::entry::Manifest;
use crate::exit::ExitStatus;
use crate::pump::leave;
use crate::store::Store;

use super::cause::{Causes, Told};
use super::history::History;

/// Both sides must speak of the same thing: the binary can have been replaced since the script was started.
const VERSION: &str = "1";
/// No question is longer; a number beyond it is none.
const LONGEST: u32 = 64 << 20;
const ANSWERS: RawFd = 3;

/// What the runtime asks.
#[derive(Debug, Deserialize)]
struct Question {
    /// The name that the entry has, or would have.
    entry: String,
    reason: String,
    detail: String,
    /// What the manifest would be.
    call: Manifest,
}

/// What the command line asks for, if it asks for explanations.
#[derive(Debug)]
pub struct Task {
    cache_dir: PathBuf,
    /// When the run began, in nanoseconds since 1970: what it has kept itself explains nothing.
    started: i64,
}

impl Task {
    /// `None`: the line is for somebody else. `Some(None)`: it is not for one of this version.
    pub fn of(line: &[OsString]) -> Option<Option<Task>> {
        let [_, word, words @ ..] = line else {
            return None;
        };
        let asks = word == "explain" && words.len() == 3;
        asks.then(|| match words {
            [version, cache_dir, started] if version == VERSION => Some(Task {
                cache_dir: cache_dir.into(),
                started: started.to_str()?.parse().ok()?,
            }),
            _ => None,
        })
    }

    /// Answers until nobody asks any more. Returns only in the process that was started.
    pub fn run(self) -> ExitStatus {
        leave(ANSWERS + 1, || {
            let _ = self.answer();
        })
    }

    fn answer(&self) -> io::Result<()> {
        // SAFETY: nobody else uses this descriptor.
        let mut answers = unsafe { File::from_raw_fd(ANSWERS) };
        let mut questions = io::stdin().lock();
        // Before the first entry is kept there may be no folder, and nothing to compare with.
        let store = Store::open(&self.cache_dir).ok();
        let mut causes = store.as_ref().map(|store| {
            let history = Rc::new(History::read(store));
            Causes::new(store, history, self.started)
        });
        loop {
            let mut length = [0; 4];
            questions.read_exact(&mut length)?;
            let length = u32::from_le_bytes(length);
            if length > LONGEST {
                return Ok(());
            }
            let mut question = vec![0; length as usize];
            questions.read_exact(&mut question)?;
            let text = match serde_json::from_slice::<Question>(&question) {
                Ok(question) => question.told(causes.as_mut()).lines().join("\n"),
                Err(_) => String::new(),
            };
            let length = u32::try_from(text.len()).map_err(io::Error::other)?;
            answers.write_all(&[&length.to_le_bytes(), text.as_bytes()].concat())?;
        }
    }
}

impl Question {
    fn told(&self, causes: Option<&mut Causes<'_>>) -> Told {
        match causes {
            Some(causes) => causes.of_miss(
                OsStr::new(&self.entry),
                &self.reason,
                &self.detail,
                Some(&self.call),
            ),
            None => Told::without_store(&self.reason, &self.detail),
        }
    }
}
