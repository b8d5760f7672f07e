//! Pins: the names of entries that are kept for good, each an empty file in `.pins`.
//!
//! A pin belongs to a name and not to a file, so it survives what the runtime does: an entry whose call runs again is
//! replaced under its name. The runtime asks for pins only where it would have to replace the result of another state
//! (`writing.py`); a hit never does. A pin is about room: an expired entry that is pinned is expired.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use super::{PINS, Store, is_entry_name, remove_file};

impl Store {
    /// The names of all pinned entries, and perhaps of some that are gone.
    pub fn pins(&self) -> HashSet<OsString> {
        let found = fs::read_dir(self.inner(PINS)).into_iter().flatten();
        found
            .flatten()
            .map(|file| file.file_name())
            .filter(|name| is_entry_name(name))
            .collect()
    }

    /// Pins the entry of this name. False if it was pinned already.
    pub fn pin(&self, name: &OsStr) -> io::Result<bool> {
        debug_assert!(is_entry_name(name));
        match DirBuilder::new().mode(0o700).create(self.inner(PINS)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.pin_of(name));
        match made {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes the pin of this name away. False if there was none.
    pub fn unpin(&self, name: &OsStr) -> io::Result<bool> {
        let gone = remove_file(&self.pin_of(name))?;
        let _ = fs::remove_dir(self.inner(PINS)); // which only works when it is empty
        Ok(gone)
    }

    /// Takes the pins away whose entries are gone; says how many.
    pub fn remove_loose_pins(&self) -> usize {
        let loose = |name: &OsString| {
            let found = self.path(name).symlink_metadata();
            found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        let pins = self.pins();
        let loose = pins.iter().filter(|name| loose(name));
        loose
            .filter(|name| self.unpin(name).unwrap_or(false))
            .count()
    }

    fn pin_of(&self, name: &OsStr) -> PathBuf {
        self.inner(PINS).join(name)
    }
}
