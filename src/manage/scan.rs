//! The cache folder in, what is to be known of each entry out: read by all processors, while its names still come in.
//!
//! To open and read a file takes the system several times as long as to read its name, and it can do that for several
//! threads at once. Where the [`Index`] knows a file as it is, a `stat` is enough.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use rustix::fs::{AtFlags, Dir, FileType, statat};

use crate::entry::{self, Damage, Needs, Outline, Site, State};
use crate::store::{Store, is_entry_name};

use super::index::Index;
use super::progress::Progress;

/// So many names are handed on at a time. A folder of no more is read without threads.
const BATCH: usize = 512;
/// More threads than this only wait for each other.
const MOST: usize = 8;
/// What a buffer may keep of the memory that one large manifest wanted.
const BUFFER: usize = 1 << 20;

/// One entry, and what was read of it.
#[derive(Debug)]
pub struct Row<T = Outline> {
    name: CString,
    /// None where not even that could be told.
    pub state: Option<State>,
    pub read: Result<T, Damage>,
}

impl<T> Row<T> {
    pub fn name(&self) -> &OsStr {
        OsStr::from_bytes(self.name.to_bytes())
    }

    /// When it was made, in nanoseconds since 1970.
    pub fn made(&self) -> Option<i64> {
        self.state.map(|state| state.modified)
    }

    /// Bytes of the file.
    pub fn size(&self) -> Option<u64> {
        self.state.map(|state| state.size)
    }

    /// The same entry with another reading of it.
    pub fn read_as<U>(self, read: impl FnOnce(T) -> U) -> Row<U> {
        Row {
            name: self.name,
            state: self.state,
            read: self.read.map(read),
        }
    }
}

impl Row {
    /// What its marker calls it.
    pub fn label(&self) -> Option<&str> {
        self.read.as_ref().ok()?.label.as_deref()
    }
}

/// All entries, in no order.
#[derive(Debug)]
pub struct Scan<T = Outline> {
    rows: Vec<Vec<Row<T>>>,
    /// How many the index could tell nothing of, though they are in order.
    pub read: usize,
}

impl<T> Scan<T> {
    pub fn rows(&self) -> impl Iterator<Item = &Row<T>> {
        self.rows.iter().flatten()
    }

    pub fn into_rows(self) -> impl Iterator<Item = Row<T>> {
        self.rows.into_iter().flatten()
    }
}

/// A name, and whether the folder says that it is something else than a plain file.
type Name = (CString, bool);

/// Looks at every entry of the store. One that vanishes meanwhile is left out.
pub fn scan(store: &Store) -> io::Result<Scan> {
    scan_for(store, entry::outline, Index::find)
}

/// The same for the marked places of all entries, of which no index knows.
pub fn sites(store: &Store) -> io::Result<Scan<Site>> {
    scan_for(store, entry::site, |_, _| None)
}

/// The same without looking into any file: only their states.
pub fn states(store: &Store) -> io::Result<Scan<()>> {
    scan_for(store, |_, _, _| (None, Ok(())), |_, _| None)
}

/// The same with the blobs that entries need, of which no index knows either.
pub fn needs(store: &Store) -> io::Result<Scan<Needs>> {
    scan_for(store, entry::needs, |_, _| None)
}

fn scan_for<T: Send>(
    store: &Store,
    read: entry::Reader<T>,
    known: fn(&Index, &State) -> Option<T>,
) -> io::Result<Scan<T>> {
    let folder = store.handle()?;
    let reader = Reader {
        store,
        folder: folder.as_fd(),
        index: OnceLock::new(),
        read,
        known,
        unknown: AtomicUsize::new(0),
        progress: Progress::new("reading entries"),
    };
    let (names, queue) = mpsc::channel();
    let queue = Mutex::new(queue);
    let rows = thread::scope(|scope| {
        let most = thread::available_parallelism().map_or(1, usize::from);
        let mut helpers = Vec::new();
        let mut batch = Vec::new();
        for found in Dir::read_from(&folder)? {
            let found = found?;
            let name = found.file_name();
            if !is_entry_name(OsStr::from_bytes(name.to_bytes())) {
                continue;
            }
            let plain = matches!(found.file_type(), FileType::RegularFile | FileType::Unknown);
            batch.push((name.to_owned(), !plain));
            if batch.len() == BATCH {
                reader.progress.expect(BATCH as u64);
                let _ = names.send(std::mem::take(&mut batch));
                if helpers.len() + 1 < most.min(MOST) {
                    helpers.push(scope.spawn(|| reader.all(&queue)));
                }
            }
        }
        let _ = names.send(batch);
        drop(names);
        let mut rows = reader.all(&queue);
        for helper in helpers {
            rows.extend(
                helper
                    .join()
                    .map_err(|_| io::Error::other("a thread died"))?,
            );
        }
        Ok::<_, io::Error>(rows)
    })?;
    Ok(Scan {
        rows,
        read: reader.unknown.into_inner(),
    })
}

/// What the threads share.
struct Reader<'s, T> {
    store: &'s Store,
    folder: BorrowedFd<'s>,
    /// Read by the first that needs it, while the names come in.
    index: OnceLock<Option<Index>>,
    read: entry::Reader<T>,
    /// What the index tells of an entry in this state.
    known: fn(&Index, &State) -> Option<T>,
    /// How many had to be read.
    unknown: AtomicUsize,
    progress: Progress,
}

impl<T> Reader<'_, T> {
    /// Takes batches until there are no more.
    fn all(&self, queue: &Mutex<Receiver<Vec<Name>>>) -> Vec<Vec<Row<T>>> {
        let mut rows = Vec::new();
        let mut buffer = Vec::new();
        let mut read = 0;
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(names) = next else {
                self.unknown.fetch_add(read, Ordering::Relaxed);
                return rows;
            };
            let index = self.index.get_or_init(|| Index::load(self.store)).as_ref();
            let mut batch = Vec::with_capacity(names.len());
            self.progress.done(names.len() as u64);
            for (name, other) in names {
                if let Some((row, known)) = self.row(name, other, index, &mut buffer) {
                    read += usize::from(!known && row.read.is_ok());
                    batch.push(row);
                }
                if buffer.len() > BUFFER {
                    buffer = Vec::new();
                }
            }
            rows.push(batch);
        }
    }

    /// The row of this name, and whether the index knew it. None if it was removed since the folder was read.
    fn row(
        &self,
        name: CString,
        other: bool,
        index: Option<&Index>,
        buffer: &mut Vec<u8>,
    ) -> Option<(Row<T>, bool)> {
        if let Some(index) = index.filter(|_| !other)
            && let Some(state) = self.state(&name)
            && let Some(read) = (self.known)(index, &state)
        {
            let row = Row {
                name,
                state: Some(state),
                read: Ok(read),
            };
            return Some((row, true));
        }
        let (state, read) = if other {
            (None, Err(Damage::NotAFile))
        } else {
            (self.read)(self.folder, &name, buffer)
        };
        if matches!(&read, Err(Damage::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound)
        {
            return None;
        }
        let state = state.or_else(|| self.state(&name));
        let row = Row { name, state, read };
        Some((row, false))
    }

    fn state(&self, name: &CStr) -> Option<State> {
        let found = statat(self.folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        // The types of these differ between systems.
        #[allow(clippy::unnecessary_cast)]
        Some(State::new(
            found.st_ino as u64,
            found.st_size as u64,
            (found.st_mtime as i64, found.st_mtime_nsec as i64),
            (found.st_ctime as i64, found.st_ctime_nsec as i64),
            (found.st_atime as i64, found.st_atime_nsec as i64),
        ))
    }
}

#[cfg(test)]
impl Scan {
    /// Entries in these states.
    pub fn of(rows: impl Iterator<Item = (State, Outline)>) -> Scan {
        let rows = rows.map(|(state, outline)| Row {
            name: CString::default(),
            state: Some(state),
            read: Ok(outline),
        });
        Scan {
            rows: vec![rows.collect()],
            read: 0,
        }
    }
}
