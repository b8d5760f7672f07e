//! `devstash gc`: makes room, and removes what nobody needs.
//!
//! A run that has stored something starts it at its end where there are limits, in the background (`room.py`).

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::SystemTime;

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};

use crate::duration::{self, Limits};
use crate::entry::{Damage, Needs, State};
use crate::exit::ExitStatus;
use crate::journal::Journal;
use crate::options::GcOptions;
use crate::store::{Leftovers, NoStore, Store, behind, shown};

use super::index;
use super::moment::Now;
use super::room::{Item, Room, Why};
use super::scan::{Row, needs, scan};
use super::{answer, count, refused, say, status};

/// In nanoseconds.
const SECOND: f64 = 1e9;

/// Makes room in the cache, or with `dry_run` says what would go.
pub fn gc(options: &GcOptions) -> anyhow::Result<ExitStatus> {
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
    if options.detached {
        behind(|| in_background(&store, &options.limits));
        return Ok(ExitStatus::Success);
    }
    let _lock = lock(&store, true).context("cannot lock the cache folder")?;
    let done = collect(&store, &options.limits, !options.dry_run)
        .context("cannot read the cache folder")?;
    answer(text(&done, options.dry_run)).context("cannot write to stdout")?;
    if let Some(most) = options.limits.max_size.filter(|most| done.size > *most) {
        say(&format!(
            "{} is more than the limit of {}, but the rest is pinned",
            duration::size(done.size),
            duration::size(most)
        ));
    }
    if !options.dry_run {
        store.sweep();
    }
    match done.trouble {
        Some(error) => Err(error).context("cannot remove an entry"),
        None => Ok(ExitStatus::Success),
    }
}

/// For nobody who waits: when another one is at it, leave it to that.
fn in_background(store: &Store, limits: &Limits) -> io::Result<()> {
    // SAFETY: it changes how soon we get our turn, and nothing else.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 10) };
    let _lock = lock(store, false)?;
    collect(store, limits, true).map(drop)
}

/// One at a time. The lock is on the file `format`, which is there as long as the cache is one.
fn lock(store: &Store, waits: bool) -> io::Result<File> {
    let file = File::open(store.path(OsStr::new("format")))?;
    let how = if waits {
        FlockOperation::LockExclusive
    } else {
        FlockOperation::NonBlockingLockExclusive
    };
    match flock(&file, how) {
        // A file system without locks.
        Err(rustix::io::Errno::NOTSUP | rustix::io::Errno::NOLCK) => Ok(file),
        done => Ok(done.map(|()| file)?),
    }
}

/// What has gone, or would.
struct Done {
    /// What is told of each: its name, its size, and why it goes.
    gone: Vec<(String, u64, Why)>,
    leftovers: Leftovers,
    loose_pins: usize,
    /// What is left.
    size: u64,
    count: u64,
    pinned: usize,
    trouble: Option<io::Error>,
}

fn collect(store: &Store, limits: &Limits, remove: bool) -> io::Result<Done> {
    let begun = SystemTime::now();
    let pins = store.pins();
    let blobs = sizes(store);
    // To know who needs which blob, all entries have to be read; without blobs the index knows nearly all.
    let rows: Vec<Row<Needs>> = if blobs.is_empty() {
        let found = scan(store)?;
        index::renew(store, &found, begun);
        let bare = |outline| Needs {
            outline,
            blobs: Vec::new(),
        };
        found.into_rows().map(|row| row.read_as(bare)).collect()
    } else {
        needs(store)?.into_rows().collect()
    };
    // What cannot be read may need any blob.
    let all_told = rows
        .iter()
        .all(|row| matches!(row.read, Ok(_) | Err(Damage::NotAFile)));
    let rows: Vec<(&Row<Needs>, State)> = rows
        .iter()
        .filter_map(|row| Some((row, own(row)?)))
        .collect();
    let now = Now::of(begun);
    let items: Vec<Item<'_>> = rows
        .iter()
        .map(|(row, state)| item(row, state, now, pins.contains(row.name())))
        .collect();
    let mut room = Room::new(&items, &blobs);
    room.make(limits);
    let mut trouble = None;
    let mut gone = Vec::new();
    let mut evicted = Vec::new();
    for (number, why) in &room.going {
        let (row, state) = rows[*number];
        match if remove {
            remove_as_it_was(store, row, &state)
        } else {
            Ok(true)
        } {
            Ok(true) => {
                gone.push((shown(row.name()).into_owned(), state.size, *why));
                evicted.push(row.name());
            }
            Ok(false) => {}
            Err(error) => trouble = Some(error),
        }
    }
    if remove {
        Journal::note_evicted(store, evicted, begun);
    }
    let needed: HashSet<&str> = room.needed().collect();
    let told = all_told && trouble.is_none();
    Ok(Done {
        gone,
        leftovers: store.collect_leftovers(told.then_some(&needed), remove),
        loose_pins: if remove { store.remove_loose_pins() } else { 0 },
        size: room.size,
        count: room.count,
        pinned: items.iter().filter(|item| item.pinned).count(),
        trouble,
    })
}

/// The state of an entry that is ours to remove: one of a newer format is not, nor is what is no file.
fn own(row: &Row<Needs>) -> Option<State> {
    match row.read {
        Err(Damage::NotAFile | Damage::FutureFormat(_) | Damage::Unreadable(_)) => None,
        _ => row.state,
    }
}

fn item<'e>(row: &'e Row<Needs>, state: &State, now: Now, pinned: bool) -> Item<'e> {
    let read = row.read.as_ref().ok();
    let outline = read.map(|needs| &needs.outline);
    let ttl = outline
        .and_then(|outline| outline.ttl)
        .and_then(duration::Ttl::from_seconds);
    let expired = ttl.is_some_and(|ttl| !now.is_valid(ttl, state.modified));
    Item {
        size: state.size,
        blobs: read.map_or_else(Vec::new, |needs| {
            needs.blobs.iter().map(|digest| &**digest).collect()
        }),
        idle: now.since(state.used()) as f64 / SECOND,
        duration: outline.and_then(|outline| outline.duration),
        useless: expired || read.is_none(),
        pinned,
        place: outline
            .and_then(|outline| Some((outline.file.as_deref()?, outline.bounds.as_deref()?))),
        name: std::str::from_utf8(row.name().as_bytes()).unwrap_or_default(),
    }
}

/// Removes an entry unless it has been replaced since it was looked at.
fn remove_as_it_was(store: &Store, row: &Row<Needs>, state: &State) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    match store.path(row.name()).symlink_metadata() {
        Ok(found) if found.ino() == state.inode && found.len() == state.size => {
            store.remove(row.name())
        }
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The sizes of all blobs by their digests.
fn sizes(store: &Store) -> HashMap<String, u64> {
    let blobs = store.blobs();
    let sized = blobs.iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        Some((name, path.symlink_metadata().ok()?.len()))
    });
    sized.collect()
}

fn text(done: &Done, dry_run: bool) -> String {
    let mut text = String::new();
    if dry_run {
        for (name, size, why) in &done.gone {
            let why = match why {
                Why::Unused => "not used for longer than `max_age`",
                Why::Place => "more than its marker allows",
                Why::Cache => "least worth its room",
            };
            let _ = writeln!(text, "{name}  {}  {why}", duration::size(*size));
        }
    }
    let size: u64 = done.gone.iter().map(|(_, size, _)| size).sum();
    let (verb, left) = if dry_run {
        ("Would remove", "would be left")
    } else {
        ("Removed", "left")
    };
    let pinned = match done.pinned {
        0 => String::new(),
        number => format!(", {number} of them pinned"),
    };
    let _ = writeln!(
        text,
        "{verb} {} cache file(s), {}; {} {left}, {}{pinned}.",
        done.gone.len(),
        duration::size(size),
        done.count,
        duration::size(done.size),
    );
    let Leftovers {
        drafts,
        locks,
        blobs,
        size,
    } = done.leftovers;
    let parts: Vec<String> = [
        (drafts, "draft", "drafts"),
        (locks, "lock", "locks"),
        (blobs, "content of a file", "contents of files"),
        (done.loose_pins, "pin", "pins"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, one, several)| count(number, one, several))
    .collect();
    if !parts.is_empty() {
        let _ = writeln!(
            text,
            "{verb} what no entry needs: {}, {}.",
            parts.join(", "),
            duration::size(size)
        );
    }
    text
}
