//! `devstash list`: one line for each entry, the newest last, where the eye is after a long list has run by.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use unicode_width::UnicodeWidthStr;

use crate::duration::{self, Ttl};
use crate::exit::ExitStatus;
use crate::options::ListOptions;
use crate::store::{NoStore, Store, shown};

use super::index;
use super::scan::{Row, Scan, scan};
use super::unless_closed;

/// Entries made further ahead than this have no age to be trusted; the runtime judges alike (`_AHEAD` in `store.py`).
const AHEAD: i64 = 60 * SECOND;
/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;
/// The least widths of the columns Size and Age, so that short lists do not look cramped.
const SIZE: usize = 8;
const AGE: usize = 9;
/// So much is written at a time.
const CHUNK: usize = 64 << 10;

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
    let now = SystemTime::now();
    let found = scan(&store).context("cannot read the cache folder")?;
    let rows = in_order(&found);
    if rows.is_empty() {
        sweep(&store);
        eprintln!(
            "devstash: the cache `{}` is empty",
            shown(options.cache_dir.as_os_str())
        );
        return Ok(ExitStatus::Success);
    }
    let table = Table::new(options.ttl, now);
    unless_closed(table.print(&found, &rows, &blobs(&store))).context("cannot write to stdout")?;
    index::renew(&store, &found, now);
    sweep(&store);
    Ok(ExitStatus::Success)
}

/// What a `clear` has left goes on being removed. Somebody else's is for him to remove.
fn sweep(store: &Store) {
    if store.is_ours() {
        store.sweep();
    }
}

/// A row and the time at which it was made, which is what orders it.
type Dated<'s> = (Option<i64>, &'s Row);

/// The entries by the time at which they were made; those of the same time by their names.
fn in_order(found: &Scan) -> Vec<Dated<'_>> {
    let mut rows: Vec<Dated<'_>> = found.rows().map(|row| (made(row), row)).collect();
    rows.sort_unstable_by(|(made, row), (other, another)| {
        made.cmp(other).then_with(|| row.name().cmp(another.name()))
    });
    rows
}

fn made(row: &Row) -> Option<i64> {
    row.state.map(|state| state.modified)
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

/// How rows become lines. Cells are written where they are needed, since there may be very many.
struct Table {
    asked: Option<Ttl>,
    /// Nanoseconds since 1970.
    now: i64,
}

impl Table {
    fn new(asked: Option<Ttl>, now: SystemTime) -> Table {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Table {
            asked,
            now: i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        }
    }

    fn print(&self, found: &Scan, rows: &[Dated<'_>], end: &str) -> io::Result<()> {
        let (mut sizes, mut ages, mut ttls) = (Cell::default(), Cell::default(), Cell::default());
        let (mut first, mut second, mut third) = ("Cache File".len(), SIZE, AGE);
        // In the order in which they lie in memory: so many do not fit into a processor's cache.
        for row in found.rows() {
            first = first.max(columns(&name(row)));
            second = second.max(sizes.text(size(row), duration::size).len());
        }
        for (made, _) in rows {
            third = third.max(ages.text(self.seconds(*made), age).len());
        }
        let mut out = io::stdout().lock();
        let mut text = String::with_capacity(CHUNK + 1024);
        // By hand, since `write!` would take longer than all else.
        let line = |text: &mut String, name: &str, size: &str, age: &str| {
            text.push_str(name);
            indent(text, first - columns(name) + 2 + second - size.len());
            text.push_str(size);
            indent(text, 2 + third - age.len());
            text.push_str(age);
            text.push_str("  ");
        };
        line(&mut text, "Cache File", "Size", "Age");
        text.push_str("TTL Status\n");
        for (made, row) in rows {
            let size = sizes.text(size(row), duration::size);
            let age = ages.text(self.seconds(*made), age);
            line(&mut text, &name(row), size, age);
            match &row.outline {
                Ok(outline) => match self.validity(outline.ttl, *made) {
                    Some((valid, ttl)) => {
                        text.push_str(if valid { "valid (<=" } else { "expired (>" });
                        text.push_str(ttls.text(Some(ttl.seconds()), span));
                        text.push(')');
                    }
                    None => text.push_str("no ttl"),
                },
                Err(damage) => text.push_str(&damage.to_string()),
            }
            text.push('\n');
            if text.len() > CHUNK {
                out.write_all(text.as_bytes())?;
                text.clear();
            }
        }
        text.push_str(end);
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn seconds(&self, made: Option<i64>) -> Option<u64> {
        made.map(|made| (self.age(made) / SECOND).unsigned_abs())
    }

    /// Never negative.
    fn age(&self, made: i64) -> i64 {
        self.now.saturating_sub(made).max(0)
    }

    /// Whether an entry is still valid by the TTL asked for, or else by that of its own marker; None without any.
    fn validity(&self, own: Option<u64>, made: Option<i64>) -> Option<(bool, Ttl)> {
        let ttl = self.asked.or_else(|| own.and_then(Ttl::from_seconds))?;
        let longest = i64::try_from(ttl.seconds())
            .unwrap_or(i64::MAX)
            .saturating_mul(SECOND);
        let made = made?;
        let ahead = made.saturating_sub(self.now) > AHEAD;
        Some((!ahead && self.age(made) <= longest, ttl))
    }
}

/// The text of a cell, kept for the next row: rows that follow each other are often of one size, and of one age.
#[derive(Default)]
struct Cell {
    of: Option<u64>,
    text: String,
}

impl Cell {
    fn text(&mut self, of: Option<u64>, make: fn(u64) -> String) -> &str {
        if self.of != of || self.text.is_empty() {
            self.of = of;
            self.text = of.map_or_else(|| "?".to_owned(), make);
        }
        &self.text
    }
}

fn size(row: &Row) -> Option<u64> {
    row.state.map(|state| state.size)
}

fn span(seconds: u64) -> String {
    Ttl::from_seconds(seconds).map_or_else(String::new, |ttl| ttl.to_string())
}

fn age(seconds: u64) -> String {
    duration::age(Duration::from_secs(seconds))
}

fn name(row: &Row) -> Cow<'_, str> {
    let name = shown(row.name());
    match row
        .outline
        .as_ref()
        .ok()
        .and_then(|outline| outline.label.as_deref())
    {
        Some(label) => format!("{name} ({})", shown(OsStr::new(label))).into(),
        None => name,
    }
}

/// How wide a text is on a terminal.
fn columns(text: &str) -> usize {
    // What is shown has no control characters.
    if text.is_ascii() {
        text.len()
    } else {
        text.width()
    }
}

fn indent(text: &mut String, mut width: usize) {
    const SPACES: &str = "                                                                ";
    while width > 0 {
        let some = width.min(SPACES.len());
        text.push_str(&SPACES[..some]);
        width -= some;
    }
}
