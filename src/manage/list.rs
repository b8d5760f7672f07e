//! `devstash list`: one line for each entry, and what all of them come to.
//!
//! What there is most of comes last, where the eye is after a long list has run by: by default the newest.

use std::collections::HashMap;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::mem;
use std::time::SystemTime;

use anyhow::Context;
use serde_json::json;

use crate::duration::{self, Ttl};
use crate::exit::ExitStatus;
use crate::journal::{Journal, Sums};
use crate::options::{ListOptions, Selection, Sort};
use crate::store::{NoStore, Store};

use super::index;
use super::moment::{Now, rfc3339};
use super::page::width;
use super::scan::{Row, scan};
use super::select::{has_expired, select};
use super::table::{Line, Table};
use super::{count, empty, refused, say, status, unless_closed};
use crate::json::path_as_text;

/// The version of what `--json` prints. New members do not change it.
const FORMAT: u32 = 1;

/// Prints the selected entries of the cache folder. No folder and an empty one are told apart on stderr; both are fine.
pub fn list(options: &ListOptions) -> anyhow::Result<ExitStatus> {
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
    let now = SystemTime::now();
    let found = scan(&store).context("cannot read the cache folder")?;
    let rows = select(&found, &options.selection, options.ttl, now);
    let any = found.rows().next().is_some();
    if rows.is_empty() && !options.json {
        sweep(&store);
        if !any {
            say(&empty(&options.cache_dir));
            return Ok(ExitStatus::Success);
        }
    }
    let journal = Journal::read(&store);
    let pins = store.pins();
    let sums = by_entry(&journal);
    let lines = rows.iter().map(|row| Line {
        row,
        made: row.made(),
        sums: if sums.is_empty() {
            None
        } else {
            row.name().to_str().and_then(|name| sums.get(name))
        },
        pinned: !pins.is_empty() && pins.contains(row.name()),
    });
    let mut lines: Vec<Line<'_>> = lines.collect();
    sort(&mut lines, options.sort);
    let list = List {
        lines,
        blobs: sizes(&store),
        asked: options.ttl,
        now: Now::of(now),
    };
    let printed = if options.json {
        list.json(options)
    } else if list.lines.is_empty() {
        say("no cached entry is meant by that");
        Ok(())
    } else {
        list.text()
    };
    unless_closed(printed).context("cannot write to stdout")?;
    index::renew(&store, &found, now);
    sweep(&store);
    let nothing = list.lines.is_empty() && options.selection != Selection::default() && any;
    // The process is about to end; to take a hundred thousand rows apart would take a tenth of all that was done.
    mem::forget(found);
    Ok(if nothing {
        ExitStatus::NothingMatched
    } else {
        ExitStatus::Success
    })
}

/// What a `clear` has left goes on being removed. Somebody else's is for him to remove.
fn sweep(store: &Store) {
    if store.is_ours() {
        store.sweep();
    }
}

/// What hits came to, by the names of entries. There is nothing to look for where there were none.
fn by_entry(journal: &Journal) -> HashMap<&str, Sums> {
    let mut sums = journal.by_entry();
    sums.retain(|_, sums| sums.hits > 0);
    sums
}

/// By what is asked for, then by age, then by name.
fn sort(lines: &mut [Line<'_>], by: Sort) {
    let used = |line: &Line<'_>| line.row.state.map(|state| state.used());
    lines.sort_unstable_by(|one, other| {
        let order = match by {
            Sort::Age | Sort::Name => std::cmp::Ordering::Equal,
            Sort::Size => one.row.size().cmp(&other.row.size()),
            Sort::Saved => one.saved().total_cmp(&other.saved()),
            Sort::Used => used(one).cmp(&used(other)),
        };
        let age = match by {
            Sort::Name => std::cmp::Ordering::Equal,
            _ => one.made.cmp(&other.made),
        };
        order
            .then(age)
            .then_with(|| one.row.name().cmp(other.row.name()))
    });
}

/// The sizes of the contents of files that calls wrote, which entries share.
fn sizes(store: &Store) -> Vec<u64> {
    store
        .blobs()
        .iter()
        .filter_map(|blob| Some(blob.symlink_metadata().ok()?.len()))
        .collect()
}

/// What is to be printed.
struct List<'s> {
    lines: Vec<Line<'s>>,
    /// Sizes of the contents of files.
    blobs: Vec<u64>,
    asked: Option<Ttl>,
    now: Now,
}

impl List<'_> {
    fn totals(&self) -> (u64, Sums) {
        let mut all = Sums::default();
        for sums in self.lines.iter().filter_map(|line| line.sums) {
            all.hits = all.hits.saturating_add(sums.hits);
            all.saved += sums.saved;
            all.tokens = all.tokens.saturating_add(sums.tokens);
        }
        let size = self.lines.iter().filter_map(|line| line.row.size()).sum();
        (size, all)
    }

    fn text(&self) -> io::Result<()> {
        let (size, all) = self.totals();
        let mut end = format!(
            "{}, {}",
            count(self.lines.len(), "entry", "entries"),
            duration::size(size)
        );
        if all.hits > 0 {
            let hits = usize::try_from(all.hits).unwrap_or(usize::MAX);
            end.push_str(&format!(
                "; {} saved {}",
                count(hits, "hit", "hits"),
                duration::saved(all.saved)
            ));
        }
        if all.tokens > 0 {
            end.push_str(&format!(" and {} tokens", duration::short(all.tokens)));
        }
        end.push('\n');
        end.push_str(&match *self.blobs {
            [] => String::new(),
            [size] => format!("and 1 content of a file, {}\n", duration::size(size)),
            _ => format!(
                "and {} contents of files, {}\n",
                self.blobs.len(),
                duration::size(self.blobs.iter().sum())
            ),
        });
        let terminal = io::stdout().is_terminal().then(io::stdout);
        Table::new(self.asked, self.now, width(terminal)).print(&self.lines, &end)
    }

    /// One line for each entry, so that also very many can be read as they come.
    fn json(&self, options: &ListOptions) -> io::Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        write!(out, "{{\"format\":{FORMAT},\"entries\":[")?;
        for (number, line) in self.lines.iter().enumerate() {
            out.write_all(if number > 0 { b",\n" } else { b"\n" })?;
            serde_json::to_writer(&mut out, &self.entry(line, options))?;
        }
        let (size, all) = self.totals();
        let totals = json!({
            "entries": self.lines.len(),
            "size": size,
            "hits": all.hits,
            "saved": all.saved,
            "tokens": all.tokens,
            "contents": {"count": self.blobs.len(), "size": self.blobs.iter().sum::<u64>()},
        });
        writeln!(out, "\n],\"totals\":{totals}}}")?;
        out.flush()
    }

    fn entry(&self, line: &Line<'_>, options: &ListOptions) -> serde_json::Value {
        let row: &Row = line.row;
        let read = row.read.as_ref();
        let outline = read.ok();
        let used = row.state.map(|state| state.used());
        json!({
            "entry": path_as_text(row.name()),
            "path": path_as_text(options.cache_dir.join(row.name()).as_os_str()),
            "name": row.label(),
            "site": {
                "file": outline.and_then(|outline| outline.file.as_deref()),
                "line": outline.and_then(|outline| outline.line),
            },
            "size": row.size(),
            "made": line.made.map(rfc3339),
            "last_used": used.filter(|used| Some(*used) > line.made).map(rfc3339),
            "age": line.made.map(|made| self.now.age(made)),
            "duration": outline.and_then(|outline| outline.duration),
            "ttl": outline.and_then(|outline| outline.ttl),
            "expired": has_expired(row, self.asked, self.now),
            "pinned": line.pinned,
            "hits": line.hits(),
            "saved": line.saved(),
            "tokens": line.sums.map_or(0, |sums| sums.tokens),
            "damage": read.err().map(ToString::to_string),
        })
    }
}
