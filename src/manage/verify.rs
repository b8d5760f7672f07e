//! `devstash verify`: every entry checked whole, by all processors; bad ones are told, and removed if that is wished.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::SystemTime;

use anyhow::Context;
use serde_json::json;

use crate::duration;
use crate::entry::whole::{Flaw, check, check_blob};
use crate::entry::{Damage, NamedBlob};
use crate::exit::ExitStatus;
use crate::options::{Selection, VerifyOptions};
use crate::store::secret::{self, Key};
use crate::store::{NoStore, Store, blob, shown};

use super::progress::Progress;
use super::scan::scan;
use super::select::select;
use super::{answer, count, refused, say, status};
use crate::json::path_as_text;

/// The version of what `--json` prints. New members do not change it.
const FORMAT: u32 = 1;

/// Checks the selected entries, and removes with `remove` those that are not in order.
pub fn verify(options: &VerifyOptions) -> anyhow::Result<ExitStatus> {
    let store = match Store::open(&options.cache_dir) {
        Ok(store) => store,
        Err(trouble) => {
            say(&refused(&trouble));
            return Ok(match trouble {
                NoStore::Absent(_) => ExitStatus::Success,
                other => status(&other),
            });
        }
    };
    let key = secret::read();
    let entries = entries(&store, &options.selection).context("cannot read the cache folder")?;
    if entries.is_empty() && options.selection != Selection::default() {
        say("no cached entry is meant by that");
        return Ok(ExitStatus::NothingMatched);
    }
    let size: u64 = entries.iter().map(|(_, size)| size).sum();
    let checked = entries.len();
    let mut found = check_all(&options.cache_dir, entries, key.as_ref().ok(), size);
    found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    let mut left = 0;
    for bad in found.iter_mut().filter(|one| one.bad) {
        if options.remove {
            let removed = store.remove(&bad.name);
            let name = shown(&bad.name);
            bad.removed = removed.with_context(|| format!("cannot remove `{name}`"))?;
            let _ = store.unpin(&bad.name);
        }
        left += usize::from(!bad.removed);
    }
    let summary = Summary {
        checked,
        size,
        tags: key.is_ok(),
        found,
    };
    if let Err(no_key) = &key {
        say(&format!("signatures were not checked: {no_key}"));
    }
    let text = if options.json {
        summary.json(&options.cache_dir)
    } else {
        summary.text(options.remove)
    };
    answer(text).context("cannot write to stdout")?;
    Ok(if left > 0 {
        ExitStatus::Different
    } else {
        ExitStatus::Success
    })
}

/// Names and sizes of the selected entries, the largest first, so that none is left over when all others are done.
fn entries(store: &Store, selection: &Selection) -> std::io::Result<Vec<(OsString, u64)>> {
    let mut entries: Vec<(OsString, u64)> = if *selection == Selection::default() {
        let size = |name: &OsString| Some(store.path(name).symlink_metadata().ok()?.len());
        let names = store.names()?.into_iter();
        names
            .filter_map(|name| size(&name).map(|size| (name, size)))
            .collect()
    } else {
        let found = scan(store)?;
        let rows = select(&found, selection, None, SystemTime::now());
        rows.iter()
            .map(|row| (row.name().to_owned(), row.size().unwrap_or(0)))
            .collect()
    };
    entries.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    Ok(entries)
}

/// An entry of which there is something to be told.
struct Finding {
    name: OsString,
    what: String,
    /// Not in order; otherwise, it could not be checked.
    bad: bool,
    removed: bool,
}

/// What the threads share.
struct Checker<'c> {
    folder: &'c Path,
    entries: Vec<(OsString, u64)>,
    next: AtomicUsize,
    key: Option<&'c Key>,
    /// What was found of blobs: many entries can need the same one.
    blobs: Mutex<HashMap<NamedBlob, Result<(), &'static str>>>,
    progress: Progress,
}

fn check_all(
    folder: &Path,
    entries: Vec<(OsString, u64)>,
    key: Option<&Key>,
    size: u64,
) -> Vec<Finding> {
    let checker = Checker {
        folder,
        entries,
        next: AtomicUsize::new(0),
        key,
        blobs: Mutex::default(),
        progress: Progress::new("checking entries"),
    };
    checker.progress.expect(size);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads.min(checker.entries.len()))
            .map(|_| scope.spawn(|| checker.some()))
            .collect();
        let mut found = checker.some();
        for helper in helpers {
            found.extend(helper.join().unwrap_or_default());
        }
        found
    })
}

impl Checker<'_> {
    /// Checks one after the other until there are no more.
    fn some(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        while let Some((name, _)) = self.entries.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let Err(flaw) = self.one(&self.folder.join(name)) else {
                continue;
            };
            // Somebody has removed it meanwhile.
            if matches!(&flaw, Flaw::Damage(Damage::Unreadable(error)) if error.kind() == std::io::ErrorKind::NotFound)
            {
                continue;
            }
            found.push(Finding {
                name: name.clone(),
                what: flaw.to_string(),
                bad: !matches!(flaw, Flaw::Damage(Damage::FutureFormat(_))),
                removed: false,
            });
        }
        found
    }

    fn one(&self, path: &Path) -> Result<(), Flaw> {
        let manifest = check(path, self.key, &|bytes| self.progress.done(bytes))?;
        for needed in manifest.named_blobs() {
            self.blob(&needed)
                .map_err(|what| Flaw::Blob(needed, what))?;
        }
        Ok(())
    }

    fn blob(&self, needed: &NamedBlob) -> Result<(), &'static str> {
        let known = || self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known().get(needed).copied();
        before.unwrap_or_else(|| {
            self.progress.expect(needed.size);
            let path = blob(self.folder, &needed.digest);
            let found = check_blob(&path, needed, &|bytes| self.progress.done(bytes));
            known().insert(needed.clone(), found);
            found
        })
    }
}

/// What was found.
struct Summary {
    checked: usize,
    size: u64,
    /// Whether signatures were checked, too.
    tags: bool,
    found: Vec<Finding>,
}

impl Summary {
    fn text(&self, remove: bool) -> String {
        let mut text = String::new();
        for one in &self.found {
            let _ = writeln!(text, "{}: {}", shown(&one.name), one.what);
        }
        let bad = self.found.iter().filter(|one| one.bad).count();
        let newer = self.found.len() - bad;
        let _ = write!(
            text,
            "Checked {}, {}: ",
            count(self.checked - newer, "entry", "entries"),
            duration::size(self.size)
        );
        let removed = self.found.iter().filter(|one| one.removed).count();
        text.push_str(&match (bad, remove) {
            (0, _) => "all in order".to_owned(),
            (bad, false) => format!("{bad} not in order"),
            (bad, true) if removed == bad => format!("{bad} not in order, removed"),
            (bad, true) => format!("{bad} not in order, {removed} removed"),
        });
        if newer > 0 {
            let _ = write!(text, "; {newer} of a newer format not checked");
        }
        text.push_str(".\n");
        text
    }

    fn json(&self, folder: &Path) -> String {
        let entries: Vec<_> = self
            .found
            .iter()
            .map(|one| {
                json!({
                    "entry": path_as_text(&one.name),
                    "path": path_as_text(folder.join(&one.name).as_os_str()),
                    "bad": one.bad,
                    "what": one.what,
                    "removed": one.removed,
                })
            })
            .collect();
        let whole = json!({
            "format": FORMAT,
            "checked": self.checked,
            "size": self.size,
            "signatures": self.tags,
            "bad": self.found.iter().filter(|one| one.bad).count(),
            "entries": entries,
        });
        format!("{whole:#}\n")
    }
}
