//! `devstash clear`: removes entries, and nothing that devstash has not made.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt::Write;

use anyhow::Context;

use crate::entry::{self, Damage};
use crate::exit::ExitStatus;
use crate::options::{ClearOptions, Selection};
use crate::store::{NoStore, Store, shown};

use super::pattern::means;
use super::scan::scan;
use super::{answer, say};

/// Removes the selected entries, or with `dry_run` says which they are.
///
/// A pattern that matches nothing is told and ends with `NothingMatched`; clearing all of nothing is fine.
pub fn clear(options: &ClearOptions) -> anyhow::Result<ExitStatus> {
    let all = matches!(options.selection, Selection::All);
    let store = match Store::open(&options.cache_dir) {
        Ok(store) => store,
        Err(trouble) => {
            say(&trouble.to_string());
            let fine = all && matches!(trouble, NoStore::Absent(_));
            return Ok(if fine {
                ExitStatus::Success
            } else {
                ExitStatus::NothingMatched
            });
        }
    };
    let status = if all && !options.dry_run && store.set_aside() {
        store.remove_drafts();
        cleared()
    } else {
        one_by_one(&store, options)
    };
    if !options.dry_run {
        store.sweep(); // also what an earlier `clear` has left
    }
    status
}

/// Removes, or tells, the selected entries.
fn one_by_one(store: &Store, options: &ClearOptions) -> anyhow::Result<ExitStatus> {
    let names = match &options.selection {
        Selection::All => store.names(),
        Selection::Pattern(pattern) => scan(store).map(|found| {
            let selected = found.rows().filter(|row| means(pattern, row));
            let mut names: Vec<OsString> = selected.map(|row| row.name().to_owned()).collect();
            names.sort_unstable();
            names
        }),
    };
    let names = names.context("cannot read the cache folder")?;
    if let Selection::Pattern(pattern) = &options.selection
        && names.is_empty()
    {
        say(&format!("no cached entry matches `{}`", shown(pattern)));
        return Ok(ExitStatus::NothingMatched);
    }
    if options.dry_run {
        let mut text = String::new();
        for name in &names {
            let _ = writeln!(text, "{}", shown(name));
        }
        let _ = writeln!(text, "Would remove {} cache file(s).", names.len());
        answer(&text).context("cannot write to stdout")?;
        return Ok(ExitStatus::Success);
    }
    let removed = remove(store, &names)?;
    if let Some(needed) = needed_blobs(store)? {
        store
            .remove_blobs(&needed)
            .context("cannot remove the contents of files")?;
    }
    if matches!(options.selection, Selection::All) {
        store.remove_leftovers();
        return cleared();
    }
    answer(format!("Removed {removed} cache file(s).\n")).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

fn cleared() -> anyhow::Result<ExitStatus> {
    answer("Cleared all cached entries.\n").context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// Removes the entries and says how many there were. One that cannot be removed does not keep the others.
fn remove(store: &Store, names: &[OsString]) -> anyhow::Result<usize> {
    let mut removed = 0;
    let mut trouble = Ok(());
    for name in names {
        match store.remove(name) {
            Ok(gone) => removed += usize::from(gone),
            Err(error) => {
                trouble = Err(error).with_context(|| format!("cannot remove `{}`", shown(name)))
            }
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
