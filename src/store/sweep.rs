//! The trash in, free space out: in a process of its own that nobody has to wait for.
//!
//! Whatever is in `.trash` was a cache folder (`aside.rs`). What has a name of ours in it is removed; anything else goes
//! back to where it was, or stays where that place is taken. So do drafts that somebody may be writing. A sweeper that
//! is killed has removed some of it; whoever clears or lists next, or runs a script that is new, goes on. Two of them do
//! not get in each other's way: the second finds the trash locked and leaves.

use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, io, ptr};

use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, flock, mkdirat, open, openat, statat, unlinkat,
};
use rustix::io::Errno;

use crate::entry::is_blob_name;

use super::aside::{Blocked, OPEN_FOLDER, Place, each_in, is_ours, move_unless_taken};
use super::{ALIVE, INDEX, JOURNAL, Store, TRASH, is_entry_name, is_note_name};

impl Store {
    /// Removes what `set_aside` and killed processes have left, in the background.
    pub fn sweep(&self) {
        sweep_behind(&self.folder);
    }
}

/// Removes what has been set aside in the cache folder at `path`, if there is any, in a process of its own. There must
/// be one thread only. To look costs a few microseconds.
pub fn sweep_behind(path: &Path) {
    let trash = path.join(OsStr::from_bytes(TRASH.to_bytes()));
    if trash.symlink_metadata().is_ok() || place_of(path).is_ok_and(|place| place.has_left()) {
        behind(|| sweep(path));
    }
}

/// Where the path is a link, what is beside the folder is beside that to which it leads.
fn place_of(path: &Path) -> io::Result<Place> {
    Place::of(&path.canonicalize()?)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Removes what has been set aside, unless somebody else is at it.
fn sweep(path: &Path) -> io::Result<()> {
    if let Ok(place) = place_of(path)
        && place.has_left()
    {
        place.adopt(&place.lock()?)?;
    }
    let flags = OPEN_FOLDER.difference(OFlags::NOFOLLOW);
    let folder = open(path, flags, Mode::empty())?;
    let trash = openat(&folder, TRASH, OPEN_FOLDER, Mode::empty())?;
    flock(&trash, FlockOperation::NonBlockingLockExclusive)?;
    let mut sweeper = Sweeper { folder, removed: 0 };
    loop {
        let before = sweeper.removed;
        sweeper.clean(&trash, Kind::Trash, &mut Vec::new())?;
        match unlinkat(&sweeper.folder, TRASH, AtFlags::REMOVEDIR) {
            // Somebody has put something in meanwhile, and may have left it to us; or there is something that stays.
            Err(Errno::NOTEMPTY | Errno::EXIST) if sweeper.removed > before => {}
            done => return Ok(done?),
        }
    }
}

/// The folders that devstash makes.
#[derive(Clone, Copy)]
enum Kind {
    Cache,
    Blobs,
    /// Blobs whose digests begin with the name of the folder.
    BlobsOf([u8; 2]),
    Notes,
    Locks,
    Pins,
    Drafts,
    Trash,
}

/// What becomes of something in such a folder.
enum Fate {
    Remove,
    /// It goes back if it may have a living writer.
    RemoveIfOld,
    /// It is a folder, to be emptied and removed.
    Enter(Kind),
    GiveBack,
    /// The same for what is nothing to lose.
    GiveBackOrRemove,
}

impl Kind {
    fn fate(self, name: &CStr, is_folder: bool) -> Fate {
        let bytes = name.to_bytes();
        let enter = match (self, bytes) {
            _ if !is_folder => None,
            (Kind::Cache, b".blobs") => Some(Kind::Blobs),
            (Kind::Cache, b".stat") => Some(Kind::Notes),
            (Kind::Cache, b".locks") => Some(Kind::Locks),
            (Kind::Cache, b".pins") => Some(Kind::Pins),
            (Kind::Cache, b".tmp") => Some(Kind::Drafts),
            (Kind::Cache, b".trash") => Some(Kind::Trash),
            (Kind::Blobs, [first, second]) => Some(Kind::BlobsOf([*first, *second])),
            (Kind::Trash, _) => Some(Kind::Cache),
            _ => None,
        };
        if let Some(kind) = enter {
            return Fate::Enter(kind);
        }
        if matches!(self, Kind::Drafts) && !is_folder {
            return Fate::RemoveIfOld;
        }
        if matches!(self, Kind::Notes) && JOURNAL.contains(&name) && !is_folder {
            return Fate::GiveBackOrRemove;
        }
        let ours = match self {
            _ if is_folder => false,
            Kind::Cache => is_ours(name, false),
            Kind::BlobsOf(digits) => is_blob_name(bytes) && bytes.starts_with(&digits),
            Kind::Notes => is_note_name(bytes) || bytes == INDEX.as_bytes(),
            Kind::Locks => is_note_name(bytes),
            Kind::Pins => is_entry_name(OsStr::from_bytes(bytes)),
            Kind::Blobs | Kind::Drafts | Kind::Trash => false,
        };
        if ours { Fate::Remove } else { Fate::GiveBack }
    }
}

struct Sweeper {
    /// The cache folder in use.
    folder: OwnedFd,
    removed: usize,
}

impl Sweeper {
    /// Empties a folder as far as it is ours; `path` leads to it from the cache folder that it was in.
    fn clean(&mut self, folder: &OwnedFd, kind: Kind, path: &mut Vec<CString>) -> io::Result<()> {
        each_in(folder, |name, is_folder| {
            let fate = match kind.fate(name, is_folder) {
                Fate::RemoveIfOld if is_young(folder, name) => Fate::GiveBack,
                fate => fate,
            };
            match fate {
                Fate::Remove | Fate::RemoveIfOld => self.remove(folder, name, AtFlags::empty()),
                Fate::Enter(inner) => {
                    if let Ok(opened) = openat(folder, name, OPEN_FOLDER, Mode::empty()) {
                        match (kind, inner) {
                            // A whole cache folder begins a path of its own.
                            (Kind::Trash, _) | (_, Kind::Trash) => {
                                self.clean(&opened, inner, &mut Vec::new())?;
                            }
                            _ => {
                                path.push(name.to_owned());
                                self.clean(&opened, inner, path)?;
                                path.pop();
                            }
                        }
                        self.remove(folder, name, AtFlags::REMOVEDIR);
                    }
                }
                Fate::GiveBackOrRemove => {
                    if self.give_back(folder, name, path).is_ok() {
                        self.removed += 1;
                    } else {
                        self.remove(folder, name, AtFlags::empty());
                    }
                }
                // What lies in the trash itself was never anywhere else.
                Fate::GiveBack if matches!(kind, Kind::Trash) => {}
                Fate::GiveBack => {
                    let given = self.give_back(folder, name, path).is_ok();
                    self.removed += usize::from(given);
                }
            }
            Ok(())
        })
    }

    fn remove(&mut self, folder: &OwnedFd, name: &CStr, flags: AtFlags) {
        self.removed += usize::from(unlinkat(folder, name, flags).is_ok());
    }

    /// Moves something to where it was in the cache folder.
    fn give_back(&self, folder: &OwnedFd, name: &CStr, path: &[CString]) -> io::Result<()> {
        let mut place = rustix::io::fcntl_dupfd_cloexec(&self.folder, 0)?;
        for part in path {
            match mkdirat(&place, part, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            place = openat(&place, part, OPEN_FOLDER, Mode::empty())?;
        }
        move_unless_taken(folder, name, &place)
    }
}

/// Whether a draft was written to a short while ago.
fn is_young(folder: &OwnedFd, name: &CStr) -> bool {
    let Ok(found) = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
        return false;
    };
    let written = UNIX_EPOCH + Duration::from_secs(u64::try_from(found.st_mtime).unwrap_or(0));
    written > SystemTime::now() - ALIVE
}

/// Does something in a process that nobody waits for: not the shell, not who reads what we print, and not a script that
/// this process becomes. Where no process can be had, does it here.
pub fn behind(work: impl FnOnce() -> io::Result<()>) {
    // What goes wrong is left for the next one to sweep.
    let signals = Blocked::new();
    // SAFETY: there is one thread.
    match unsafe { libc::fork() } {
        -1 => {
            drop(signals);
            let _ = work();
        }
        0 => {
            // Who started us may wait for all its children, so the one that stays must be nobody's child.
            // SAFETY: as above; and a process that ends here leaves nothing undone.
            if unsafe { libc::setsid() < 0 || libc::fork() != 0 } {
                unsafe { libc::_exit(0) };
            }
            drop(signals);
            if detach().is_ok() {
                let _ = work();
            }
            // SAFETY: as above.
            unsafe { libc::_exit(0) };
        }
        child => {
            // SAFETY: nothing is asked for but that it ends.
            while unsafe { libc::waitpid(child, ptr::null_mut(), 0) } < 0
                && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
            {}
        }
    }
}

/// Lets go of all that others could wait for, or want to remove: pipes, locks, the working folder.
fn detach() -> io::Result<()> {
    env::set_current_dir("/")?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    let open: Vec<RawFd> = fs::read_dir("/dev/fd")?
        .filter_map(|found| found.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        if fd != nothing.as_raw_fd() {
            // SAFETY: none of them is used any more.
            unsafe { libc::close(fd) };
        }
    }
    for fd in 0..=2 {
        // SAFETY: as above.
        unsafe { libc::dup2(nothing.as_raw_fd(), fd) };
    }
    Ok(())
}
