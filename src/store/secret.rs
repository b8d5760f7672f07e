//! The user's own key, with which the runtime signs entries (`secret.py`): read here to check them, and never made.

use std::env;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use rustix::process::geteuid;

use crate::exit::reason;
use crate::options::variable;

use super::shown;

/// In bytes.
const LENGTH: usize = 32;

pub type Key = [u8; LENGTH];

/// There is no key to be used; the text says why.
#[derive(Debug)]
pub struct NoKey(String);

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key. One that somebody else could have read or written is none.
pub fn read() -> Result<Key, NoKey> {
    let place = path();
    let named = shown(place.as_os_str()).into_owned();
    let no = |why: &str| NoKey(format!("`{named}` {why}"));
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(&place)
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => NoKey(format!("there is no `{named}`")),
            _ => NoKey(format!("cannot read `{named}`: {}", reason(&error))),
        })?;
    let found = file.metadata().map_err(|error| no(&reason(&error)))?;
    if !found.is_file() {
        return Err(no("is not a plain file"));
    }
    if found.uid() != geteuid().as_raw() {
        return Err(no("belongs to another user"));
    }
    if found.mode() & 0o077 != 0 {
        return Err(no("can be read or written by others"));
    }
    let mut key = Vec::new();
    let read = file.by_ref().take(LENGTH as u64 + 1).read_to_end(&mut key);
    read.map_err(|error| no(&reason(&error)))?;
    key.try_into().map_err(|_| no("is not a key of 32 bytes"))
}

/// Where it is, by the XDG base directory rules: a relative XDG_DATA_HOME does not count.
fn path() -> PathBuf {
    let data = variable("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.filter(|data| data.is_absolute());
    let home = || env::home_dir().unwrap_or_default().join(".local/share");
    data.unwrap_or_else(home).join("devstash/key")
}
