//! `devstash list`: one line for each entry, the newest last, where the eye is after a long list has run by.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use anyhow::Context;

use crate::duration::{self, Ttl};
use crate::exit::ExitStatus;
use crate::options::ListOptions;
use crate::store::{NoStore, Store, shown};

use super::index;
use super::moment::Now;
use super::page::columns;
use super::scan::{Row, Scan, scan};
use super::{empty, refused, say, unless_closed};

/// The least widths of the columns Size and Age, so that short lists do not look cramped.
const SIZE: usize = 8;
const AGE: usize = 9;
/// So much is written at a time.
const CHUNK: usize = 64 << 10;

/// Prints the entries of the cache folder. No folder and an empty one are told apart on stderr; both are fine.
pub fn list(options: &ListOptions) -> anyhow::Result<ExitStatus> {
    let store = match Store::open(&options.cache_dir) {
        Ok(store) => store,
        Err(trouble) => {
            say(&refused(&trouble));
            return Ok(match trouble {
                NoStore::Absent(_) => ExitStatus::Success,
                _ => ExitStatus::NothingMatched,
            });
        }
    };
    let now = SystemTime::now();
    let found = scan(&store).context("cannot read the cache folder")?;
    let rows = in_order(&found);
    if rows.is_empty() {
        sweep(&store);
        say(&empty(&options.cache_dir));
        return Ok(ExitStatus::Success);
    }
    let table = Table {
        asked: options.ttl,
        now: Now::of(now),
    };
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
    let mut rows: Vec<Dated<'_>> = found.rows().map(|row| (row.made(), row)).collect();
    rows.sort_unstable_by(|(made, row), (other, another)| {
        made.cmp(other).then_with(|| row.name().cmp(another.name()))
    });
    rows
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
    now: Now,
}

impl Table {
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
            match &row.read {
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
        made.map(|made| self.now.age(made))
    }

    /// Whether an entry is still valid by the TTL asked for, or else by that of its own marker; None without any.
    fn validity(&self, own: Option<u64>, made: Option<i64>) -> Option<(bool, Ttl)> {
        let ttl = self.asked.or_else(|| own.and_then(Ttl::from_seconds))?;
        Some((self.now.is_valid(ttl, made?), ttl))
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
    match row.label() {
        Some(label) => format!("{name} ({})", shown(OsStr::new(label))).into(),
        None => name,
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
