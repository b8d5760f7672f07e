//! `devstash why`: the last run of marked lines in, why their calls ran again out, or that they did not.
//!
//! The journal says which calls were hits and which were not; why a call was none, `cause` finds out.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::rc::Rc;
use std::time::SystemTime;

use anyhow::Context;
use serde_json::{Value, json};

use crate::entry::{self, Manifest};
use crate::exit::ExitStatus;
use crate::options::WhyOptions;
use crate::store::{Store, shown};

use super::asked::{Asked, Marked, Nobody};
use super::cause::{Causes, Told};
use super::history::{Call, History, Outcome, label_of};
use super::moment::{Now, rfc3339};
use super::page::{Page, width};
use super::reason;
use super::words::here;
use super::{answer, document, say};
use crate::json::path_as_text;

/// The version of what `--json` prints. New members do not change it.
const FORMAT: u32 = 1;
/// So many of the misses of a line in a run are explained, the last ones.
const EXPLAINED: usize = 100;

/// Says why the calls that are asked about ran, or did not.
pub fn why(options: &WhyOptions) -> anyhow::Result<ExitStatus> {
    let report = match Report::of(options) {
        Ok(report) => report,
        Err(nobody) => {
            say(&nobody.to_string());
            return Ok(nobody.status());
        }
    };
    let text = if options.json {
        document(&report.json())
    } else {
        report.text(
            options.verbose,
            width(io::stdout().is_terminal().then(io::stdout)),
        )
    };
    answer(text).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// What is to be said.
struct Report {
    now: Now,
    places: Vec<Place>,
}

/// One marked line, or a call of it that its marker calls otherwise than others of the line.
struct Place {
    /// The script.
    file: String,
    line: u64,
    /// What the call is named; empty where that was never known.
    label: String,
    /// The run that is told of, in nanoseconds since 1970.
    run: Option<i64>,
    state: State,
}

/// What is known of a marked line.
enum State {
    /// There is no trace of it.
    Never,
    /// It has been run, but not by the last run of the script.
    Unreached,
    /// There are entries of it, and nobody knows of their run.
    Forgotten { made: i64 },
    Ran {
        hits: u64,
        /// How many calls were misses.
        count: u64,
        /// The last of them.
        misses: Vec<Miss>,
        /// The entry of the last hit.
        entry: Option<OsString>,
        /// What has become of the entry that the last call used or made, if it is gone.
        end: Option<&'static str>,
    },
}

struct Miss {
    reason: String,
    detail: String,
    outcome: Outcome,
    entry: Option<OsString>,
    times: u64,
    told: Told,
}

impl Report {
    fn of(options: &WhyOptions) -> Result<Report, Nobody> {
        let (asked, store, history) = Asked::of(&options.wanted)?;
        let history = Rc::new(history);
        let places = asked
            .lines
            .iter()
            .flat_map(|marked| Look::at(&store, &history, &asked, marked))
            .collect();
        Ok(Report {
            now: Now::of(SystemTime::now()),
            places,
        })
    }

    fn text(&self, verbose: bool, width: Option<usize>) -> String {
        let mut page = Page::new(width);
        for place in &self.places {
            let label = match &*place.label {
                "" => String::new(),
                label => format!(" {}", shown(OsStr::new(label))),
            };
            let start = format!("{}:{}", here(Path::new(&place.file)), place.line);
            page.line(&format!(
                "{start}: {}",
                place.words(&label, self.now, verbose)
            ));
            if verbose {
                let rows: Vec<(String, String)> = place
                    .details(self.now)
                    .into_iter()
                    .map(|(label, text)| (label.to_owned(), text))
                    .collect();
                page.rows(2, &rows);
            }
        }
        page.finish()
    }

    fn json(&self) -> Value {
        let places: Vec<Value> = self.places.iter().map(Place::json).collect();
        json!({"format": FORMAT, "sites": places})
    }
}

impl Place {
    /// What is said behind the place; `label` begins with a space, or is empty. Where it is `verbose`, all that differs
    /// follows.
    fn words(&self, label: &str, now: Now, verbose: bool) -> String {
        match &self.state {
            State::Never => format!("never run{}", in_brackets(label)),
            State::Unreached => format!("not reached in the last run{}", in_brackets(label)),
            State::Forgotten { made } => format!(
                "nothing is known of its last run; its newest entry was made {} ago",
                now.span(*made)
            ),
            State::Ran {
                hits,
                count,
                misses,
                end,
                ..
            } => {
                let end = match (end, misses.last()) {
                    (Some(end), Some(last)) if last.told.words == *end => String::new(),
                    (Some(end), _) => format!("; {end}"),
                    (None, _) => String::new(),
                };
                let Some(last) = misses.last() else {
                    let times = if *hits > 1 {
                        format!(" ({hits} times)")
                    } else {
                        String::new()
                    };
                    return format!("hit{label}{times}{end}");
                };
                let mut counts = Vec::new();
                if *count > 1 {
                    counts.push(format!("the last of {count} misses"));
                }
                if *hits > 0 {
                    counts.push(format!("{hits} hit{}", if *hits == 1 { "" } else { "s" }));
                }
                let counts = match &*counts {
                    [] => String::new(),
                    counts => format!(" ({})", counts.join(", ")),
                };
                let words = if verbose {
                    last.told.words.clone()
                } else {
                    last.told.short()
                };
                format!("miss{label}: {words}{counts}{end}")
            }
        }
    }

    /// All else that is known, in two columns.
    fn details(&self, now: Now) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        if let Some(run) = self.run {
            rows.push(("run", now.told(run)));
        }
        let State::Ran { misses, .. } = &self.state else {
            return rows;
        };
        let Some(last) = misses.last() else {
            return rows;
        };
        for (place, line) in last.told.lines().into_iter().skip(1).enumerate() {
            rows.push((if place == 0 { "also" } else { "" }, line));
        }
        if let Some(compared) = &last.told.compared {
            rows.push(("compared with", shown(compared).into_owned()));
        }
        if let Some(entry) = &last.entry {
            rows.push(("entry", shown(entry).into_owned()));
        }
        // What earlier misses of this line in the same run have to say, each once.
        let mut others: Vec<String> = Vec::new();
        for miss in &misses[..misses.len() - 1] {
            let words = &miss.told.words;
            if *words != last.told.words && !others.contains(words) {
                others.push(words.clone());
            }
        }
        for (place, words) in others.into_iter().enumerate() {
            rows.push((if place == 0 { "other misses" } else { "" }, words));
        }
        rows
    }

    fn json(&self) -> Value {
        let mut members = json!({
            "file": self.file,
            "line": self.line,
            "name": (!self.label.is_empty()).then_some(&self.label),
            "run": self.run.map(rfc3339),
            "state": "",
            "hits": 0,
            "missed": 0,
            "entry": null,
            "cleared": false,
            "misses": [],
        });
        let state = match &self.state {
            State::Never => "never run",
            State::Unreached => "not reached",
            State::Forgotten { .. } => "not known",
            State::Ran {
                hits,
                count,
                misses,
                entry,
                end,
            } => {
                members["hits"] = json!(hits);
                members["missed"] = json!(count);
                members["entry"] = json!(entry.as_ref().map(|name| path_as_text(name)));
                members["cleared"] = json!(end.is_some());
                members["misses"] = misses.iter().map(Miss::json).collect();
                if misses.is_empty() { "hit" } else { "miss" }
            }
        };
        members["state"] = json!(state);
        members
    }
}

impl Miss {
    fn json(&self) -> Value {
        json!({
            "reason": self.reason,
            "detail": self.detail,
            "because": self.told.words,
            "outcome": self.outcome.word(),
            "refusal": self.outcome.refusal(),
            "entry": self.entry.as_ref().map(|name| path_as_text(name)),
            "times": self.times,
            "compared_with": self.told.compared.as_ref().map(|name| path_as_text(name)),
            "differences": self.told.differences,
        })
    }
}

fn in_brackets(label: &str) -> String {
    match label.trim_start() {
        "" => String::new(),
        label => format!(" ({label})"),
    }
}

/// Looking at one marked line in one run.
struct Look<'l> {
    store: &'l Store,
    history: &'l History,
    causes: Causes<'l>,
}

impl<'l> Look<'l> {
    /// What is to be said of a marked line: of each of its calls by its label.
    fn at(store: &'l Store, history: &Rc<History>, asked: &Asked, marked: &Marked) -> Vec<Place> {
        let place = |label: &str, run: Option<i64>, line: u64, state| Place {
            file: asked.file.clone(),
            line,
            label: label.to_owned(),
            run,
            state,
        };
        let label = marked.label.as_deref().unwrap_or_default();
        let runs = history.runs_of(&asked.file);
        let Some((run, line)) = asked.run_of(store, &runs, marked) else {
            let state = match marked.newest {
                Some(made) => State::Forgotten { made },
                None if asked.is_reached(store, &runs, marked) => State::Unreached,
                None => State::Never,
            };
            return vec![place(label, None, marked.line, state)];
        };
        let mut look = Look {
            store,
            history,
            causes: Causes::new(store, Rc::clone(history), run.started),
        };
        // A line can hold several calls, and a loop can make one of them many times.
        let mut calls: BTreeMap<String, Vec<&Call>> = BTreeMap::new();
        for call in run.calls.iter().filter(|call| call.line == line) {
            let called = look.label(call);
            let meant = |wanted: &String| called.is_empty() || *wanted == called;
            if marked.label.as_ref().is_none_or(meant) {
                calls.entry(called).or_default().push(call);
            }
        }
        calls
            .into_iter()
            .map(|(label, calls)| place(&label, Some(run.started), marked.line, look.state(&calls)))
            .collect()
    }

    /// What a call is named. The journal does not say it of hits.
    fn label(&self, call: &Call) -> String {
        match &call.entry {
            Some(entry) if call.label.is_empty() => {
                let read = entry::read(&self.store.path(entry)).ok();
                read.and_then(|read| read.manifest.site.name)
                    .filter(|name| !name.is_empty())
                    .unwrap_or_else(|| label_of(entry))
            }
            _ => call.label.clone(),
        }
    }

    fn state(&mut self, calls: &[&Call]) -> State {
        let hits = calls.iter().map(|call| call.hits).sum();
        let missed: Vec<&&Call> = calls.iter().filter(|call| call.hits == 0).collect();
        let count = missed.iter().map(|call| call.times).sum();
        let misses: Vec<Miss> = missed[missed.len().saturating_sub(EXPLAINED)..]
            .iter()
            .map(|call| self.miss(call))
            .collect();
        let last = calls.iter().rev().find(|call| call.entry.is_some());
        let entry = last.and_then(|call| call.entry.clone());
        let was_kept = last.is_some_and(|call| call.hits > 0 || call.outcome == Outcome::Kept);
        let gone = entry
            .as_ref()
            .filter(|name| was_kept && self.store.path(name).symlink_metadata().is_err());
        let end = gone.map(|name| self.history.end_of(name, i64::MAX));
        State::Ran {
            hits,
            count,
            misses,
            entry,
            end,
        }
    }

    fn miss(&mut self, call: &Call) -> Miss {
        let told = self.told(call);
        Miss {
            reason: call.reason.clone(),
            detail: call.detail.clone(),
            outcome: call.outcome.clone(),
            entry: call.entry.clone(),
            times: call.times,
            told,
        }
    }

    fn told(&mut self, call: &Call) -> Told {
        let known = reason::words(&call.reason, &call.detail).filter(|_| !call.reason.is_empty());
        match (&call.outcome, known) {
            (Outcome::Refused(why), _) => return Told::plainly(reason::refusal(why)),
            (Outcome::Raised, None) => {
                return Told::plainly("it raised, and nothing is kept of such a call");
            }
            (Outcome::Raised, Some(words)) => {
                return Told::plainly(format!("{words}; then it raised"));
            }
            (Outcome::HalfWay, None) => {
                return Told::plainly("its stream was left half-way, so nothing was kept");
            }
            (Outcome::HalfWay, Some(words)) => {
                return Told::plainly(format!("{words}; then its stream was left half-way"));
            }
            (Outcome::Kept, _) => {}
        }
        let Some(name) = &call.entry else {
            return self
                .causes
                .of_miss(OsStr::new(""), &call.reason, &call.detail, None);
        };
        let manifest = entry::read(&self.store.path(name)).ok();
        let manifest: Option<Manifest> = manifest.map(|entry| entry.manifest);
        self.causes
            .of_miss(name, &call.reason, &call.detail, manifest.as_ref())
    }
}
