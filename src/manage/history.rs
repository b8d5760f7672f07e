//! The journal in, the runs of scripts and what became of each call out.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};

use crate::journal::{self, Journal};
use crate::store::Store;

use super::earlier::stem;
use super::place::is_same_script;

/// A run of a script.
#[derive(Debug)]
pub struct Run {
    /// In nanoseconds since 1970, as all moments here.
    pub started: i64,
    /// Its path, as manifests name it.
    pub script: String,
    /// In the order in which they were over.
    pub calls: Vec<Call>,
}

impl Run {
    fn of(run: journal::Run) -> Run {
        let hits = run.hits.into_iter().map(|hit| Call {
            line: hit.line,
            label: String::new(),
            moment: hit.moment,
            entry: Some(hit.entry.into()),
            hits: hit.count,
            times: 0,
            reason: String::new(),
            detail: String::new(),
            outcome: Outcome::Kept,
        });
        let misses = run.misses.into_iter().map(|miss| Call {
            line: miss.line,
            label: miss.label,
            moment: miss.moment,
            entry: (!miss.entry.is_empty()).then(|| miss.entry.into()),
            hits: 0,
            times: miss.count,
            reason: miss.reason,
            detail: miss.detail,
            outcome: match miss.outcome {
                journal::Outcome::Stored => Outcome::Kept,
                journal::Outcome::Raised => Outcome::Raised,
                journal::Outcome::LeftHalfWay => Outcome::HalfWay,
                journal::Outcome::Refused(why) => Outcome::Refused(why),
            },
        });
        let mut calls: Vec<Call> = hits.chain(misses).collect();
        calls.sort_by_key(|call| call.moment);
        Run {
            started: run.started,
            script: run.script,
            calls,
        }
    }
}

/// A call that was made, or the hits of one place and entry.
#[derive(Debug)]
pub struct Call {
    pub line: u64,
    /// What the call is named. Of a hit it may be empty, as its entry knows it.
    pub label: String,
    pub moment: i64,
    /// None where the call could not be keyed.
    pub entry: Option<OsString>,
    /// How often it was a hit; 0 for a miss.
    pub hits: u64,
    /// How often the same was told of a miss.
    pub times: u64,
    pub reason: String,
    pub detail: String,
    pub outcome: Outcome,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its result was kept, or was there.
    Kept,
    Raised,
    HalfWay,
    /// With the words of the refusal.
    Refused(String),
}

impl Outcome {
    /// For programs.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Kept => "stored",
            Outcome::Raised => "raised",
            Outcome::HalfWay => "left half-way",
            Outcome::Refused(_) => "refused",
        }
    }

    pub fn refusal(&self) -> Option<&str> {
        match self {
            Outcome::Refused(why) => Some(why),
            _ => None,
        }
    }
}

/// All that the journal of a cache knows.
#[derive(Debug, Default)]
pub struct History {
    /// In the order in which they began.
    pub runs: Vec<Run>,
    /// By the name of the entry the moments at which calls were over, and what became of them.
    outcomes: HashMap<OsString, Vec<(i64, Outcome)>>,
    /// By the name of the entry when it was removed to make room.
    evicted: HashMap<OsString, Vec<i64>>,
}

/// What is said of a call whose entry was there once.
const CLEARED: &str = "its entry was cleared since";
/// And of one whose entry had to make room.
const EVICTED: &str = "its entry was evicted since";

impl History {
    pub fn read(store: &Store) -> History {
        let journal = Journal::read(store);
        let mut history = History {
            runs: journal.runs.into_iter().map(Run::of).collect(),
            ..History::default()
        };
        for gone in journal.evicted {
            let moments = history.evicted.entry(gone.entry.into()).or_default();
            moments.push(gone.moment);
        }
        history.index();
        history
    }

    fn index(&mut self) {
        self.runs.sort_by_key(|run| run.started);
        for call in self.runs.iter().flat_map(|run| &run.calls) {
            if let Some(entry) = &call.entry {
                let known = self.outcomes.entry(entry.clone()).or_default();
                known.push((call.moment, call.outcome.clone()));
            }
        }
    }

    /// What became of the last call of this entry before a moment.
    pub fn last_of(&self, entry: &OsStr, before: i64) -> Option<&Outcome> {
        let calls = self.outcomes.get(entry)?;
        let earlier = calls.iter().filter(|(moment, _)| *moment < before);
        earlier
            .max_by_key(|(moment, _)| *moment)
            .map(|(_, outcome)| outcome)
    }

    /// What has become of an entry that was kept before a moment, and was not there any more at that moment.
    pub fn end_of(&self, entry: &OsStr, before: i64) -> &'static str {
        let calls = self.outcomes.get(entry).into_iter().flatten();
        let kept = calls.filter(|(moment, outcome)| *outcome == Outcome::Kept && *moment < before);
        let kept = kept.map(|(moment, _)| *moment).max();
        let evicted = self.evicted.get(entry).into_iter().flatten();
        let mut since =
            evicted.filter(|moment| kept.is_none_or(|kept| kept < **moment) && **moment < before);
        if since.next().is_some() {
            EVICTED
        } else {
            CLEARED
        }
    }

    /// The runs of a script, the last one first.
    pub fn runs_of(&self, script: &str) -> Vec<&Run> {
        let mut known: HashMap<&str, bool> = HashMap::new();
        let mut found = Vec::new();
        for run in self.runs.iter().rev() {
            let path = run.script.as_str();
            if *known
                .entry(path)
                .or_insert_with(|| is_same_script(path, script))
            {
                found.push(run);
            }
        }
        found
    }
}

/// What an entry's name tells of what is called: `clean` of `features__clean__0011223344556677.pkl`.
pub fn label_of(entry: &OsStr) -> String {
    let stem = stem(entry).unwrap_or_default();
    let stem = stem.strip_suffix(b"__").unwrap_or(stem);
    let text = String::from_utf8_lossy(stem);
    let called = match text.strip_prefix("__main____") {
        Some(called) => called,
        None => text.split_once("__").map_or(&*text, |(_, called)| called),
    };
    called.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_entries_tell_what_is_called() {
        let case = |name: &str, label| assert_eq!(label_of(OsStr::new(name)), label);
        case("__main____clean__0011223344556677.pkl", "clean");
        case(
            "__main____Report.__init____0011223344556677.pkl",
            "Report.__init__",
        );
        case("pkg.features__clean__0011223344556677.pkl", "clean");
    }
}
