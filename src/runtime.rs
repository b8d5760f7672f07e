//! The Python runtime, carried in the binary, as files that an interpreter can import.
//!
//! They lie in a folder named after their state, so that an upgrade never mixes two states and byte-code of them
//! need not be checked against them. We let Python execute what lies there, hence the care in `home`.

pub mod home;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

mod files {
    include!(concat!(env!("OUT_DIR"), "/runtime_files.rs"));
}

/// The folder below the user's cache folder for all that belongs to this state of devstash.
pub const STATE: &str = files::STATE;

/// The package's name: what a script imports.
const PACKAGE: &str = "devstash";

/// Whether all of the runtime's files are in `root`: some cleaner of old files may have been there.
///
/// This is asked in every run, so it looks at the folder once instead of at each file. What they hold was on disk
/// before the folder had its name.
pub fn is_present(root: &Path) -> bool {
    let Ok(entries) = fs::read_dir(root.join(PACKAGE)) else {
        return false;
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    names
        .filter(|name| name.as_bytes().ends_with(b".py"))
        .count()
        >= files::FILES.len()
}

/// Whether the runtime lies whole in `root`.
fn is_complete(root: &Path) -> bool {
    let package = root.join(PACKAGE);
    files::FILES
        .iter()
        .all(|(name, content)| is_as_long_as(&package.join(name), content))
}

/// Make the runtime lie whole in `root`: it is there complete or not at all, also after a power cut.
pub fn unpack(root: &Path) -> io::Result<()> {
    if is_complete(root) {
        return Ok(());
    }
    let above = root.parent().unwrap_or(root);
    let beside = tempfile::Builder::new()
        .prefix(".unpack-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(above)?;
    let package = beside.path().join(PACKAGE);
    DirBuilder::new().mode(0o700).create(&package)?;
    for (name, content) in files::FILES {
        write_synced(&package.join(name), content)?;
    }
    File::open(&package)?.sync_all()?;
    match fs::rename(beside.path(), root) {
        Ok(()) => {
            // The folder has its name now, there is nothing left to remove.
            let _ = beside.keep();
            Ok(())
        }
        // Another process was quicker, or some cleaner has taken single files away.
        Err(_) if root.is_dir() => repair(root, &package),
        Err(error) => Err(error),
    }
}

/// Move what `root` lacks over from `package`, file by file.
fn repair(root: &Path, package: &Path) -> io::Result<()> {
    let target = root.join(PACKAGE);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&target)?;
    for (name, content) in files::FILES {
        if !is_as_long_as(&target.join(name), content) {
            fs::rename(package.join(name), target.join(name))?;
        }
    }
    Ok(())
}

fn is_as_long_as(path: &Path, content: &[u8]) -> bool {
    fs::metadata(path).is_ok_and(|seen| seen.is_file() && seen.len() == content.len() as u64)
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
