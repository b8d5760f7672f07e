//! What killed runs leave behind: drafts that nobody writes any more, locks that nobody holds, contents that no entry needs.
//!
//! Other processes may be at work meanwhile. So a draft goes when its writer is gone or it is a day old, a lock when it
//! can be had, and a blob when it is not so young that the entry that will name it may still be on its way.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{ALIVE, DRAFTS, LOCKS, Store, files_in, is_note_name, remove_file};

/// After this time nobody is at work on it any more, whoever that was.
const STALE: Duration = Duration::from_secs(86_400);
/// So long an entry may need to be written after the first of its blobs.
const ON_ITS_WAY: Duration = Duration::from_secs(600);

/// What was found, or removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    pub drafts: usize,
    pub locks: usize,
    pub blobs: usize,
    /// Bytes of drafts and blobs.
    pub size: u64,
}

impl Store {
    /// Removes what belongs to no entry, or only counts it. `needed` are the digests of the blobs that entries need;
    /// None where that cannot be told. Trouble with one thing does not keep the others.
    pub fn collect_leftovers(&self, needed: Option<&HashSet<&str>>, remove: bool) -> Leftovers {
        let mut found = Leftovers::default();
        let mut take = |path: &Path, seen: &Metadata| {
            let gone = !remove || remove_file(path).unwrap_or(false);
            found.size += if gone { seen.len() } else { 0 };
            usize::from(gone)
        };
        let (mut drafts, mut blobs) = (0, 0);
        for path in files_in(&self.inner(DRAFTS)) {
            if let Some(seen) = unwritten_for(&path, ALIVE)
                && (is_dead(path.file_name().unwrap_or_default()) || older(&seen, STALE))
            {
                drafts += take(&path, &seen);
            }
        }
        for path in needed.map_or_else(Vec::new, |_| self.blobs()) {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if needed.is_some_and(|needed| !needed.contains(name))
                && let Some(seen) = unwritten_for(&path, ON_ITS_WAY)
            {
                blobs += take(&path, &seen);
                let _ = path.parent().map(fs::remove_dir); // which only works when it is empty
            }
        }
        (found.drafts, found.blobs) = (drafts, blobs);
        for path in files_in(&self.inner(LOCKS)) {
            let name = path.file_name().unwrap_or_default().as_bytes();
            if is_note_name(name)
                && unwritten_for(&path, ALIVE).is_some()
                && let Some(_held) = held(&path)
            {
                // As who gives a turn back: first the file goes, then the lock (`locks.py`).
                found.locks += usize::from(!remove || remove_file(&path).unwrap_or(false));
            }
        }
        found
    }
}

/// A plain file that nobody has written to for so long.
fn unwritten_for(path: &Path, time: Duration) -> Option<Metadata> {
    let seen = path.symlink_metadata().ok()?;
    (seen.is_file() && older(&seen, time)).then_some(seen)
}

fn older(seen: &Metadata, time: Duration) -> bool {
    let long_ago = SystemTime::now() - time;
    seen.modified().is_ok_and(|written| written < long_ago)
}

/// Whether the process that a draft is named by is gone: `<pid>-<random>`.
fn is_dead(name: &OsStr) -> bool {
    let pid = name.to_str().and_then(|name| name.split_once('-'));
    let pid = pid.and_then(|(pid, _)| pid.parse::<libc::pid_t>().ok());
    pid.is_some_and(|pid| {
        // SAFETY: signal 0 is none.
        let sent = pid > 0 && unsafe { libc::kill(pid, 0) } != 0;
        sent && io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
    })
}

/// The file, locked, if nobody else has locked it.
fn held(path: &Path) -> Option<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .ok()?;
    // SAFETY: all zeroes is a valid `flock`: from the beginning, to the end.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as _;
    lock.l_whence = libc::SEEK_SET as _;
    // SAFETY: the descriptor is open, the lock is valid.
    let locked = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &lock) };
    (locked == 0).then_some(file)
}
