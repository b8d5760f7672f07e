//! What a user typed that means no entry in, what may have been meant out: one line, to be told as a hint.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;

use crate::nearest::nearest;
use crate::store::{Store, is_entry_name, shown};

use super::place::Place;
use super::scan::{scan, sites};
use super::words::{here, listed};

/// So many near names are suggested, and so many lines of a script.
const NAMES: usize = 3;
const LINES: usize = 10;
/// Whole names are compared with what was typed where there are no more of them.
const COMPARED: usize = 10_000;
/// The way out where nothing better is known.
pub const LIST: &str = "`devstash list` shows the names of all entries";

/// What may have been meant among the entries of the store.
pub fn suggest(store: &Store, typed: &OsStr) -> String {
    let plain = || match Path::new(typed).symlink_metadata() {
        Ok(_) => "an entry's name ends with two underscores, 16 hex digits and `.pkl`",
        Err(_) => LIST,
    };
    places(store, typed)
        .or_else(|| names(store, typed))
        .unwrap_or_else(|| plain().to_owned())
}

/// Other lines of the script that was named, or of one with a similar name.
fn places(store: &Store, typed: &OsStr) -> Option<String> {
    let place = Place::near(typed)?;
    let found = sites(store).ok()?;
    let mut known: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for site in found.rows().filter_map(|row| row.read.as_ref().ok()) {
        if let (Some(file), Some(line)) = (&site.file, site.line) {
            known.entry(file).or_default().insert(line);
        }
    }
    let base = |file: &str| {
        Path::new(file)
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    let (file, lines) = known
        .iter()
        .find(|(file, _)| place.is_in(file))
        .or_else(|| {
            let typed = base(&place.file.to_string_lossy())?;
            let names: Vec<String> = known.keys().filter_map(|file| base(file)).collect();
            let near = (*nearest(&typed, names.iter().map(String::as_str)).first()?).to_owned();
            known
                .iter()
                .find(|(file, _)| base(file).as_ref() == Some(&near))
        })?;
    let mut lines: Vec<u64> = lines.iter().copied().collect();
    if let Some(line) = place.line {
        lines.sort_unstable_by_key(|other| (other.abs_diff(line), *other));
    }
    let more = lines.len() > LINES;
    lines.truncate(LINES);
    lines.sort_unstable();
    let numbers: Vec<String> = lines.iter().map(u64::to_string).collect();
    Some(format!(
        "`{}` has entries of {} {}{}",
        here(Path::new(file)),
        if lines.len() == 1 { "line" } else { "lines" },
        listed(&numbers),
        if more { ", among others" } else { "" }
    ))
}

/// Names and labels that are near to what was typed.
fn names(store: &Store, typed: &OsStr) -> Option<String> {
    let typed = typed.to_string_lossy();
    let typed = typed.strip_suffix(".pkl").unwrap_or(&typed);
    let found = scan(store).ok()?;
    let names: BTreeSet<String> = found
        .rows()
        .map(|row| row.name().to_string_lossy().into_owned())
        .collect();
    let mut known: BTreeSet<&str> = found.rows().filter_map(|row| row.label()).collect();
    for name in &names {
        let Some((group, _)) = parts(name) else {
            continue;
        };
        known.insert(group);
        let function = group.rsplit("__").next().unwrap_or(group);
        known.insert(function);
        known.extend(function.rsplit('.').next());
    }
    let mut near: Vec<&str> = Vec::new();
    if let Some((group, _)) = parts(&format!("{typed}.pkl")) {
        // The digits are the least likely to be typed: they are pasted, and were right once.
        if names.len() <= COMPARED {
            let stems = names.iter().filter_map(|name| name.strip_suffix(".pkl"));
            near = nearest(typed, stems);
        }
        near.extend(nearest(group, known.iter().copied()));
    } else {
        near = nearest(typed, known.iter().copied());
    }
    near.truncate(NAMES);
    let near: Vec<String> = near
        .iter()
        .map(|name| format!("`{}`", shown(OsStr::new(name))))
        .collect();
    (!near.is_empty()).then(|| format!("did you mean {}?", near.join(" or ")))
}

/// An entry's name without its digits, and these.
fn parts(name: &str) -> Option<(&str, &str)> {
    is_entry_name(OsStr::new(name)).then(|| name.strip_suffix(".pkl")?.rsplit_once("__"))?
}
