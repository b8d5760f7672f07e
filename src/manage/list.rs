//! `devstash list`: one line for each entry, the newest last, where the eye is after a long list has run by.

use std::ffi::OsStr;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use unicode_width::UnicodeWidthStr;

use crate::duration::{self, Ttl};
use crate::entry::{self, Damage, Entry};
use crate::exit::ExitStatus;
use crate::options::ListOptions;
use crate::store::{NoStore, Store, shown};

use super::answer;

/// Entries made further ahead than this have no age to be trusted; the runtime judges alike (`_AHEAD` in `store.py`).
const AHEAD: Duration = Duration::from_secs(60);
/// The least widths of the columns Size and Age, so that short lists do not look cramped.
const SIZE: usize = 8;
const AGE: usize = 9;

/// One line of the table.
struct Row {
    made: Option<SystemTime>,
    name: String,
    size: String,
    age: String,
    status: String,
}

/// Prints the entries of the cache folder. No folder and an empty one are told apart on stderr; both are fine.
pub fn list(options: &ListOptions) -> anyhow::Result<ExitStatus> {
    let store = match Store::open(&options.cache_dir) {
        Ok(store) => store,
        Err(absent @ NoStore::Absent(_)) => {
            eprintln!(
                "devstash: {absent}; `devstash run` makes it when there is something to keep"
            );
            return Ok(ExitStatus::Success);
        }
        Err(other) => {
            eprintln!("devstash: {other}");
            return Ok(ExitStatus::NothingMatched);
        }
    };
    let names = store.names().context("cannot read the cache folder")?;
    let now = SystemTime::now();
    let mut rows: Vec<Row> = names
        .iter()
        .filter_map(|name| {
            let path = store.path(name);
            let read = entry::read(&path);
            if matches!(&read, Err(Damage::Unreadable(error)) if error.kind() == std::io::ErrorKind::NotFound) {
                return None; // removed since the folder was read
            }
            let found = path.symlink_metadata().ok();
            let made = found.as_ref().and_then(|found| found.modified().ok());
            let size = found.as_ref().map(|found| duration::size(found.len()));
            let label = read.as_ref().ok().and_then(|entry| entry.manifest.site.name.as_deref());
            Some(Row {
                made,
                name: label.map_or_else(
                    || shown(name),
                    |label| format!("{} ({})", shown(name), shown(OsStr::new(label))),
                ),
                size: size.unwrap_or_else(|| "?".to_owned()),
                age: made.map_or_else(|| "?".to_owned(), |made| duration::age(age_of(made, now))),
                status: read.map_or_else(|damage| damage.to_string(), |entry| status(&entry, options.ttl, now)),
            })
        })
        .collect();
    if rows.is_empty() {
        eprintln!(
            "devstash: the cache `{}` is empty",
            shown(options.cache_dir.as_os_str())
        );
        return Ok(ExitStatus::Success);
    }
    // The names are sorted already and stay so among entries made at the same time.
    rows.sort_by_key(|row| row.made);
    let text = table(&rows) + &blobs(&store);
    answer(&text).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// A line on the contents of files that calls wrote, which entries share; nothing if there are none.
fn blobs(store: &Store) -> String {
    let sizes: Vec<u64> = store
        .blobs()
        .iter()
        .filter_map(|blob| Some(blob.symlink_metadata().ok()?.len()))
        .collect();
    match sizes.len() {
        0 => String::new(),
        1 => format!("and 1 content of a file, {}\n", duration::size(sizes[0])),
        count => format!(
            "and {count} contents of files, {}\n",
            duration::size(sizes.iter().sum())
        ),
    }
}

fn age_of(made: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(made).unwrap_or_default()
}

/// Whether the entry is still valid by the TTL asked for, or else by that of its own marker.
fn status(entry: &Entry, asked: Option<Ttl>, now: SystemTime) -> String {
    let Some(ttl) = asked.or_else(|| entry.manifest.ttl.and_then(Ttl::from_seconds)) else {
        return "no ttl".to_owned();
    };
    let ahead = entry
        .made
        .duration_since(now)
        .is_ok_and(|ahead| ahead > AHEAD);
    if ahead || age_of(entry.made, now) > Duration::from_secs(ttl.seconds()) {
        format!("expired (>{ttl})")
    } else {
        format!("valid (<={ttl})")
    }
}

fn table(rows: &[Row]) -> String {
    let widest = |least: usize, cell: fn(&Row) -> &str| {
        rows.iter()
            .map(|row| cell(row).width())
            .chain([least])
            .max()
            .unwrap_or(least)
    };
    let (name, size, age) = (
        widest("Cache File".len(), |row| &row.name),
        widest(SIZE, |row| &row.size),
        widest(AGE, |row| &row.age),
    );
    let mut text = String::new();
    let mut line = |first: &str, second: &str, third: &str, fourth: &str| {
        let gap = " ".repeat(name - first.width());
        let _ = writeln!(
            text,
            "{first}{gap}  {second:>size$}  {third:>age$}  {fourth}"
        );
    };
    line("Cache File", "Size", "Age", "TTL Status");
    for row in rows {
        line(&row.name, &row.size, &row.age, &row.status);
    }
    text
}
