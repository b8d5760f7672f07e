//! Whether what lies beside or above a script may decide how it is run.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whether a file seen above `folder` belongs to this user, to root, or to the owner of `folder`.
///
/// What a third user has put there (into a shared `/tmp`, say) must not choose what we start.
pub fn is_trusted(seen: &Metadata, folder: &Path) -> bool {
    // SAFETY: geteuid has no preconditions and cannot fail.
    let user = unsafe { libc::geteuid() };
    let mine = |owner| owner == 0 || owner == user;
    mine(seen.uid()) || fs::metadata(folder).is_ok_and(|folder| folder.uid() == seen.uid())
}
