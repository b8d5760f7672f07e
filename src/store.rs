//! The store: the cache folder as it lies on the disk, for the commands that look after it.
//!
//! Entries are written by the runtime (`store.py` and `writing.py`); here they are found, read and removed. Only what
//! has a name that devstash gives is ever touched, and only in a folder that devstash has marked as its own.

mod aside;
mod leftovers;
mod pins;
pub mod secret;
mod sweep;

pub use aside::Kept;
pub use leftovers::Leftovers;
pub use sweep::{behind, sweep_behind};

use std::collections::HashSet;
use std::ffi::{CStr, OsStr, OsString};
use std::fmt;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags};
use rustix::process::geteuid;

use crate::entry::is_blob_name;
pub use crate::shown::{is_harmful, shown};

/// The layout of the folder that this devstash knows: what the file `format` says.
pub const LAYOUT: &str = "1";
/// Where entries are while they are being written.
const DRAFTS: &CStr = c".tmp";
/// The beginning of the names of files that tell which entries have been checked (see `checked.py`).
const CHECKED: &str = ".checked-";
/// Contents of files that calls wrote, each in a folder named by the first two digits of its digest (see `blobs.py`).
const BLOBS: &CStr = c".blobs";
/// Notes on files that need not be read again (`sidecar.py`, `restore.py`).
const NOTES: &CStr = c".stat";
/// The note of `devstash list`.
pub const INDEX: &str = "list";
/// The part of the journal that was put aside, and the journal (`journal.py`), in that order.
pub const JOURNAL: [&CStr; 2] = [c"journal.1", c"journal"];
/// Locks of calls that are being computed (`locks.py`).
const LOCKS: &CStr = c".locks";
/// Cache folders that were set aside, to be removed.
const TRASH: &CStr = c".trash";
/// Names of entries that are kept for good (`pins.rs`).
const PINS: &CStr = c".pins";
/// All folders that devstash makes in its folder.
const FOLDERS: [&CStr; 6] = [DRAFTS, BLOBS, NOTES, LOCKS, PINS, TRASH];
/// A draft that was written to within this time may have a living writer.
const ALIVE: Duration = Duration::from_secs(60);

/// A cache folder.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    found: fs::Metadata,
}

/// Why a folder cannot be used as a cache.
#[derive(Debug)]
pub enum NoStore {
    /// There is nothing at this path.
    Absent(PathBuf),
    /// Something is there, but devstash has not made it.
    NotACache(PathBuf),
    /// It says that a newer devstash made it.
    FutureLayout(PathBuf, String),
    Unreadable(PathBuf, io::Error),
}

impl fmt::Display for NoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoStore::Absent(folder) => {
                write!(f, "there is no cache at `{}`", shown(folder.as_os_str()))
            }
            NoStore::NotACache(folder) => {
                write!(
                    f,
                    "`{}` is not a cache folder of devstash",
                    shown(folder.as_os_str())
                )
            }
            NoStore::FutureLayout(folder, layout) => {
                let (folder, layout) = (shown(folder.as_os_str()), shown(OsStr::new(layout)));
                write!(
                    f,
                    "`{folder}` was made by a newer devstash (layout {layout}; this one knows {LAYOUT})"
                )
            }
            NoStore::Unreadable(folder, error) => {
                write!(
                    f,
                    "cannot read the cache folder `{}`: {error}",
                    shown(folder.as_os_str())
                )
            }
        }
    }
}

impl std::error::Error for NoStore {}

impl Store {
    /// The cache in `folder`, which has to carry devstash's own mark: the file `format`, written when all else of
    /// the folder was there, and the cache tag.
    pub fn open(folder: &Path) -> Result<Store, NoStore> {
        let unreadable = |error| NoStore::Unreadable(folder.to_owned(), error);
        let found = match fs::metadata(folder) {
            Ok(found) if found.is_dir() => found,
            Ok(_) => return Err(NoStore::NotACache(folder.to_owned())),
            Err(error) if absent(&error) => return Err(NoStore::Absent(folder.to_owned())),
            Err(error) => return Err(unreadable(error)),
        };
        let layout = match fs::read(folder.join("format")) {
            Ok(bytes) => String::from_utf8_lossy(&bytes[..bytes.len().min(64)])
                .trim()
                .to_owned(),
            Err(error) if absent(&error) || error.kind() == io::ErrorKind::IsADirectory => {
                return Err(NoStore::NotACache(folder.to_owned()));
            }
            Err(error) => return Err(unreadable(error)),
        };
        let tag = fs::read(folder.join("CACHEDIR.TAG")).unwrap_or_default();
        if !tag.starts_with(b"Signature: 8a477f597d28d172789f06886806bc55") {
            return Err(NoStore::NotACache(folder.to_owned()));
        }
        if layout != LAYOUT {
            return Err(match layout.parse::<u32>() {
                Ok(_) => NoStore::FutureLayout(folder.to_owned(), layout),
                Err(_) => NoStore::NotACache(folder.to_owned()),
            });
        }
        Ok(Store {
            folder: folder.to_owned(),
            found,
        })
    }

    /// The folder, to be read or to name what is in it.
    pub fn handle(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&self.folder, flags, Mode::empty())?)
    }

    /// Whose it is.
    pub fn user(&self) -> u32 {
        self.found.uid()
    }

    /// The file system that it is on.
    pub fn device(&self) -> u64 {
        self.found.dev()
    }

    /// Whether it is this user's, and nobody else can write to it.
    pub fn is_ours(&self) -> bool {
        self.user() == geteuid().as_raw() && self.found.mode() & 0o022 == 0
    }

    /// Where notes are that can be lost at any time.
    pub fn notes(&self) -> PathBuf {
        self.inner(NOTES)
    }

    /// A new path at which something can be written before it is renamed into its place.
    pub fn draft(&self) -> PathBuf {
        self.inner(DRAFTS).join(unique_name())
    }

    /// Where the entry of this name is.
    pub fn path(&self, name: &OsStr) -> PathBuf {
        self.folder.join(name)
    }

    fn inner(&self, name: &CStr) -> PathBuf {
        self.folder.join(OsStr::from_bytes(name.to_bytes()))
    }

    /// The names of all entries, sorted. Whether they can be read is another question.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for found in fs::read_dir(&self.folder)? {
            let name = found?.file_name();
            if is_entry_name(&name) {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Removes an entry. False when it was gone already, or is a folder, which is nothing of devstash's.
    pub fn remove(&self, name: &OsStr) -> io::Result<bool> {
        debug_assert!(is_entry_name(name));
        remove_file(&self.path(name))
    }

    /// The paths of all blobs. A folder that is not there has none.
    pub fn blobs(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for folder in files_in(&self.inner(BLOBS)) {
            let digits = folder.file_name().unwrap_or_default().as_bytes();
            for blob in files_in(&folder) {
                let name = blob.file_name().unwrap_or_default().as_bytes();
                if is_blob_name(name) && digits.len() == 2 && name.starts_with(digits) {
                    paths.push(blob);
                }
            }
        }
        paths
    }

    /// Removes the blobs whose digests are not in `needed`. Trouble with one does not keep the others.
    pub fn remove_blobs(&self, needed: &HashSet<String>) -> io::Result<()> {
        let mut trouble = Ok(());
        for blob in self.blobs() {
            let name = blob.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if !needed.contains(name) {
                trouble = remove_file(&blob).map(drop).and(trouble);
                let _ = blob.parent().map(fs::remove_dir); // which only works when it is empty
            }
        }
        trouble
    }

    /// Removes what belongs to no entry: drafts of writers that were killed, locks, and the notes on what has been
    /// checked. They are of no value to anybody, so trouble with them is none.
    pub fn remove_leftovers(&self) {
        for name in [NOTES, LOCKS] {
            let folder = self.inner(name);
            for path in files_in(&folder) {
                let bytes = path.file_name().unwrap_or_default().as_bytes();
                if is_note_name(bytes) || name == NOTES && bytes == INDEX.as_bytes() {
                    let _ = remove_file(&path);
                }
            }
            let _ = fs::remove_dir(&folder);
        }
        let _ = fs::remove_dir(self.inner(BLOBS));
        self.remove_loose_pins();
        self.remove_drafts();
        for found in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if found.file_name().as_bytes().starts_with(CHECKED.as_bytes()) {
                let _ = remove_file(&found.path());
            }
        }
    }

    /// Removes the drafts of writers that were killed.
    pub fn remove_drafts(&self) {
        let long_ago = SystemTime::now() - ALIVE;
        let drafts = fs::read_dir(self.inner(DRAFTS)).into_iter().flatten();
        for draft in drafts.flatten() {
            let written = draft.metadata().and_then(|found| found.modified());
            if written.is_ok_and(|written| written < long_ago) {
                let _ = remove_file(&draft.path());
            }
        }
    }
}

/// Whether a file of this name is an entry: it ends with two underscores, 16 hex digits and `.pkl`.
pub fn is_entry_name(name: &OsStr) -> bool {
    let Some(stem) = name.as_bytes().strip_suffix(b".pkl") else {
        return false;
    };
    let Some((rest, digest)) = stem.split_last_chunk::<16>() else {
        return false;
    };
    let hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    rest.len() > 2 && rest.ends_with(b"__") && digest.iter().all(hex)
}

/// Whether a lock or a note can have this name: 16 hex digits, with one letter before them for some.
fn is_note_name(name: &[u8]) -> bool {
    let digits = match name {
        [b'w', rest @ ..] => rest,
        _ => name,
    };
    digits.len() == 16
        && digits
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A name that nothing else has: `<pid>-<random>`.
fn unique_name() -> String {
    // Every hasher of the standard library begins with random numbers of its own.
    let random = RandomState::new().build_hasher().finish();
    format!("{}-{random:016x}", process::id())
}

/// Where the blob of this digest is in a cache folder.
pub fn blob(folder: &Path, digest: &str) -> PathBuf {
    let digits = digest.get(..2).unwrap_or_default();
    let blobs = OsStr::from_bytes(BLOBS.to_bytes());
    folder.join(blobs).join(digits).join(digest)
}

/// The paths of what is in a folder; nothing where that cannot be told.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten();
    found.map(|file| file.path()).collect()
}

fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Removes a file. False when it was gone already, or is a folder.
fn remove_file(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if absent(&error) => Ok(false),
        Err(_) if path.symlink_metadata().is_ok_and(|found| found.is_dir()) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_known_by_their_names() {
        let case = |name: &str, entry| assert_eq!(is_entry_name(OsStr::new(name)), entry, "{name}");
        case("requests.api__get__0c4579007009458c.pkl", true);
        case("____0123456789abcdef.pkl", true);
        case("a\x1b[31m__f__0123456789abcdef.pkl", true);
        case("__0123456789abcdef.pkl", false);
        case("requests.api__get__0C4579007009458C.pkl", false);
        case("requests.api__get__0c4579007009458.pkl", false);
        case("requests.api_get_0c4579007009458c.pkl", false);
        case("requests.api__get__0c4579007009458c.pkl.bak", false);
        case("model.pkl", false);
        case(".pkl", false);
    }

    #[test]
    fn names_are_shown_harmlessly() {
        let case = |name: &[u8], text: &str| assert_eq!(shown(OsStr::from_bytes(name)), text);
        case("größe 日本".as_bytes(), "größe 日本");
        case(b"a\x1b[31mred\x07\n", "a\\u{1b}[31mred\\u{7}\\n");
        case("x\u{202e}gpj.exe".as_bytes(), "x\\u{202e}gpj.exe");
        case(b"caf\xe9", "caf\\xe9");
    }
}
