//! A miss in, why the call ran again out: the runtime's own reason, what the journal knows of earlier calls, or what
//! differs from the nearest earlier entry.

use std::ffi::{OsStr, OsString};
use std::rc::Rc;

use crate::entry::Manifest;
use crate::store::Store;

use super::compare::{Difference, differences};
use super::earlier::{Earlier, Past};
use super::history::{History, Outcome};
use super::reason;

/// Why a call ran again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The first reason, for people.
    pub words: String,
    /// What differs, if it was compared with an earlier entry; the first is in `words` where there is no other reason.
    pub differences: Vec<Difference>,
    /// The entry that it was compared with.
    pub compared: Option<OsString>,
}

impl Told {
    pub fn plainly(words: impl Into<String>) -> Told {
        Told {
            words: words.into(),
            ..Told::default()
        }
    }

    /// What can be said where there is no cache to look into.
    pub fn without_store(reason: &str, detail: &str) -> Told {
        Told::plainly(reason::words(reason, detail).unwrap_or_else(|| NEVER.to_owned()))
    }

    /// The first reason, and then all other differences.
    pub fn lines(&self) -> Vec<String> {
        let others = self.differences.iter().map(|one| one.words.clone());
        let others = others.filter(|words| *words != self.words);
        [self.words.clone()].into_iter().chain(others).collect()
    }

    /// The first reason, and how many there are besides.
    pub fn short(&self) -> String {
        match self.lines().len() - 1 {
            0 => self.words.clone(),
            more => format!("{}, and {more} more", self.words),
        }
    }
}

/// What is said of a call that nothing is known of.
pub const NEVER: &str = "never run before";

/// What there was before a run.
pub struct Causes<'s> {
    past: Past<'s>,
    history: Rc<History>,
    before: i64,
}

impl<'s> Causes<'s> {
    /// As of the beginning of a run, in nanoseconds since 1970.
    pub fn new(store: &'s Store, history: Rc<History>, before: i64) -> Causes<'s> {
        Causes {
            past: Past::new(store, before),
            history,
            before,
        }
    }

    /// Why a call with this reason of its miss ran. `call` is what its manifest is, or would be, where that is known.
    pub fn of_miss(
        &mut self,
        entry: &OsStr,
        reason: &str,
        detail: &str,
        call: Option<&Manifest>,
    ) -> Told {
        let known = reason::words(reason, detail);
        if let Some(words) = known {
            let same_key = |found: &Earlier| found.distance == 0 && reason == "input changed";
            let compared = call
                .and_then(|call| Some((call, self.past.nearest(call, entry)?)))
                .filter(|(call, found)| same_key(found) && !call.trace.is_empty());
            return match compared {
                Some((call, found)) => Told {
                    words,
                    differences: differences(&found.manifest, call),
                    compared: Some(found.name),
                },
                None => Told::plainly(words),
            };
        }
        let call = match self.history.last_of(entry, self.before) {
            Some(Outcome::Refused(why)) => return Told::plainly(reason::refusal(why)),
            Some(Outcome::Raised) => {
                return Told::plainly(
                    "it raised the last time, and nothing is kept of such a call",
                );
            }
            Some(Outcome::HalfWay) => {
                return Told::plainly(
                    "its stream was left half-way the last time, so nothing was kept",
                );
            }
            Some(Outcome::Kept) => return Told::plainly(self.history.end_of(entry, self.before)),
            None => call,
        };
        let Some(call) = call else {
            return Told::plainly(self.history.end_of(entry, i64::MAX));
        };
        match self.past.nearest(call, entry) {
            Some(found) if found.distance == 0 => {
                Told::plainly(self.history.end_of(entry, self.before))
            }
            Some(found) => {
                let differences = differences(&found.manifest, call);
                Told {
                    words: differences
                        .first()
                        .map_or_else(String::new, |first| first.words.clone()),
                    differences,
                    compared: Some(found.name),
                }
            }
            None => Told::plainly(NEVER),
        }
    }
}
