//! What a user asks about in, a script and its marked lines out: for `devstash why`.
//!
//! It can be a script, a marked line of it, or an entry, which stands for its line. Lines are those of the script as it is
//! now; where it was edited since a run, the text of the marked statement says which line of the run is meant.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{self, Path, PathBuf};
use std::{fmt, fs};

use crate::entry::{self, Site};
use crate::exit::ExitStatus;
use crate::options::Wanted;
use crate::plan::{self, PlanError};
use crate::source::Source;
use crate::store::{NoStore, Store};

use super::history::{History, Run};
use super::moment::nanoseconds;
use super::pick::{NoPick, pick_site};
use super::place::{Place, is_same_script, plain};
use super::refused;
use super::scan::sites;
use super::words::{here, listed};

/// So many lines are suggested.
const LINES: usize = 10;

/// Marked lines of one script.
#[derive(Debug)]
pub struct Asked {
    /// As manifests name it.
    pub file: String,
    pub lines: Vec<Marked>,
    /// Whether all of the script is asked about, and so its last run.
    pub whole: bool,
    /// When the script was changed last, in nanoseconds since 1970.
    edited: Option<i64>,
    /// The texts of all its marked statements.
    texts: Vec<String>,
}

/// One marked line.
#[derive(Clone, Debug, Default)]
pub struct Marked {
    pub line: u64,
    /// The first line of the statement.
    pub text: Option<String>,
    /// What the call is named, if only this one is asked about.
    pub label: Option<String>,
    /// When its newest entry was made, where nothing else is known of it.
    pub newest: Option<i64>,
}

/// Why there is nobody to be asked about.
#[derive(Debug)]
pub enum Nobody {
    NoStore(NoStore),
    NoPick(NoPick),
    /// The script has no marker that works.
    Unmarked(String),
    /// The line has none, but others have.
    OtherLine {
        file: String,
        line: u64,
        lines: Vec<u64>,
    },
    /// Its markers cannot be known.
    Unreadable {
        file: String,
        why: String,
    },
}

impl Nobody {
    pub fn status(&self) -> ExitStatus {
        match self {
            Nobody::NoPick(none) => none.status(),
            Nobody::NoStore(NoStore::Unreadable(..)) => ExitStatus::Trouble,
            Nobody::NoStore(_) | Nobody::Unmarked(_) | Nobody::OtherLine { .. } => {
                ExitStatus::NothingMatched
            }
            Nobody::Unreadable { .. } => ExitStatus::Usage,
        }
    }
}

impl fmt::Display for Nobody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Nobody::NoStore(trouble) => f.write_str(&refused(trouble)),
            Nobody::NoPick(none) => none.fmt(f),
            Nobody::Unmarked(file) => write!(f, "`{file}` has no marked line"),
            Nobody::OtherLine { file, line, lines } => {
                let mut near = lines.clone();
                near.sort_unstable_by_key(|other| (other.abs_diff(*line), *other));
                let more = if near.len() > LINES {
                    ", among others"
                } else {
                    ""
                };
                near.truncate(LINES);
                near.sort_unstable();
                let near: Vec<String> = near.iter().map(u64::to_string).collect();
                write!(
                    f,
                    "`{file}` has no marker on line {line}\n\nhint: marked {} {}{more}",
                    if near.len() == 1 {
                        "is line"
                    } else {
                        "are lines"
                    },
                    listed(&near)
                )
            }
            Nobody::Unreadable { file, why } => {
                write!(f, "the markers of `{file}` are not known: {why}")
            }
        }
    }
}

impl Asked {
    /// What was typed, and the store that knows of it.
    pub fn of(wanted: &Wanted) -> Result<(Asked, Store, History), Nobody> {
        let typed = &wanted.entry;
        let mut none = None;
        if let Some(place) = script(typed) {
            let store = Store::open(&wanted.cache_dir).map_err(Nobody::NoStore)?;
            let history = History::read(&store);
            match Asked::of_script(&place, &store, &history) {
                Ok(Some(asked)) => return Ok((asked, store, history)),
                Ok(None) => {}
                Err(error) => none = Some(error),
            }
        }
        if let Some(none) = none {
            return Err(none);
        }
        let picked = match pick_site(wanted) {
            Ok(picked) => picked,
            Err(missing @ (NoPick::Nothing { .. } | NoPick::Empty(_))) => {
                let store = Store::open(&wanted.cache_dir).map_err(Nobody::NoStore)?;
                let history = History::read(&store);
                return match Asked::of_gone(typed, &history) {
                    Some(asked) => Ok((asked, store, history)),
                    None => Err(Nobody::NoPick(missing)),
                };
            }
            Err(none) => return Err(Nobody::NoPick(none)),
        };
        let store = Store::open(&picked.folder).map_err(Nobody::NoStore)?;
        let history = History::read(&store);
        let manifest = picked.entry.manifest;
        let site = manifest.site;
        let marked = Marked {
            line: site.line.unwrap_or_default(),
            text: site.text,
            label: Some(
                site.name
                    .filter(|name| !name.is_empty())
                    .unwrap_or(manifest.qualname),
            ),
            newest: Some(nanoseconds(picked.entry.made)),
        };
        let asked = Asked::lines_of(site.file.unwrap_or_default(), vec![marked]);
        Ok((asked, store, history))
    }

    /// Lines of a script as they were in its runs.
    fn lines_of(file: String, lines: Vec<Marked>) -> Asked {
        Asked {
            file,
            lines,
            whole: false,
            edited: None,
            texts: Vec::new(),
        }
    }

    /// The marked lines of a script; None if nobody knows of such a script.
    fn of_script(place: &Place, store: &Store, history: &History) -> Result<Option<Asked>, Nobody> {
        let mut known = history
            .runs
            .iter()
            .rev()
            .map(|run| &run.script)
            .filter(|script| place.is_in(script));
        // The script that is here is meant before all others of its name.
        let typed = path::absolute(&place.file).ok().map(|path| plain(&path));
        let file = match typed.filter(|path| path.is_file()) {
            Some(path) => path.to_string_lossy().into_owned(),
            None => match known.next() {
                Some(script) => script.clone(),
                None => return Ok(None),
            },
        };
        let markers = markers(Path::new(&file));
        let shown_file = here(Path::new(&file));
        let mut all = match markers {
            Ok(all) => all,
            // What it was like in its last run is better than nothing.
            Err(why) => match history.runs_of(&file).first() {
                Some(run) => run
                    .calls
                    .iter()
                    .map(|call| (call.line, (call.line, String::new())))
                    .collect::<BTreeMap<_, _>>()
                    .into_iter()
                    .map(|(line, (end, text))| (line, end, text))
                    .collect(),
                None => {
                    return Err(Nobody::Unreadable {
                        file: shown_file,
                        why,
                    });
                }
            },
        };
        if all.is_empty() {
            return Err(Nobody::Unmarked(shown_file));
        }
        let texts = all.iter().map(|(_, _, text)| text.clone()).collect();
        let lines: Vec<u64> = all.iter().map(|(line, _, _)| *line).collect();
        if let Some(line) = place.line {
            // A marker can stand on any line of its statement.
            all.retain(|(first, last, _)| (*first..=*last).contains(&line));
            if all.is_empty() {
                return Err(Nobody::OtherLine {
                    file: shown_file,
                    line,
                    lines,
                });
            }
        }
        let mut by_line: BTreeMap<u64, Marked> = BTreeMap::new();
        for (line, _, text) in all {
            by_line.entry(line).or_insert_with(|| Marked {
                line,
                text: (!text.is_empty()).then_some(text),
                ..Marked::default()
            });
        }
        let mut lines: Vec<Marked> = by_line.into_values().collect();
        if history.runs_of(&file).is_empty() {
            date(&mut lines, &file, store);
        }
        let edited = fs::metadata(&file).and_then(|found| found.modified()).ok();
        Ok(Some(Asked {
            whole: place.line.is_none(),
            edited: edited.map(nanoseconds),
            lines,
            texts,
            file,
        }))
    }

    /// The line of an entry that is gone, as the journal remembers it.
    fn of_gone(typed: &OsStr, history: &History) -> Option<Asked> {
        let wanted = typed.to_str()?;
        let named = |entry: &OsString| entry.to_string_lossy().contains(wanted);
        history.runs.iter().rev().find_map(|run| {
            let mut calls = run.calls.iter().rev();
            let call = calls.find(|call| {
                call.entry.as_ref().is_some_and(named)
                    || (!call.label.is_empty() && call.label == wanted)
            })?;
            let marked = Marked {
                line: call.line,
                label: (!call.label.is_empty()).then(|| call.label.clone()),
                ..Marked::default()
            };
            Some(Asked::lines_of(run.script.clone(), vec![marked]))
        })
    }

    /// The run to tell of, and the line that the marked one was in it. `runs` are those of the script, the last one first.
    pub fn run_of<'h>(
        &self,
        store: &Store,
        runs: &[&'h Run],
        marked: &Marked,
    ) -> Option<(&'h Run, u64)> {
        let most = if self.whole { 1 } else { runs.len() };
        runs.iter()
            .take(most)
            .find_map(|run| Some((*run, self.line_in(store, run, marked)?)))
    }

    /// Whether any run has come to the line.
    pub fn is_reached(&self, store: &Store, runs: &[&Run], marked: &Marked) -> bool {
        runs.iter()
            .any(|run| self.line_in(store, run, marked).is_some())
    }

    /// The line that the marked one was in a run, if the run has come to it.
    fn line_in(&self, store: &Store, run: &Run, marked: &Marked) -> Option<u64> {
        let reached = |line: u64| run.calls.iter().any(|call| call.line == line);
        if self.edited.is_none_or(|edited| edited < run.started) {
            return reached(marked.line).then_some(marked.line);
        }
        let wanted = marked.text.as_deref()?;
        let texts = OnceCell::new();
        let texts: &BTreeMap<u64, String> = texts.get_or_init(|| texts_of(store, run));
        let at_line = texts.get(&marked.line).map(String::as_str);
        if at_line == Some(wanted) {
            return Some(marked.line);
        }
        if let Some((line, _)) = texts.iter().find(|(_, text)| *text == wanted) {
            return Some(*line);
        }
        // The statement itself may have been edited; but what is another marked line now, was that one then.
        let is_another = at_line.is_some_and(|text| self.texts.iter().any(|other| other == text));
        (reached(marked.line) && !is_another).then_some(marked.line)
    }
}

/// The script that was typed, if it looks like one or is one.
fn script(typed: &OsStr) -> Option<Place> {
    Place::near(typed).or_else(|| {
        let path = Path::new(typed);
        let is_entry = typed.as_bytes().ends_with(b".pkl");
        (!is_entry && path.is_file()).then(|| Place {
            file: PathBuf::from(typed),
            line: None,
        })
    })
}

/// First and last line and text of all marked statements of a script, or why they cannot be told.
fn markers(script: &Path) -> Result<Vec<(u64, u64, String)>, String> {
    let bytes = fs::read(script).map_err(|error| crate::exit::reason(&error))?;
    let source = Source::decode(script.to_owned(), bytes).map_err(|error| error.to_string())?;
    let plan = plan::plan(&source).map_err(|error| match error {
        PlanError::Syntax { message } => message,
        PlanError::Markers(_) => "some cannot work; `devstash check` shows them".to_owned(),
    })?;
    let number = |line: usize| line as u64;
    Ok(plan
        .sites
        .into_iter()
        .map(|site| {
            let end = site.span.end_line.max(site.line);
            (number(site.line), number(end), site.text)
        })
        .collect())
}

/// Say of lines when their newest entry was made.
fn date(lines: &mut [Marked], file: &str, store: &Store) {
    let Ok(found) = sites(store) else {
        return;
    };
    for row in found.rows() {
        if let (
            Ok(Site {
                file: Some(of),
                line: Some(line),
                ..
            }),
            Some(made),
        ) = (&row.read, row.made())
            && is_same_script(of, file)
            && let Some(marked) = lines.iter_mut().find(|marked| marked.line == *line)
        {
            marked.newest = marked.newest.max(Some(made));
        }
    }
}

/// The texts of the marked statements as they were in a run, by line, as far as entries tell.
fn texts_of(store: &Store, run: &Run) -> BTreeMap<u64, String> {
    let mut texts = BTreeMap::new();
    for call in &run.calls {
        if texts.contains_key(&call.line) {
            continue;
        }
        let read = call
            .entry
            .as_ref()
            .and_then(|name| entry::read(&store.path(name)).ok());
        if let Some(read) = read
            && let Site {
                line: Some(line),
                text: Some(text),
                ..
            } = read.manifest.site
            && line == call.line
        {
            texts.insert(line, text);
        }
    }
    texts
}
