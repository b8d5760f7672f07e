//! What was typed, the environment and the current folder in; what is wanted out.
//!
//! Defaults, relative paths, configuration files and variables are settled here, once: later stages look at nothing else.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::cli;
use crate::config::{Config, Key, Value};
use crate::duration::{Limits, Ttl, parse_size};
use crate::shown::shown;

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
    /// The real folder in which the script lies, behind all symbolic links; empty for one without a folder.
    pub folder: PathBuf,
    /// The interpreter that somebody has named.
    pub python: Option<Python>,
    /// Python's own flags, in their order.
    pub python_flags: Vec<OsString>,
    /// Absolute, also where there is no current folder to count from.
    pub cache_dir: PathBuf,
    /// All marked calls are to run again.
    pub refresh: bool,
    /// Those that this means are to run again; not empty.
    pub refresh_pattern: Option<String>,
    /// So many of a hundred hits are to be executed as well and compared: above 0, up to 100.
    pub verify: Option<f64>,
    /// No marked call is ever to run.
    pub offline: bool,
    pub no_cache: bool,
    pub record: bool,
    pub explain: bool,
    /// -1 quiet, 0, 1 verbose.
    pub verbosity: i8,
    pub summary: Summary,
    pub defaults: Defaults,
    /// How much the cache folder may hold after the run.
    pub limits: Limits,
    /// What could not be understood of the configuration: a script with markers must not run then.
    pub complaint: Option<String>,
    /// Configuration files that count for nothing, because they are another user's.
    pub passed: Vec<PathBuf>,
    /// The script is to run as plain Python runs it: DEVSTASH_SKIP_REWRITE.
    pub skip_rewrite: bool,
}

/// An interpreter, and who has named it (`` `--python` ``, `` `pyproject.toml:3` ``).
#[derive(Clone, Debug)]
pub struct Python {
    pub name: OsString,
    pub by: String,
}

/// When a run ends with a line about what it has saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Summary {
    /// On a terminal.
    #[default]
    Auto,
    Always,
    Never,
}

/// What markers mean where they do not say it themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Seconds.
    pub ttl: Option<u64>,
    pub env: Vec<String>,
    /// Absolute globs.
    pub files: Vec<String>,
    pub version: Option<String>,
    pub replay: Vec<String>,
    pub load: Option<String>,
}

/// What `devstash check` is to look at.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    pub scripts: Vec<OsString>,
    pub json: bool,
    /// What could not be understood of the configuration for each of them; said once where it is the same.
    pub complaints: Vec<String>,
}

/// What `devstash list` is to do.
#[derive(Clone, Debug)]
pub struct ListOptions {
    /// Absolute.
    pub cache_dir: PathBuf,
    /// Judge every entry by this instead of by its own marker's.
    pub ttl: Option<Ttl>,
    pub selection: Selection,
    pub sort: Sort,
    pub json: bool,
}

/// What decides the order of a list; what has most of it comes last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The newest comes last.
    #[default]
    Age,
    Size,
    Saved,
    /// What was used most recently comes last.
    Used,
    Name,
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

/// What `devstash why` is to do.
#[derive(Clone, Debug)]
pub struct WhyOptions {
    /// The script, the place or the entry that is asked about.
    pub wanted: Wanted,
    pub json: bool,
    pub verbose: bool,
}

/// What `devstash path` is to do.
#[derive(Clone, Debug)]
pub struct PathOptions {
    pub wanted: Wanted,
}

/// What `devstash stats` is to do.
#[derive(Clone, Debug)]
pub struct StatsOptions {
    /// Absolute.
    pub cache_dir: PathBuf,
    /// Only so many days, today included.
    pub days: Option<u32>,
    pub json: bool,
}

/// One entry, as a user names it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Absolute; counts unless `entry` is a path.
    pub cache_dir: PathBuf,
    /// As typed, and not empty.
    pub entry: OsString,
}

/// What `devstash export` is to do.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    pub wanted: Wanted,
    /// `json`, `npy`, `csv`, `parquet` or `pkl`.
    pub form: &'static str,
    /// None for stdout.
    pub output: Option<PathBuf>,
    pub python: Option<Python>,
}

/// What `devstash fixture` is to do.
#[derive(Clone, Debug)]
pub struct FixtureOptions {
    pub wanted: Wanted,
    pub folder: PathBuf,
    /// What the files are called; a plain name.
    pub name: Option<String>,
    pub force: bool,
    pub python: Option<Python>,
}

/// What `devstash clear` is to do.
#[derive(Clone, Debug)]
pub struct ClearOptions {
    /// Absolute.
    pub cache_dir: PathBuf,
    /// None: all of them.
    pub selection: Option<Selection>,
    /// Pinned ones as well.
    pub pinned: bool,
    pub dry_run: bool,
    /// Without asking.
    pub yes: bool,
}

/// Which entries a command is about: those that all of these mean. What is not said leaves nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// A part of the file's name or of the marker's, or a glob when it has `*`, `?` or `[`; never empty.
    pub pattern: Option<OsString>,
    /// A script, or `script.py:42`; never empty.
    pub site: Option<OsString>,
    pub expired: bool,
    /// Made longer ago.
    pub older: Option<Ttl>,
    /// More bytes.
    pub larger: Option<u64>,
}

/// What `devstash pin` and `unpin` are to do.
#[derive(Clone, Debug)]
pub struct PinOptions {
    pub wanted: Wanted,
    /// Pin it, or let it go.
    pub pin: bool,
}

/// What `devstash gc` is to do.
#[derive(Clone, Debug)]
pub struct GcOptions {
    /// Absolute.
    pub cache_dir: PathBuf,
    pub limits: Limits,
    pub dry_run: bool,
    /// In the background, without a word.
    pub detached: bool,
}

/// What `devstash verify` is to do.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// Absolute.
    pub cache_dir: PathBuf,
    pub selection: Selection,
    pub remove: bool,
    pub json: bool,
}

impl RunOptions {
    pub fn new(typed: cli::RunArgs) -> Result<RunOptions> {
        let folder = folder_of(&typed.script);
        let mut config = Config::read(&folder);
        match typed.refresh {
            Some(Some(pattern)) if pattern.is_empty() => bail!(
                "an empty `--refresh=` would match every call\n\nhint: `--refresh` alone runs all of them again"
            ),
            Some(Some(pattern)) => {
                let pattern = pattern.to_string_lossy().into_owned();
                config.given(Key::Refresh, "--refresh", Value::Text(pattern));
            }
            plain => config.switched(Key::Refresh, "--refresh", plain.is_some()),
        }
        match typed.verify {
            Some(Some(share)) => config.typed(Key::Verify, "--verify", Some(&share))?,
            plain => config.switched(Key::Verify, "--verify", plain.is_some()),
        }
        config.switched(Key::Offline, "--offline", typed.offline);
        config.switched(Key::NoCache, "--no-cache", typed.no_cache);
        config.switched(Key::Record, "--record", typed.record);
        config.switched(Key::Quiet, "--quiet", typed.quiet);
        config.switched(Key::Verbose, "--verbose", typed.verbose > 0);
        config.typed(Key::Ttl, "--ttl", typed.ttl.as_deref())?;
        config.typed(Key::Summary, "--summary", typed.summary.as_deref())?;
        if config.is_typed(Key::Refresh)
            && config.is_typed(Key::Verify)
            && config.text(Key::Refresh).is_none()
        {
            bail!(
                "`--refresh` leaves no hit that `--verify` could look at\n\nhint: leave one of them out, or say which \
                 calls to run again with `--refresh=PATTERN`"
            );
        }
        let cache_dir = cache_dir(&mut config, typed.folder)?;
        let verbosity = match (config.switch(Key::Quiet), config.switch(Key::Verbose)) {
            (true, _) => -1,
            (_, verbose) => i8::from(verbose),
        };
        let refresh = config.switch(Key::Refresh);
        let refresh_pattern = config.text(Key::Refresh).filter(|_| refresh);
        let verify = config
            .switch(Key::Verify)
            .then(|| config.share(Key::Verify));
        let offline = config.switch(Key::Offline);
        let skip_rewrite = variable("DEVSTASH_SKIP_REWRITE").is_some_and(|value| value != "0");
        if skip_rewrite && (offline || verify.is_some()) {
            bail!(
                "`--{}` needs the markers, which DEVSTASH_SKIP_REWRITE turns off\n\nhint: unset DEVSTASH_SKIP_REWRITE",
                if offline { "offline" } else { "verify" }
            );
        }
        Ok(RunOptions {
            script: typed.script,
            args: typed.args,
            folder,
            python: Python::of(&config, typed.python),
            python_flags: typed.flags,
            refresh: refresh && refresh_pattern.is_none(),
            refresh_pattern: refresh_pattern.map(str::to_owned),
            verify,
            offline,
            record: config.switch(Key::Record),
            explain: typed.explain,
            // Without a current folder there is no telling where results belong; the script still has to run.
            no_cache: config.switch(Key::NoCache) || cache_dir.is_none(),
            cache_dir: cache_dir.unwrap_or_else(|| PathBuf::from(NOWHERE)),
            verbosity,
            summary: match config.text(Key::Summary) {
                Some("always") => Summary::Always,
                Some("never") => Summary::Never,
                _ => Summary::Auto,
            },
            defaults: Defaults::of(&config),
            limits: limits(&config),
            complaint: config.complaint(),
            passed: config.passed,
            skip_rewrite,
        })
    }
}

impl RunOptions {
    /// Whether we have a say in the exit status of a run, and so stay until it is over.
    pub fn stays(&self) -> bool {
        self.verify.is_some() || self.offline
    }
}

impl Python {
    /// The one that was typed, or the one that is set.
    fn of(config: &Config, typed: Option<OsString>) -> Option<Python> {
        if let Some(name) = typed {
            let by = "`--python`".to_owned();
            return Some(Python { name, by });
        }
        let (_, origin) = config.get(Key::Python)?;
        let name = config.path(Key::Python)?.into();
        let by = format!("`{origin}`");
        Some(Python { name, by })
    }
}

impl Summary {
    /// As the runtime is told.
    pub fn word(self) -> &'static str {
        match self {
            Summary::Auto => "auto",
            Summary::Always => "always",
            Summary::Never => "never",
        }
    }
}

impl Defaults {
    fn of(config: &Config) -> Defaults {
        Defaults {
            ttl: config.number(Key::Ttl),
            env: config.list(Key::Env).to_vec(),
            files: config.list(Key::Files).to_vec(),
            version: config.text(Key::Version).map(str::to_owned),
            replay: config.list(Key::Replay).to_vec(),
            load: config
                .text(Key::Load)
                .filter(|way| *way != "map")
                .map(str::to_owned),
        }
    }

    /// Lines `name=value`, one for each item of a list; no value has a line end. Empty where nothing is set.
    pub fn lines(&self) -> String {
        let one = |name: &str, value: &str| format!("{name}={value}");
        let several = |name: &'static str, items: &[String]| -> Vec<String> {
            items.iter().map(|item| one(name, item)).collect()
        };
        let mut lines = Vec::new();
        lines.extend(self.ttl.map(|seconds| one("ttl", &seconds.to_string())));
        lines.extend(several("env", &self.env));
        lines.extend(several("files", &self.files));
        lines.extend(
            self.version
                .as_deref()
                .map(|version| one("version", version)),
        );
        lines.extend(several("replay", &self.replay));
        lines.extend(self.load.as_deref().map(|way| one("load", way)));
        lines.join("\n")
    }
}

impl CheckOptions {
    pub fn new(typed: cli::CheckArgs) -> CheckOptions {
        let mut complaints = Vec::new();
        for script in &typed.scripts {
            let complaint = Config::read(&folder_of(script)).complaint();
            complaints.extend(complaint.filter(|complaint| !complaints.contains(complaint)));
        }
        CheckOptions {
            scripts: typed.scripts,
            json: typed.json,
            complaints,
        }
    }
}

impl ListOptions {
    pub fn new(typed: cli::ListArgs) -> Result<ListOptions> {
        let ttl = typed.ttl.map(|text| age("--ttl", &text)).transpose()?;
        Ok(ListOptions {
            cache_dir: existing_cache_dir(typed.folder)?,
            ttl,
            selection: Selection::new(typed.select)?,
            sort: match typed.sort {
                None | Some(cli::SortBy::Age) => Sort::Age,
                Some(cli::SortBy::Size) => Sort::Size,
                Some(cli::SortBy::Saved) => Sort::Saved,
                Some(cli::SortBy::Used) => Sort::Used,
                Some(cli::SortBy::Name) => Sort::Name,
            },
            json: typed.json,
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

impl WhyOptions {
    pub fn new(typed: cli::WhyArgs) -> Result<WhyOptions> {
        Ok(WhyOptions {
            wanted: Wanted::new(typed.what, typed.folder)?,
            json: typed.json,
            verbose: typed.verbose,
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

impl StatsOptions {
    pub fn new(typed: cli::StatsArgs) -> Result<StatsOptions> {
        Ok(StatsOptions {
            cache_dir: existing_cache_dir(typed.folder)?,
            days: typed.days,
            json: typed.json,
        })
    }
}

impl ExportOptions {
    pub fn new(typed: cli::ExportArgs) -> Result<ExportOptions> {
        let form = cli::FORMS.iter().find(|form| **form == typed.to);
        let output = typed.output.filter(|file| file != "-");
        if output.as_ref().is_some_and(|file| file.is_empty()) {
            bail!("`--output` is empty\n\nhint: leave it out to have the value on stdout");
        }
        Ok(ExportOptions {
            wanted: Wanted::new(typed.entry, typed.folder)?,
            form: form.context("there is no such format")?,
            output: output.map(PathBuf::from),
            python: python(typed.python)?,
        })
    }

    /// Whether its bytes are not for a terminal.
    pub fn is_binary(&self) -> bool {
        !matches!(self.form, "json" | "csv")
    }
}

impl FixtureOptions {
    pub fn new(typed: cli::FixtureArgs) -> Result<FixtureOptions> {
        if typed.dir.is_empty() {
            bail!("an empty DIR is no folder\n\nhint: `.` is the current one");
        }
        if let Some(name) = &typed.name
            && (name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']))
        {
            bail!(
                "`--name {name}` cannot be the name of a file\n\nhint: give a plain name, without folder and suffix"
            );
        }
        Ok(FixtureOptions {
            wanted: Wanted::new(typed.entry, typed.folder)?,
            folder: PathBuf::from(typed.dir),
            name: typed.name,
            force: typed.force,
            python: python(typed.python)?,
        })
    }
}

/// The interpreter that was typed or is set, for a command given in the current folder.
fn python(typed: Option<OsString>) -> Result<Option<Python>> {
    let config = Config::read(Path::new(""));
    match config.complaint() {
        Some(complaint) => Err(Unclear(complaint).into()),
        None => Ok(Python::of(&config, typed)),
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
        let selection = Selection::new(typed.select)?;
        if !typed.all && selection == Selection::default() {
            bail!(
                "nothing said of what to remove, so nothing was removed\n\nhint: `devstash clear --all` removes every \
                 entry, `devstash clear --pattern TEXT` those with TEXT in their name"
            );
        }
        Ok(ClearOptions {
            cache_dir: existing_cache_dir(typed.folder)?,
            selection: (!typed.all).then_some(selection),
            pinned: typed.pinned,
            dry_run: typed.dry_run,
            yes: typed.yes,
        })
    }
}

/// What `devstash config` is to tell.
#[derive(Debug)]
pub struct ConfigOptions {
    pub config: Config,
    pub json: bool,
}

/// What `devstash man` is to make.
#[derive(Clone, Debug)]
pub struct ManOptions {
    pub command: Option<String>,
    /// Where to write all pages.
    pub folder: Option<PathBuf>,
}

/// A shell that completions are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    #[value(alias = "pwsh")]
    Powershell,
}

impl Shell {
    pub fn name(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
            Shell::Powershell => "powershell",
        }
    }
}

impl ConfigOptions {
    pub fn new(typed: cli::ConfigArgs) -> Result<ConfigOptions> {
        let folder = match &typed.script {
            Some(script) if !Path::new(script).exists() => {
                bail!("cannot find the script `{}`", shown(script))
            }
            Some(script) => folder_of(script),
            None => PathBuf::new(),
        };
        let mut config = Config::read(&folder);
        cache_dir(&mut config, typed.folder)?;
        Ok(ConfigOptions {
            config,
            json: typed.json,
        })
    }
}

impl Selection {
    fn new(typed: cli::SelectArgs) -> Result<Selection> {
        let named = |option: &str, text: Option<OsString>| match text {
            Some(text) if text.is_empty() => {
                bail!(
                    "an empty `--{option}` would mean every entry\n\nhint: `devstash clear --all` removes every entry; elsewhere leave it out"
                )
            }
            text => Ok(text),
        };
        Ok(Selection {
            pattern: named("pattern", typed.pattern)?,
            site: named("site", typed.site)?,
            expired: typed.expired,
            older: typed.older.map(|text| age("--older", &text)).transpose()?,
            larger: typed
                .larger
                .map(|text| size("--larger", &text))
                .transpose()?,
        })
    }
}

impl PinOptions {
    pub fn new(typed: cli::PinArgs, pin: bool) -> Result<PinOptions> {
        Ok(PinOptions {
            wanted: Wanted::new(typed.entry, typed.folder)?,
            pin,
        })
    }
}

impl GcOptions {
    pub fn new(typed: cli::GcArgs) -> Result<GcOptions> {
        let mut config = if typed.detached {
            Config::default() // the run has settled all of it
        } else {
            Config::read(Path::new(""))
        };
        let given = typed.limits;
        config.typed(Key::MaxSize, "--max-size", given.max_size.as_deref())?;
        config.typed(
            Key::MaxEntries,
            "--max-entries",
            given.max_entries.as_deref(),
        )?;
        config.typed(Key::MaxAge, "--max-age", given.max_age.as_deref())?;
        Ok(GcOptions {
            cache_dir: understood_cache_dir(&mut config, typed.folder)?,
            limits: limits(&config),
            dry_run: typed.dry_run,
            detached: typed.detached,
        })
    }
}

impl VerifyOptions {
    pub fn new(typed: cli::VerifyArgs) -> Result<VerifyOptions> {
        Ok(VerifyOptions {
            cache_dir: existing_cache_dir(typed.folder)?,
            selection: Selection::new(typed.select)?,
            remove: typed.remove,
            json: typed.json,
        })
    }
}

impl ManOptions {
    pub fn new(typed: cli::ManArgs) -> ManOptions {
        ManOptions {
            command: typed.command,
            folder: typed.folder.map(PathBuf::from),
        }
    }
}

/// The cache folder as a command would choose it, for completions: whatever is wrong with the settings.
pub fn folder_for(typed: Option<OsString>) -> PathBuf {
    let typed = cli::FolderArgs {
        cache_dir: typed.filter(|path| !path.is_empty()),
    };
    let found = cache_dir(&mut Config::read(Path::new("")), typed);
    found
        .ok()
        .flatten()
        .unwrap_or_else(|| PathBuf::from(NOWHERE))
}

fn limits(config: &Config) -> Limits {
    Limits {
        max_size: config.number(Key::MaxSize),
        max_entries: config.number(Key::MaxEntries),
        max_age: config.number(Key::MaxAge),
    }
}

fn age(flag: &str, text: &str) -> Result<Ttl> {
    Ttl::parse(text).with_context(|| format!("`{flag} {text}` makes no sense"))
}

fn size(flag: &str, text: &str) -> Result<u64> {
    parse_size(text).with_context(|| {
        format!("`{flag} {text}` makes no sense: write a number above zero and a unit, `K`, `M`, `G` or `T`: `500M`")
    })
}

/// An environment variable that says something: an empty one counts as unset.
pub fn variable(name: impl AsRef<OsStr>) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The cache folder that a command is to look into.
fn existing_cache_dir(typed: cli::FolderArgs) -> Result<PathBuf> {
    understood_cache_dir(&mut Config::read(Path::new("")), typed)
}

/// The same, where all of the configuration could be understood.
fn understood_cache_dir(config: &mut Config, typed: cli::FolderArgs) -> Result<PathBuf> {
    let folder = cache_dir(config, typed)?;
    if let Some(complaint) = config.complaint() {
        return Err(Unclear(complaint).into());
    }
    folder.context("the current folder is gone\n\nhint: name one with `--cache-dir`")
}

/// The configuration could not be understood; the message is whole, with its places.
#[derive(Debug)]
pub struct Unclear(pub String);

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unclear {}

/// The folder that was typed, or that is set, or the default one, absolute: a script that changes its folder must not
/// move its cache.
///
/// `None` when it would be relative to a current folder that is gone.
fn cache_dir(config: &mut Config, typed: cli::FolderArgs) -> Result<Option<PathBuf>> {
    if typed.cache_dir.as_ref().is_some_and(|path| path.is_empty()) {
        bail!("`--cache-dir` is empty\n\nhint: leave it out to use `./{DEFAULT_CACHE_DIR}`");
    }
    config.typed(Key::CacheDir, "--cache-dir", typed.cache_dir.as_deref())?;
    let folder = match config.path(Key::CacheDir) {
        Some(path) => path.to_owned(),
        None => config.here().join(DEFAULT_CACHE_DIR),
    };
    Ok(Some(folder).filter(|path| path.is_absolute()))
}

/// The folder in which a script lies behind all symbolic links; empty for one without a folder.
fn folder_of(script: &OsStr) -> PathBuf {
    let real = fs::canonicalize(script).unwrap_or_else(|_| PathBuf::from(script));
    real.parent().map(Path::to_owned).unwrap_or_default()
}
