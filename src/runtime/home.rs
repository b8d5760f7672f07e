//! Where devstash keeps what it needs of its own: runtime, byte-code, what it knows of interpreters.
//!
//! Python executes byte-code from here, so the folder must be one that nobody else can write to. It is the user's
//! cache folder; where that cannot be written (a read-only home), a private folder under the temporary one.

use std::fs::{self, DirBuilder, Metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::{env, fmt, io};

use crate::exit::reason;
use crate::options::variable;
use crate::runtime::STATE;
use crate::shown::shown_path;

/// A folder that is safe to execute from.
#[derive(Clone, Debug)]
pub struct Home {
    /// Holds what belongs to this state of devstash.
    pub root: PathBuf,
}

/// Why a folder is not used.
#[derive(Debug)]
pub enum HomeError {
    /// Neither XDG_CACHE_HOME nor HOME says where it would be.
    Nowhere,
    /// It cannot be made or looked at.
    Unusable { path: PathBuf, error: io::Error },
    /// Somebody else could put byte-code there.
    Unsafe { path: PathBuf, why: &'static str },
}

impl fmt::Display for HomeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HomeError::Nowhere => write!(f, "neither `XDG_CACHE_HOME` nor `HOME` is set"),
            HomeError::Unusable { path, error } => {
                write!(f, "`{}`: {}", shown_path(path), reason(error))
            }
            HomeError::Unsafe { path, why } => write!(f, "`{}` {why}", shown_path(path)),
        }
    }
}

impl Home {
    /// Below the user's cache folder.
    pub fn of_user() -> Result<Home, HomeError> {
        let absolute = |name: &str| {
            variable(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        // A relative XDG_CACHE_HOME is to be ignored, says the XDG specification.
        let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
        let folder = caches.ok_or(HomeError::Nowhere)?.join("devstash");
        // A symbolic link to a folder elsewhere is the user's own doing.
        Home::checked(folder, fs::metadata, 0o022)
    }

    /// Below the temporary folder, where everybody may write: nothing may have been prepared for us there.
    pub fn temporary() -> Result<Home, HomeError> {
        let folder = env::temp_dir().join(format!("devstash-{}", user()));
        Home::checked(folder, fs::symlink_metadata, 0o077)
    }

    /// `folder`, made if it is not there, when it is ours and grants others nothing of `forbidden`.
    fn checked(
        folder: PathBuf,
        look: fn(PathBuf) -> io::Result<Metadata>,
        forbidden: u32,
    ) -> Result<Home, HomeError> {
        let seen = match look(folder.clone()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(&folder).and_then(|()| look(folder.clone()))
            }
            seen => seen,
        };
        let seen = seen.map_err(|error| HomeError::Unusable {
            path: folder.clone(),
            error,
        })?;
        let fault = if !seen.is_dir() {
            Some("is not a folder")
        } else if seen.uid() != user() {
            Some("belongs to another user")
        } else if seen.mode() & forbidden != 0 {
            Some("is open to other users")
        } else {
            None
        };
        match fault {
            Some(why) => Err(HomeError::Unsafe { path: folder, why }),
            None => Ok(Home {
                root: folder.join(STATE),
            }),
        }
    }

    /// The program that turns a plan into byte-code.
    pub fn rewriter(&self) -> PathBuf {
        self.root.join("devstash/rewrite.py")
    }

    /// What is known of the interpreter with this digest.
    pub fn interpreter(&self, digest: &str) -> PathBuf {
        self.root
            .join("interpreters")
            .join(format!("{digest}.json"))
    }

    /// Plans and byte-code of the script with this digest.
    pub fn code(&self, digest: &str) -> PathBuf {
        self.root.join("code").join(digest)
    }
}

/// Write `content` to `path` in a private folder, complete or absent.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut beside = tempfile::Builder::new()
        .prefix(".tmp-")
        .tempfile_in(folder)?;
    io::Write::write_all(&mut beside, content)?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Make `folder` for this user alone, and what is above it, which is where XDG wants them to be made so too.
fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn user() -> u32 {
    // SAFETY: geteuid has no preconditions and cannot fail.
    unsafe { libc::geteuid() }
}
