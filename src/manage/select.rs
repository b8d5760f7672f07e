//! What a user said of the entries that a command is about, and all entries in; those that are meant out.
//!
//! `list`, `clear` and `verify` select in the same way. What is said more than one thing of has to be all of it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::time::SystemTime;

use crate::duration::Ttl;
use crate::options::Selection;

use super::moment::Now;
use super::pattern::means;
use super::place::Place;
use super::scan::{Row, Scan};

/// The entries that are meant, in no order. `ttl` judges all entries instead of each one's own, where it is given.
pub fn select<'s>(
    found: &'s Scan,
    selection: &Selection,
    ttl: Option<Ttl>,
    now: SystemTime,
) -> Vec<&'s Row> {
    let now = Now::of(now);
    let place = selection.site.as_deref().map(Place::or_script);
    let scripts: HashSet<&str> = match &place {
        Some(place) => {
            let files: HashSet<&str> = found.rows().filter_map(file).collect();
            place.meant(files.into_iter())
        }
        None => HashSet::new(),
    };
    let is_there = |row: &Row| {
        place.as_ref().is_none_or(|place| {
            file(row).is_some_and(|file| scripts.contains(file))
                && (place.line.is_none() || place.line == line(row))
        })
    };
    let fits = |row: &Row| {
        let pattern = selection.pattern.as_deref();
        pattern.is_none_or(|pattern: &OsStr| means(pattern, row))
            && selection
                .larger
                .is_none_or(|least| row.size() > Some(least))
            && selection.older.is_none_or(|age| is_older(row, age, now))
            && (!selection.expired || has_expired(row, ttl, now))
            && is_there(row)
    };
    found.rows().filter(|row| fits(row)).collect()
}

/// The script that an entry was made by.
pub fn file(row: &Row) -> Option<&str> {
    row.read.as_ref().ok()?.file.as_deref()
}

/// The line of its marked statement.
pub fn line(row: &Row) -> Option<u64> {
    row.read.as_ref().ok()?.line.map(u64::from)
}

fn is_older(row: &Row, age: Ttl, now: Now) -> bool {
    row.made().is_some_and(|made| now.age(made) > age.seconds())
}

/// Whether an entry was valid and is not any more.
pub fn has_expired(row: &Row, asked: Option<Ttl>, now: Now) -> bool {
    let (Ok(outline), Some(made)) = (&row.read, row.made()) else {
        return false;
    };
    let own = || outline.ttl.and_then(Ttl::from_seconds);
    let ttl = asked.or_else(own);
    ttl.is_some_and(|ttl| !now.is_valid(ttl, made))
}
