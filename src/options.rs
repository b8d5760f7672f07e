//! What was typed, the environment and the current folder in; what is wanted out.
//!
//! Defaults, relative paths and variables are settled here, once: later stages look at nothing else.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::cli;
use crate::duration::Ttl;

/// Where results are kept when nobody says otherwise, below the current folder.
const DEFAULT_CACHE_DIR: &str = ".devstash_cache";

/// A path at which no folder can ever be: nothing is kept there.
const NOWHERE: &str = "/dev/null";

/// What `devstash run` is to do.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// As typed.
    pub script: OsString,
    pub args: Vec<OsString>,
    /// The value of `--python`.
    pub python: Option<OsString>,
    /// Python's own flags, in their order.
    pub python_flags: Vec<OsString>,
    /// Absolute, also where there is no current folder to count from.
    pub cache_dir: PathBuf,
    pub refresh: bool,
    pub no_cache: bool,
    pub record: bool,
    /// -1 quiet, 0, 1 verbose.
    pub verbosity: i8,
    /// The script is to run as plain Python runs it: DEVSTASH_SKIP_REWRITE.
    pub skip_rewrite: bool,
}

/// What `devstash check` is to look at.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    pub scripts: Vec<OsString>,
}

/// What `devstash list` is to do.
#[derive(Clone, Debug)]
pub struct ListOptions {
    /// Absolute.
    pub cache_dir: PathBuf,
    /// Judge every entry by this instead of by its own marker's.
    pub ttl: Option<Ttl>,
}

/// What `devstash show` is to do.
#[derive(Clone, Debug)]
pub struct ShowOptions {
    pub wanted: Wanted,
    pub form: Form,
}

/// What of an entry is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All that is known of it, for people.
    Text,
    /// The same for programs.
    Json,
    /// What its call printed to stdout.
    Output,
}

/// What `devstash path` is to do.
#[derive(Clone, Debug)]
pub struct PathOptions {
    pub wanted: Wanted,
}

/// One entry, as a user names it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Absolute; counts unless `entry` is a path.
    pub cache_dir: PathBuf,
    /// As typed, and not empty.
    pub entry: OsString,
}

/// What `devstash clear` is to do.
#[derive(Clone, Debug)]
pub struct ClearOptions {
    /// Absolute.
    pub cache_dir: PathBuf,
    pub selection: Selection,
    pub dry_run: bool,
}

/// Which entries to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    All,
    /// A part of the file's name, or a glob when it has `*`, `?` or `[`.
    Pattern(OsString),
}

impl RunOptions {
    pub fn new(typed: cli::RunArgs) -> Result<RunOptions> {
        let folder = absolute_cache_dir(typed.folder.cache_dir)?;
        Ok(RunOptions {
            script: typed.script,
            args: typed.args,
            python: typed.python,
            python_flags: typed.flags,
            refresh: typed.refresh,
            record: typed.record,
            // Without a current folder there is no telling where results belong; the script still has to run.
            no_cache: typed.no_cache || folder.is_none(),
            cache_dir: folder.unwrap_or_else(|| PathBuf::from(NOWHERE)),
            verbosity: if typed.quiet {
                -1
            } else {
                i8::from(typed.verbose > 0)
            },
            skip_rewrite: variable("DEVSTASH_SKIP_REWRITE").is_some_and(|value| value != "0"),
        })
    }
}

impl CheckOptions {
    pub fn new(typed: cli::CheckArgs) -> CheckOptions {
        CheckOptions {
            scripts: typed.scripts,
        }
    }
}

impl ListOptions {
    pub fn new(typed: cli::ListArgs) -> Result<ListOptions> {
        let ttl = match &typed.ttl {
            Some(text) => {
                Some(Ttl::parse(text).with_context(|| format!("`--ttl {text}` makes no sense"))?)
            }
            None => None,
        };
        Ok(ListOptions {
            cache_dir: existing_cache_dir(typed.folder)?,
            ttl,
        })
    }
}

impl ShowOptions {
    pub fn new(typed: cli::ShowArgs) -> Result<ShowOptions> {
        Ok(ShowOptions {
            wanted: Wanted::new(typed.entry, typed.folder)?,
            form: match (typed.json, typed.output) {
                (true, _) => Form::Json,
                (false, true) => Form::Output,
                (false, false) => Form::Text,
            },
        })
    }
}

impl PathOptions {
    pub fn new(typed: cli::PathArgs) -> Result<PathOptions> {
        Ok(PathOptions {
            wanted: Wanted::new(typed.entry, typed.folder)?,
        })
    }
}

impl Wanted {
    fn new(entry: OsString, folder: cli::FolderArgs) -> Result<Wanted> {
        if entry.is_empty() {
            bail!(
                "an empty ENTRY could be any\n\nhint: `devstash list` shows the names of all entries"
            );
        }
        Ok(Wanted {
            cache_dir: existing_cache_dir(folder)?,
            entry,
        })
    }
}

impl ClearOptions {
    pub fn new(typed: cli::ClearArgs) -> Result<ClearOptions> {
        let selection = match typed.pattern {
            Some(pattern) if pattern.is_empty() => bail!(
                "an empty `--pattern` would match every entry\n\nhint: `devstash clear --all` removes all of them"
            ),
            Some(pattern) => Selection::Pattern(pattern),
            None if typed.all => Selection::All,
            None => bail!(
                "nothing said of what to remove, so nothing was removed\n\nhint: `devstash clear --all` removes every \
                 entry, `devstash clear --pattern TEXT` those with TEXT in their name"
            ),
        };
        Ok(ClearOptions {
            cache_dir: existing_cache_dir(typed.folder)?,
            selection,
            dry_run: typed.dry_run,
        })
    }
}

/// An environment variable that says something: an empty one counts as unset.
pub fn variable(name: impl AsRef<OsStr>) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The cache folder that a command is to look into.
fn existing_cache_dir(typed: cli::FolderArgs) -> Result<PathBuf> {
    absolute_cache_dir(typed.cache_dir)?
        .context("the current folder is gone\n\nhint: name one with `--cache-dir`")
}

/// `given` or its variable or the default, absolute: a script that changes its folder must not move its cache.
///
/// `None` when it would be relative to a current folder that is gone.
fn absolute_cache_dir(given: Option<OsString>) -> Result<Option<PathBuf>> {
    if given.as_ref().is_some_and(|path| path.is_empty()) {
        bail!("`--cache-dir` is empty\n\nhint: leave it out to use `./{DEFAULT_CACHE_DIR}`");
    }
    let path = PathBuf::from(
        given
            .or_else(|| variable("DEVSTASH_CACHE_DIR"))
            .unwrap_or(DEFAULT_CACHE_DIR.into()),
    );
    if path.is_absolute() {
        return Ok(Some(path));
    }
    // Without a leading `./`, which would only show up in messages.
    let tail = path.strip_prefix(".").unwrap_or(&path);
    Ok(env::current_dir().ok().map(|here| here.join(tail)))
}
