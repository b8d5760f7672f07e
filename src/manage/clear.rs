//! `devstash clear`: removes entries, and nothing that devstash has not made.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::SystemTime;

use anyhow::Context;

use crate::duration;
use crate::entry::{self, Damage};
use crate::exit::ExitStatus;
use crate::options::{ClearOptions, Selection};
use crate::store::{Kept, NoStore, Store, shown};

use super::scan::{Row, scan};
use super::select::{file, line, select};
use super::{answer, count, say, status};

/// Removes the selected entries, or with `dry_run` says which they are. Those that are pinned stay, unless they are asked
/// for.
///
/// A selection that matches nothing is told and ends with `NothingMatched`; clearing all of nothing is fine.
pub fn clear(options: &ClearOptions) -> anyhow::Result<ExitStatus> {
    let all = options.selection.is_none();
    let store = match Store::open(&options.cache_dir) {
        Ok(store) => store,
        Err(trouble) => {
            say(&trouble.to_string());
            let fine = all && matches!(trouble, NoStore::Absent(_));
            return Ok(if fine {
                ExitStatus::Success
            } else {
                status(&trouble)
            });
        }
    };
    let pins = if options.pinned {
        HashSet::new()
    } else {
        store.pins()
    };
    let kept = kept(&store, &pins);
    let put_aside =
        all && !options.dry_run && kept.as_ref().is_some_and(|kept| store.set_aside(kept));
    let status = if put_aside {
        store.remove_drafts();
        cleared(kept.map_or(0, |kept| kept.entries.len()))
    } else {
        one_by_one(&store, options, &pins)
    };
    if !options.dry_run {
        store.sweep(); // also what an earlier `clear` has left
    }
    status
}

/// What pins keep; None where an entry of theirs cannot tell which blobs it needs.
fn kept(store: &Store, pins: &HashSet<OsString>) -> Option<Kept> {
    let mut kept = Kept::default();
    for name in pins {
        match entry::read(&store.path(name)) {
            Ok(entry) => {
                let blobs = entry.manifest.blobs();
                kept.blobs.extend(blobs.into_iter().map(str::to_owned));
                kept.entries.push(name.clone());
            }
            Err(Damage::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return None,
        }
    }
    Some(kept)
}

/// The entries that were meant.
struct Meant {
    names: Vec<OsString>,
    size: u64,
    /// How many marked statements made them.
    sites: usize,
    /// How many more are pinned.
    pinned: usize,
}

impl Meant {
    fn all(store: &Store, pins: &HashSet<OsString>) -> io::Result<Meant> {
        let mut names = store.names()?;
        let before = names.len();
        names.retain(|name| !pins.contains(name));
        Ok(Meant {
            pinned: before - names.len(),
            names,
            size: 0,
            sites: 0,
        })
    }

    fn of(store: &Store, selection: &Selection, pins: &HashSet<OsString>) -> io::Result<Meant> {
        let found = scan(store)?;
        let rows = select(&found, selection, None, SystemTime::now());
        let is_pinned = |row: &&Row| pins.contains(row.name());
        let (pinned, rows): (Vec<&Row>, Vec<&Row>) = rows.into_iter().partition(is_pinned);
        let sites: HashSet<_> = rows.iter().map(|row| (file(row), line(row))).collect();
        let mut names: Vec<OsString> = rows.iter().map(|row| row.name().to_owned()).collect();
        names.sort_unstable();
        Ok(Meant {
            names,
            size: rows.iter().filter_map(|row| row.size()).sum(),
            sites: sites.len(),
            pinned: pinned.len(),
        })
    }

    /// ` 2 pinned entries are left; --pinned removes them, too.`
    fn left(&self) -> String {
        match self.pinned {
            0 => String::new(),
            1 => " 1 pinned entry is left; `--pinned` removes it, too.".to_owned(),
            many => format!(" {many} pinned entries are left; `--pinned` removes them, too."),
        }
    }
}

/// Removes, or tells, the selected entries.
fn one_by_one(
    store: &Store,
    options: &ClearOptions,
    pins: &HashSet<OsString>,
) -> anyhow::Result<ExitStatus> {
    let meant = match &options.selection {
        None => Meant::all(store, pins),
        Some(selection) => Meant::of(store, selection, pins),
    };
    let meant = meant.context("cannot read the cache folder")?;
    if let Some(selection) = &options.selection
        && meant.names.is_empty()
        && meant.pinned == 0
    {
        say(&match &selection.pattern {
            Some(pattern) if *selection == only(pattern) => {
                format!("no cached entry matches `{}`", shown(pattern))
            }
            _ => "no cached entry is meant by all of that".to_owned(),
        });
        return Ok(ExitStatus::NothingMatched);
    }
    if options.dry_run {
        let mut text = String::new();
        for name in &meant.names {
            let _ = writeln!(text, "{}", shown(name));
        }
        let _ = writeln!(
            text,
            "Would remove {} cache file(s).{}",
            meant.names.len(),
            meant.left()
        );
        answer(&text).context("cannot write to stdout")?;
        return Ok(ExitStatus::Success);
    }
    if options.selection.is_some() && !options.yes && meant.sites > 1 && !agreed(&meant) {
        say("nothing was removed");
        return Ok(ExitStatus::NothingMatched);
    }
    let removed = remove(store, &meant.names, options.pinned)?;
    if let Some(needed) = needed_blobs(store)? {
        store
            .remove_blobs(&needed)
            .context("cannot remove the contents of files")?;
    }
    if options.selection.is_none() {
        store.remove_leftovers();
        return cleared(meant.pinned);
    }
    answer(format!(
        "Removed {removed} cache file(s).{}\n",
        meant.left()
    ))
    .context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

fn only(pattern: &OsStr) -> Selection {
    Selection {
        pattern: Some(pattern.to_owned()),
        ..Selection::default()
    }
}

/// Asks whoever is at the terminal. Where nobody is, nobody is asked.
fn agreed(meant: &Meant) -> bool {
    let (input, error) = (io::stdin(), io::stderr());
    if !input.is_terminal() || !error.is_terminal() {
        return true;
    }
    let _ = write!(
        error.lock(),
        "devstash: remove {} of {} marked lines, {}? [y/N] ",
        count(meant.names.len(), "entry", "entries"),
        meant.sites,
        duration::size(meant.size)
    );
    let mut answered = String::new();
    let read = input.read_line(&mut answered);
    read.is_ok() && matches!(answered.trim().to_lowercase().as_str(), "y" | "yes")
}

fn cleared(pinned: usize) -> anyhow::Result<ExitStatus> {
    answer(match pinned {
        0 => "Cleared all cached entries.\n".to_owned(),
        1 => "Cleared all cached entries but one, which is pinned; `--pinned` removes it, too.\n".to_owned(),
        many => format!("Cleared all cached entries but {many}, which are pinned; `--pinned` removes them, too.\n"),
    })
    .context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// Removes the entries, and their pins where these may have some, and says how many there were. One that cannot be
/// removed does not keep the others.
fn remove(store: &Store, names: &[OsString], pinned: bool) -> anyhow::Result<usize> {
    let mut removed = 0;
    let mut trouble = Ok(());
    for name in names {
        match store.remove(name) {
            Ok(gone) => removed += usize::from(gone),
            Err(error) => {
                trouble = Err(error).with_context(|| format!("cannot remove `{}`", shown(name)))
            }
        }
        if pinned {
            let _ = store.unpin(name);
        }
    }
    trouble.map(|()| removed)
}

/// The digests of the blobs that the remaining entries need; None where an entry cannot be asked, or there are none.
fn needed_blobs(store: &Store) -> anyhow::Result<Option<HashSet<String>>> {
    let mut needed = HashSet::new();
    if store.blobs().is_empty() {
        return Ok(None); // which saves reading all entries to know that none goes
    }
    for name in store.names().context("cannot read the cache folder")? {
        match entry::read(&store.path(&name)) {
            Ok(entry) => needed.extend(entry.manifest.blobs().into_iter().map(str::to_owned)),
            // A folder with an entry's name needs nothing, and stays after `--all`.
            Err(Damage::NotAFile) => {}
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(needed))
}
