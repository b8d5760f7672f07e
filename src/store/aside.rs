//! A folder of very many entries in, an empty one in its place out: at once, however many there are.
//!
//! To remove a file takes the system some microseconds, so a hundred thousand take most of a second. Here an empty
//! cache folder changes places with the full one, in one step that others see whole or not at all, and the full one
//! becomes a folder in the `.trash` of the new one. What removes it there is `sweep.rs`, which does not have to be
//! waited for.
//!
//! ```text
//! before, for an instant                     after
//! ├── .devstash_cache/                full   └── .devstash_cache/             empty but for
//! └── .devstash_cache.being-cleared/  empty      └── .trash/<pid>-<random>/  the full one
//! ```
//!
//! Files in the folder that are none of ours, and drafts that somebody may be writing, are moved over before anybody is
//! told that it is done. Whoever looks in between finds nothing, which is a miss; a writer whose draft is on its way
//! keeps its entry once more (`writing.py`). What is to stay, pinned entries and the blobs that they need, is given a
//! second name in the empty folder before the two change places, so it is never missed. A process that dies anywhere in between leaves a folder that the next
//! command finds (`sweep.rs`).
//!
//! Not every folder can be moved: one on which something is mounted, or in a folder in which nothing can be made. And
//! not every folder should be. It is another folder afterwards, which is nothing to who comes by its path, but would be
//! to a shell that stands in it. For these, `set_aside` has done nothing, and the entries have to be removed one by one.

use std::env;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use rustix::fs::{
    AtFlags, Dir, FileType, FlockOperation, Gid, Mode, OFlags, Stat, fchmod, fchown, flock, fstat,
    linkat, mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::{
    BLOBS, CHECKED, DRAFTS, FOLDERS, JOURNAL, NOTES, PINS, Store, TRASH, is_blob_name,
    is_entry_name, unique_name,
};

/// A folder of fewer entries is cleared one by one, which takes no longer than anybody notices.
const MANY: usize = 2000;
/// What the folder carries to be known by: first what tells that it is ours at all, last what tells that it is whole.
const MARKS: [&CStr; 4] = [c"CACHEDIR.TAG", c".gitignore", c"README.txt", c"format"];
/// Behind the folder's name: that of the empty one, and for an instant of the full one.
const SUFFIX: &str = ".being-cleared";

pub(super) const OPEN_FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// What stays when all else goes.
#[derive(Debug, Default)]
pub struct Kept {
    /// The names of entries, which are pinned.
    pub entries: Vec<OsString>,
    /// The digests of the blobs that they need.
    pub blobs: Vec<String>,
}

impl Kept {
    /// Gives all of it a second name in the new folder.
    fn link(&self, old: &OwnedFd, new: &OwnedFd) -> io::Result<()> {
        let link = |old: &OwnedFd, new: &OwnedFd, name: &[u8]| -> io::Result<()> {
            linkat(old, name, new, name, AtFlags::empty())?;
            Ok(())
        };
        let inner = |folder: &OwnedFd, name: &CStr| {
            openat(folder, name, OPEN_FOLDER, Mode::empty()).map_err(io::Error::from)
        };
        let made = |folder: &OwnedFd, name: &CStr| -> io::Result<OwnedFd> {
            match mkdirat(folder, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => inner(folder, name),
                Err(error) => Err(error.into()),
            }
        };
        if !self.entries.is_empty() {
            let (from, to) = (inner(old, PINS)?, made(new, PINS)?);
            for name in &self.entries {
                link(old, new, name.as_bytes())?;
                link(&from, &to, name.as_bytes())?;
            }
        }
        if !self.blobs.is_empty() {
            let (from, to) = (inner(old, BLOBS)?, made(new, BLOBS)?);
            for digest in self
                .blobs
                .iter()
                .filter(|name| is_blob_name(name.as_bytes()))
            {
                let digits = CString::new(&digest[..2]).expect("hex digits");
                let Ok(from) = inner(&from, &digits) else {
                    continue; // it is lost already
                };
                match link(&from, &made(&to, &digits)?, digest.as_bytes()) {
                    Err(error)
                        if matches!(
                            error.kind(),
                            io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists
                        ) => {}
                    linked => linked?,
                }
            }
        }
        Ok(())
    }
}

/// Removes what `Kept::link` has made, names only.
fn unlink_kept(new: &OwnedFd) {
    for (folder, depth) in [(PINS, 0), (BLOBS, 1)] {
        let Ok(inner) = openat(new, folder, OPEN_FOLDER, Mode::empty()) else {
            continue;
        };
        let _ = each_in(&inner, |name, is_folder| {
            if is_folder && depth == 1 {
                let blobs = openat(&inner, name, OPEN_FOLDER, Mode::empty())?;
                each_in(&blobs, |blob, _| {
                    Ok(unlinkat(&blobs, blob, AtFlags::empty())?)
                })?;
                unlinkat(&inner, name, AtFlags::REMOVEDIR)?;
            } else {
                unlinkat(&inner, name, AtFlags::empty())?;
            }
            Ok(())
        });
        let _ = unlinkat(new, folder, AtFlags::REMOVEDIR);
    }
    let _ = each_in(new, |name, _| {
        if is_entry_name(OsStr::from_bytes(name.to_bytes())) {
            unlinkat(new, name, AtFlags::empty())?;
        }
        Ok(())
    });
}

impl Store {
    /// Puts an empty folder into the place of one with very many entries, or one with what is to be kept. The old one is
    /// in `.trash` then, to be swept. False when there are not that many, or it cannot be done here; nothing has changed
    /// then.
    pub fn set_aside(&self, kept: &Kept) -> bool {
        self.exchange(kept).unwrap_or(false)
    }

    fn exchange(&self, kept: &Kept) -> io::Result<bool> {
        let path = self.folder.canonicalize()?;
        if env::current_dir().is_ok_and(|here| here.starts_with(&path)) {
            return Ok(false);
        }
        let Some(place) = Place::of(&path)? else {
            return Ok(false);
        };
        let old = place.lock()?;
        let found = fstat(&old)?;
        if found.st_uid != geteuid().as_raw() || found.st_mode & 0o022 != 0 || has_attributes(&old)
        {
            return Ok(false);
        }
        let contents = Contents::of(&old)?;
        if contents.entries < MANY {
            return Ok(false);
        }
        // A signal that came in the middle would do no harm, but leave more to do.
        let _signals = Blocked::new();
        let new = place.make_empty(&old, &found, kept)?;
        if let Err(error) = place.swap() {
            place.unmake(&new);
            return Err(error);
        }
        // From here on it is done.
        let others = contents.others.iter().map(CString::as_c_str);
        for name in others.chain([DRAFTS]) {
            let _ = move_unless_taken(&old, name, &new);
        }
        let _ = keep_journal(&old, &new);
        let _ = place.move_into_trash(&new);
        // A process that is started now must not keep them.
        let _ = flock(&old, FlockOperation::Unlock);
        let _ = flock(&new, FlockOperation::Unlock);
        Ok(true)
    }
}

/// Where a cache folder is: its name in the folder around it.
pub(super) struct Place {
    around: OwnedFd,
    name: OsString,
    beside: OsString,
}

impl Place {
    /// The place of this path, which has no links in it. The root of everything has none.
    pub(super) fn of(path: &Path) -> io::Result<Option<Place>> {
        let (Some(around), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(None);
        };
        let mut beside = name.to_owned();
        beside.push(SUFFIX);
        Ok(Some(Place {
            around: rustix::fs::open(around, OPEN_FOLDER, Mode::empty())?,
            name: name.to_owned(),
            beside,
        }))
    }

    /// The folder, when no other process is about to put another one into its place.
    pub(super) fn lock(&self) -> io::Result<OwnedFd> {
        for _ in 0..10 {
            let folder = openat(&self.around, &self.name, OPEN_FOLDER, Mode::empty())?;
            flock(&folder, FlockOperation::LockExclusive)?;
            let (mine, there) = (
                fstat(&folder)?,
                statat(&self.around, &self.name, AtFlags::SYMLINK_NOFOLLOW)?,
            );
            if (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino) {
                return Ok(folder);
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// An empty cache folder like the `old` one beside it, locked; what is to be kept is in it.
    fn make_empty(&self, old: &OwnedFd, like: &Stat, kept: &Kept) -> io::Result<OwnedFd> {
        let mode = Mode::RWXU;
        match mkdirat(&self.around, &self.beside, mode) {
            Err(Errno::EXIST) if self.adopt(old)? => mkdirat(&self.around, &self.beside, mode)?,
            made => made?,
        }
        let new = openat(&self.around, &self.beside, OPEN_FOLDER, Mode::empty())?;
        let fill = || -> io::Result<()> {
            flock(&new, FlockOperation::NonBlockingLockExclusive)?;
            for mark in MARKS {
                match linkat(old, mark, &new, mark, AtFlags::empty()) {
                    Ok(()) => {}
                    Err(Errno::NOENT) if mark == c".gitignore" || mark == c"README.txt" => {}
                    Err(error) => return Err(error.into()),
                }
            }
            mkdirat(&new, TRASH, mode)?;
            kept.link(old, &new)?;
            if has_attributes(&new) {
                return Err(io::ErrorKind::Unsupported.into()); // inherited from the folder around it
            }
            if fstat(&new)?.st_gid != like.st_gid {
                fchown(&new, None, Some(Gid::from_raw(like.st_gid)))?;
            }
            Ok(fchmod(&new, Mode::from_raw_mode(like.st_mode & 0o7777))?)
        };
        match fill() {
            Ok(()) => Ok(new),
            Err(error) => {
                self.unmake(&new);
                Err(error)
            }
        }
    }

    /// Removes the empty folder.
    fn unmake(&self, new: &OwnedFd) {
        let _ = unlinkat(new, TRASH, AtFlags::REMOVEDIR);
        unlink_kept(new);
        for mark in MARKS.iter().rev() {
            let _ = unlinkat(new, *mark, AtFlags::empty());
        }
        let _ = unlinkat(&self.around, &self.beside, AtFlags::REMOVEDIR);
    }

    /// Lets the folder and the one beside it change places.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn swap(&self) -> io::Result<()> {
        use rustix::fs::{RenameFlags, renameat_with};
        Ok(renameat_with(
            &self.around,
            &self.beside,
            &self.around,
            &self.name,
            RenameFlags::EXCHANGE,
        )?)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn swap(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Moves the folder beside into the trash of `folder`.
    fn move_into_trash(&self, folder: &OwnedFd) -> io::Result<()> {
        let trash = openat(folder, TRASH, OPEN_FOLDER, Mode::empty())?;
        Ok(renameat(&self.around, &self.beside, &trash, unique_name())?)
    }

    /// Moves what a killed process has left beside into the trash of the locked `folder`. False where that is none of
    /// ours, or not there.
    pub(super) fn adopt(&self, folder: &OwnedFd) -> io::Result<bool> {
        let left = match openat(&self.around, &self.beside, OPEN_FOLDER, Mode::empty()) {
            Ok(left) => left,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if fstat(&left)?.st_uid != geteuid().as_raw() {
            return Ok(false);
        }
        let mut empty = true;
        each_in(&left, |_, _| {
            empty = false;
            Ok(())
        })?;
        if !empty && statat(&left, MARKS[0], AtFlags::SYMLINK_NOFOLLOW).is_err() {
            return Ok(false);
        }
        match mkdirat(folder, TRASH, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        self.move_into_trash(folder)?;
        Ok(true)
    }

    /// Whether there is something beside the folder that could have been left.
    pub(super) fn has_left(&self) -> bool {
        statat(&self.around, &self.beside, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }
}

/// What is in a cache folder.
struct Contents {
    entries: usize,
    /// What is none of ours.
    others: Vec<CString>,
}

impl Contents {
    fn of(folder: &OwnedFd) -> io::Result<Contents> {
        let mut contents = Contents {
            entries: 0,
            others: Vec::new(),
        };
        each_in(folder, |name, is_folder| {
            if !is_ours(name, is_folder) {
                contents.others.push(name.to_owned());
            } else if is_entry_name(OsStr::from_bytes(name.to_bytes())) {
                contents.entries += 1;
            }
            Ok(())
        })?;
        Ok(contents)
    }
}

/// Whether devstash itself puts something of this name into a cache folder.
pub(super) fn is_ours(name: &CStr, is_folder: bool) -> bool {
    if is_folder {
        FOLDERS.contains(&name)
    } else {
        MARKS.contains(&name)
            || name.to_bytes().starts_with(CHECKED.as_bytes())
            || is_entry_name(OsStr::from_bytes(name.to_bytes()))
    }
}

/// Names what is in an open folder, and says which of it are folders.
pub(super) fn each_in(
    folder: &OwnedFd,
    mut take: impl FnMut(&CStr, bool) -> io::Result<()>,
) -> io::Result<()> {
    for found in Dir::read_from(folder)? {
        let found = found?;
        let name = found.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let is_folder = match found.file_type() {
            FileType::Unknown => statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory),
            kind => kind == FileType::Directory,
        };
        take(name, is_folder)?;
    }
    Ok(())
}

/// Moves the journal over: what entries have saved is worth knowing when they are gone.
fn keep_journal(old: &OwnedFd, new: &OwnedFd) -> io::Result<()> {
    let from = openat(old, NOTES, OPEN_FOLDER, Mode::empty())?;
    match mkdirat(new, NOTES, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let to = openat(new, NOTES, OPEN_FOLDER, Mode::empty())?;
    for name in JOURNAL {
        let _ = move_unless_taken(&from, name, &to);
    }
    Ok(())
}

/// Moves something to another folder, unless something of that name is there already.
pub(super) fn move_unless_taken(from: &OwnedFd, name: &CStr, to: &OwnedFd) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        match renameat_with(from, name, to, name, RenameFlags::NOREPLACE) {
            // A file system that does not know the flag.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            done => return Ok(done?),
        }
    }
    if statat(to, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    Ok(renameat(from, name, to, name)?)
}

/// Whether somebody has given the folder access lists or other attributes, which a new one would not have.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn has_attributes(folder: impl AsFd) -> bool {
    let mut names = [0u8; 4096];
    match rustix::fs::flistxattr(folder, &mut names) {
        Ok(length) => names[..length]
            .split(|byte| *byte == 0)
            .any(|name| !name.is_empty() && name != b"security.selinux"),
        Err(Errno::NOTSUP) => false,
        Err(_) => true,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn has_attributes(_: impl AsFd) -> bool {
    true
}

/// While this lives, signals wait.
pub(super) struct Blocked {
    before: libc::sigset_t,
}

impl Blocked {
    pub(super) fn new() -> Blocked {
        let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: the sets are filled before they are used.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr());
            Blocked {
                before: before.assume_init(),
            }
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the set is one that the system gave.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut()) };
    }
}
