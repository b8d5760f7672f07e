//! Command line in, what was typed out: spelling and help of every command and option.
//!
//! What the words mean is `options`' business. The one subtle thing here is where `run`'s own options end: at the
//! script's name. All that follows belongs to the script, whatever it looks like, so the line is cut there before
//! clap sees it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::options::Shell;
use crate::shown::{is_harmful, shown};

const EXAMPLES: &str = "\
Examples:
  devstash run analyse.py --input data.csv     run a script, keep what its marked calls return
  devstash run --refresh analyse.py            run every marked call again and keep the new results
  devstash run --verify analyse.py             do its marked calls give again what is kept?
  devstash run --python .venv/bin/python s.py  choose the interpreter
  devstash check analyse.py                    are its markers right?
  devstash list                                what is kept, how old, how big
  devstash list --ttl 1d                       what would have expired with `ttl=1d`
  devstash show analyse.py:12                  all that is known of what line 12 has kept
  devstash why analyse.py                      why did its marked lines run again?
  devstash stats                               what was saved
  devstash clear --pattern 'requests*'         remove some of it
  devstash clear --all                         remove all of it
  devstash config                              what is set, and where
  devstash gc --max-size 2G                    make room: remove what is least worth keeping
  devstash verify                              is all of it in order?

In the script, the comment marks the slow line:
  answer = ask(model, question)  # @devstash ttl=1d";

const RUN_ABOUT: &str = "Run a Python script; its marked calls run only when they have to";

const RUN_USAGE: &str = "devstash run [OPTIONS] <SCRIPT> [ARGS]...";

const RUN_EXAMPLES: &str = "\
Everything from the script's name on is the script's own: `devstash run s.py --help` shows the script's help.

The interpreter is, in this order: --python, $DEVSTASH_PYTHON, the active environment ($VIRTUAL_ENV, $CONDA_PREFIX), \
the nearest .venv from the script's folder upward, then python3 or python on $PATH.

Python's -q, -v and -x are not passed on (-q and -v are devstash's; use PYTHONVERBOSE=1 for Python's -v).

Examples:
  devstash run analyse.py --input data.csv
  devstash run -v --cache-dir /tmp/kept analyse.py
  devstash run --refresh=ask analyse.py               the calls with `ask` in their name again
  devstash run --verify=10% analyse.py                compare a tenth of the hits with what their calls give
  devstash run --offline analyse.py                   never run a marked call
  devstash run -u -X dev -W error analyse.py
  DEVSTASH_SKIP_REWRITE=1 devstash run analyse.py     the script as plain Python runs it";

const ENTRY: &str = "\
ENTRY is the name of an entry's file, with or without `.pkl`, or a path to it; a part of that name, or of the marker's \
`name=`, that no other entry has; or the place of the marked line, as in `analyse.py:12`, for the newest entry that was \
made there.";

const SHOW_EXAMPLES: &str = "\
Examples:
  devstash show analyse.py:12              the newest entry of this line
  devstash show summarise                  the entry with this in its name
  devstash show --json summarise           the same for programs
  devstash show --output analyse.py:12     what the call printed, if it was recorded";

const WHAT: &str = "\
WHAT is a script, for all its marked lines; one marked line, as in `analyse.py:12`; or the name of an entry, a part of it, \
or a marker's `name=`. It is about the last run.";

const WHY_EXAMPLES: &str = "\
Examples:
  devstash why analyse.py            one line for each marked line
  devstash why -v analyse.py:12      all that differs from the nearest earlier entry
  devstash run --explain analyse.py  the same while it runs";

const PATH_EXAMPLES: &str = "\
Examples:
  devstash path analyse.py:12
  cp \"$(devstash path summarise)\" /tmp/
  python -m pickle \"$(devstash path summarise)\"     look at the value";

const STATS_EXAMPLES: &str = "\
Examples:
  devstash stats                           what was saved, by day and by marked line
  devstash stats --days 7                  the same for a week
  devstash stats --json | jq .saved        seconds";

const CHECK_EXAMPLES: &str = "\
Examples:
  devstash check analyse.py
  devstash check src/*.py && echo fine";

const CONFIG_EXAMPLES: &str = "\
Settings are looked for in the project ([tool.devstash] in pyproject.toml), in your own file \
(~/.config/devstash/config.toml) and in DEVSTASH_* variables.

Examples:
  devstash config                     as seen from the current folder
  devstash config src/analyse.py      for a run of this script
  devstash config --json              for programs";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  source <(devstash completions bash)                                              in ~/.bashrc
  source <(devstash completions zsh)                                               in ~/.zshrc
  devstash completions fish > ~/.config/fish/completions/devstash.fish
  devstash completions powershell | Out-String | Invoke-Expression                 in $PROFILE";

const MAN_EXAMPLES: &str = "\
Examples:
  devstash man | man -l -
  devstash man run | man -l -
  devstash man --folder ~/.local/share/man/man1";

const EXPORT_EXAMPLES: &str = "\
The entry is checked to be yours, and then unpickled by the interpreter that `devstash run` would take here.

Examples:
  devstash export analyse.py:12 --to json
  devstash export analyse.py:12 --to csv -o table.csv
  devstash export summarise --to npy --python .venv/bin/python -o array.npy";

const FIXTURE_EXAMPLES: &str = "\
Makes DIR/NAME.pkl, which `pickle.load` opens without devstash, and DIR/NAME.txt, which says what it is and where it \
came from. NAME is the marker's `name=` or the name of what was called.

Examples:
  devstash fixture analyse.py:12 tests/data/
  devstash fixture summarise tests/data/ --name short_summary";

/// What a value can be exported to.
pub const FORMS: [&str; 5] = ["json", "npy", "csv", "parquet", "pkl"];

const LIST_EXAMPLES: &str = "\
Selectors combine: an entry has to be meant by each of them.

Examples:
  devstash list --sort saved               what has saved most comes last
  devstash list --site analyse.py:12       what line 12 has kept
  devstash list --ttl 1d --expired         what would have expired with `ttl=1d`
  devstash list --older 1w --larger 100M   what is both old and large";

const CLEAR_EXAMPLES: &str = "\
Selectors combine: an entry has to be meant by each of them. On a terminal, removing the entries of more than one marked \
line has to be confirmed; --all and --yes do without.

Examples:
  devstash clear --site analyse.py:12      what line 12 has kept
  devstash clear --expired                 what is not valid any more
  devstash clear --older 1w --larger 100M  what is both old and large
  devstash clear --all                     everything but what is pinned";

const PIN_EXAMPLES: &str = "\
Examples:
  devstash pin analyse.py:12               the newest entry of this line
  devstash pin summarise";

const UNPIN_EXAMPLES: &str = "\
Examples:
  devstash unpin analyse.py:12
  devstash unpin summarise";

const GC_EXAMPLES: &str = "\
Without a limit only leftovers go: drafts and locks of killed runs, contents of files that no entry needs. Limits also \
come from $DEVSTASH_MAX_SIZE, $DEVSTASH_MAX_ENTRIES and $DEVSTASH_MAX_AGE, and are then kept after each run.

Examples:
  devstash gc --max-size 2G
  devstash gc --max-entries 1000 --max-age 30d --dry-run";

const VERIFY_EXAMPLES: &str = "\
Examples:
  devstash verify                          all of it
  devstash verify --site analyse.py        what this script has kept
  devstash verify --remove                 remove what is not in order";

const PYTHON_FLAGS: &str = "Python's own flags, passed on";

/// Mark a slow or expensive line of a Python script with a comment and never wait for it again
#[derive(Debug, Parser)]
#[command(name = "devstash", version, after_help = EXAMPLES, disable_help_subcommand = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(about = RUN_ABOUT, after_help = RUN_EXAMPLES, override_usage = RUN_USAGE)]
    Run(Box<RunArgs>),
    /// Report markers and settings that cannot work, without running anything
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// List what is kept, how old and how big it is, and what it has saved
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArgs),
    /// Show all that is known of an entry
    #[command(after_help = format!("{ENTRY}\n\n{SHOW_EXAMPLES}"))]
    Show(ShowArgs),
    /// Print where the file of an entry is
    #[command(after_help = format!("{ENTRY}\n\n{PATH_EXAMPLES}"))]
    Path(PathArgs),
    /// Say why marked calls ran again, or did not
    #[command(after_help = format!("{WHAT}\n\n{WHY_EXAMPLES}"))]
    Why(WhyArgs),
    /// Tell what marked calls have saved: time, and tokens of language models
    #[command(after_help = STATS_EXAMPLES)]
    Stats(StatsArgs),
    /// Write the value of an entry in another format, by your Python
    #[command(after_help = format!("{ENTRY}\n\n{EXPORT_EXAMPLES}"))]
    Export(ExportArgs),
    /// Copy the value of an entry as a plain pickle for tests
    #[command(after_help = format!("{ENTRY}\n\n{FIXTURE_EXAMPLES}"))]
    Fixture(FixtureArgs),
    /// Remove what is kept
    #[command(after_help = CLEAR_EXAMPLES)]
    Clear(ClearArgs),
    /// Print every setting and where it comes from
    #[command(after_help = CONFIG_EXAMPLES)]
    Config(ConfigArgs),
    /// Print what makes a shell complete devstash's commands, options, entries and marked lines
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArgs),
    /// Print the manual page of devstash or of a command, or write all of them into a folder
    #[command(after_help = MAN_EXAMPLES)]
    Man(ManArgs),
    /// Keep an entry for good, whatever has to make room
    #[command(after_help = format!("{ENTRY}\n\n{PIN_EXAMPLES}"))]
    Pin(PinArgs),
    /// Let a pinned entry go when room is needed
    #[command(after_help = format!("{ENTRY}\n\n{UNPIN_EXAMPLES}"))]
    Unpin(PinArgs),
    /// Make room: remove what is least worth keeping until the limits are kept, and what nobody needs
    #[command(after_help = GC_EXAMPLES)]
    Gc(GcArgs),
    /// Check every entry whole: structure, checksums, signature, contents of files
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// The Python script to run
    #[arg(value_name = "SCRIPT", required = true)]
    pub script: OsString,

    /// The script's own arguments, passed on as they are
    #[arg(value_name = "ARGS")]
    pub args: Vec<OsString>,

    /// The interpreter: a path, or a name on $PATH [env: DEVSTASH_PYTHON]
    #[arg(long, value_name = "PYTHON")]
    pub python: Option<OsString>,

    #[command(flatten)]
    pub folder: FolderArgs,

    /// Run marked calls again and keep the new results: every one, or those that PATTERN means
    ///
    /// PATTERN is a part of what is called or of the marker's `name=`, a glob for the whole of it when it has `*`, `?`
    /// or `[`, or the place of the marked line, as in `analyse.py:12`.
    #[arg(
        long,
        value_name = "PATTERN",
        num_args = 0..=1,
        require_equals = true,
        overrides_with = "refresh",
        conflicts_with = "no_cache"
    )]
    pub refresh: Option<Option<OsString>>,

    /// Run the calls of hits as well, or of that share of them, and compare: exit status 3 if one differs
    ///
    /// The hits of a share such as `10%` are chosen at random, each for itself.
    #[arg(
        long,
        value_name = "SHARE",
        num_args = 0..=1,
        require_equals = true,
        overrides_with = "verify",
        conflicts_with = "no_cache"
    )]
    pub verify: Option<Option<OsString>>,

    /// Run no marked call: serve what is kept, however old, and end with status 5 where nothing is
    #[arg(long, overrides_with = "offline", conflicts_with_all = ["refresh", "verify", "no_cache"])]
    pub offline: bool,

    /// Run every marked call and keep nothing
    #[arg(long, overrides_with = "no_cache")]
    pub no_cache: bool,

    /// Keep with every new entry what its call prints, also where no marker says `replay`
    #[arg(long, overrides_with = "record", conflicts_with = "no_cache")]
    pub record: bool,

    /// How long results stay valid where the marker does not say it (30s, 15m, 6h, 7d, 2w) [env: DEVSTASH_TTL]
    #[arg(long, value_name = "AGE")]
    pub ttl: Option<OsString>,

    /// Say at the end what the marked calls came to: on a terminal only, always or never
    #[arg(long, value_name = "auto|always|never", overrides_with = "summary")]
    pub summary: Option<OsString>,

    /// Say of each marked call, while the script runs, whether it ran and what has changed
    #[arg(long, overrides_with = "explain", conflicts_with_all = ["no_cache", "quiet"])]
    pub explain: bool,

    /// Say nothing but errors
    #[arg(short, long, overrides_with = "quiet", conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say of each marked call whether it ran, and why
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    #[command(flatten)]
    python_flags: PythonFlags,

    /// Python's own flags as they were typed, clusters taken apart, in their order; filled in by [`parse`].
    #[arg(skip)]
    pub flags: Vec<OsString>,
}

/// Declared for help and for clap's checks; what was typed, in its order, is in [`RunArgs::flags`].
#[derive(Debug, Args)]
#[command(next_help_heading = PYTHON_FLAGS)]
struct PythonFlags {
    /// Unbuffered stdout and stderr
    #[arg(short = 'u', overrides_with = "unbuffered")]
    unbuffered: bool,
    /// Optimise: without asserts; -OO: without docstrings too
    #[arg(short = 'O', overrides_with = "optimise")]
    optimise: bool,
    /// Write no byte-code for imported modules
    #[arg(short = 'B', overrides_with = "no_bytecode")]
    no_bytecode: bool,
    /// Warn about str(bytes) and the like; -bb: raise
    #[arg(short = 'b', overrides_with = "bytes_warning")]
    bytes_warning: bool,
    /// Parser debugging
    #[arg(short = 'd', overrides_with = "parser_debug")]
    parser_debug: bool,
    /// Ignore the PYTHON* environment variables
    #[arg(short = 'E', overrides_with = "ignore_environment")]
    ignore_environment: bool,
    /// Go on interactively after the script
    #[arg(short = 'i', overrides_with = "inspect")]
    inspect: bool,
    /// Isolated: -E and -s, and without the script's folder in sys.path
    #[arg(short = 'I', overrides_with = "isolated")]
    isolated: bool,
    /// Without the user's site-packages
    #[arg(short = 's', overrides_with = "no_user_site")]
    no_user_site: bool,
    /// Without `import site`
    #[arg(short = 'S', overrides_with = "no_site")]
    no_site: bool,
    /// Without the script's folder in sys.path (Python 3.11 and later)
    #[arg(short = 'P', overrides_with = "safe_path")]
    safe_path: bool,
    /// Implementation-specific option, such as `-X dev`
    #[arg(short = 'X', value_name = "OPT", allow_hyphen_values = true)]
    implementation: Vec<OsString>,
    /// Warning control, such as `-W error`
    #[arg(short = 'W', value_name = "ARG", allow_hyphen_values = true)]
    warnings: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct FolderArgs {
    /// Where results are kept [env: DEVSTASH_CACHE_DIR] [default: ./.devstash_cache]
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<OsString>,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The Python scripts to look at
    #[arg(value_name = "SCRIPT", required = true)]
    pub scripts: Vec<OsString>,

    /// As a JSON object, for programs
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Judge every entry by this age (30s, 15m, 6h, 7d, 2w) instead of by its own marker's
    #[arg(long, value_name = "AGE")]
    pub ttl: Option<String>,

    #[command(flatten)]
    pub select: SelectArgs,

    /// What comes last: the newest, the largest, what saved most, what was used last, or the last of the alphabet
    #[arg(long, value_enum, value_name = "BY")]
    pub sort: Option<SortBy>,

    /// As a JSON object, for programs
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub folder: FolderArgs,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum SortBy {
    Age,
    Size,
    Saved,
    Used,
    Name,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The entry: its name or a part of it, a path, a marker's `name=`, or SCRIPT:LINE
    #[arg(value_name = "ENTRY", required = true)]
    pub entry: OsString,

    /// As a JSON object, for programs
    #[arg(long, conflicts_with = "output")]
    pub json: bool,

    /// Print what the call has printed to stdout, and nothing else
    #[arg(long)]
    pub output: bool,

    #[command(flatten)]
    pub folder: FolderArgs,
}

#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The script, a marked line of it as SCRIPT:LINE, or an entry's name or a part of it
    #[arg(value_name = "WHAT", required = true)]
    pub what: OsString,

    /// Say all that differs
    #[arg(short, long, overrides_with = "verbose")]
    pub verbose: bool,

    /// As a JSON object, for programs
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub folder: FolderArgs,
}

#[derive(Debug, Args)]
pub struct PathArgs {
    /// The entry: its name or a part of it, a path, a marker's `name=`, or SCRIPT:LINE
    #[arg(value_name = "ENTRY", required = true)]
    pub entry: OsString,

    #[command(flatten)]
    pub folder: FolderArgs,
}

/// Which entries a command is about.
#[derive(Debug, Args)]
#[group(multiple = true)]
pub struct SelectArgs {
    /// Entries whose file name or `name=` contains this text, or matches it when it has `*`, `?` or `[`
    #[arg(long, value_name = "PATTERN")]
    pub pattern: Option<OsString>,

    /// Entries of this script, or of the marked statement in this line of it
    #[arg(long, value_name = "SCRIPT[:LINE]")]
    pub site: Option<OsString>,

    /// Entries that are not valid any more, by the TTL of their marker
    #[arg(long)]
    pub expired: bool,

    /// Entries that were made longer ago (30m, 2d, 1w)
    #[arg(long, value_name = "AGE")]
    pub older: Option<String>,

    /// Entries whose file is larger (500K, 10M, 1.5G)
    #[arg(long, value_name = "SIZE")]
    pub larger: Option<String>,
}

#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Only what happened today and on the days before, N in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub days: Option<u32>,

    /// As a JSON object, for programs
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub folder: FolderArgs,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The entry: its name or a part of it, a path, a marker's `name=`, or SCRIPT:LINE
    #[arg(value_name = "ENTRY", required = true)]
    pub entry: OsString,

    /// The format
    #[arg(long, value_name = "FORMAT", required = true, value_parser = FORMS)]
    pub to: String,

    /// Where it goes instead of to stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<OsString>,

    /// The interpreter: a path, or a name on $PATH [env: DEVSTASH_PYTHON]
    #[arg(long, value_name = "PYTHON")]
    pub python: Option<OsString>,

    #[command(flatten)]
    pub folder: FolderArgs,
}

#[derive(Debug, Args)]
pub struct FixtureArgs {
    /// The entry: its name or a part of it, a path, a marker's `name=`, or SCRIPT:LINE
    #[arg(value_name = "ENTRY", required = true)]
    pub entry: OsString,

    /// The folder that it goes into; made if it is not there
    #[arg(value_name = "DIR", required = true)]
    pub dir: OsString,

    /// What the files are called
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Replace files of these names with other contents
    #[arg(long)]
    pub force: bool,

    /// The interpreter: a path, or a name on $PATH [env: DEVSTASH_PYTHON]
    #[arg(long, value_name = "PYTHON")]
    pub python: Option<OsString>,

    #[command(flatten)]
    pub folder: FolderArgs,
}

#[derive(Debug, Args)]
pub struct ClearArgs {
    /// Remove every entry
    #[arg(long, conflicts_with = "SelectArgs")]
    pub all: bool,

    #[command(flatten)]
    pub select: SelectArgs,

    /// Pinned entries, too
    #[arg(long)]
    pub pinned: bool,

    /// Only show what would be removed
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,

    #[command(flatten)]
    pub folder: FolderArgs,
}

#[derive(Debug, Args)]
pub struct PinArgs {
    /// The entry: its name or a part of it, a path, a marker's `name=`, or SCRIPT:LINE
    #[arg(value_name = "ENTRY", required = true)]
    pub entry: OsString,

    #[command(flatten)]
    pub folder: FolderArgs,
}

/// How much may be kept.
#[derive(Debug, Default, Args)]
pub struct LimitArgs {
    /// Keep no more bytes than this (500M, 2G) [env: DEVSTASH_MAX_SIZE]
    #[arg(long, value_name = "SIZE")]
    pub max_size: Option<OsString>,

    /// Keep no more entries than this [env: DEVSTASH_MAX_ENTRIES]
    #[arg(long, value_name = "N")]
    pub max_entries: Option<OsString>,

    /// Keep nothing that has not been used for so long (12h, 30d) [env: DEVSTASH_MAX_AGE]
    #[arg(long, value_name = "AGE")]
    pub max_age: Option<OsString>,
}

#[derive(Debug, Args)]
pub struct GcArgs {
    #[command(flatten)]
    pub limits: LimitArgs,

    /// Only show what would be removed
    #[arg(long)]
    pub dry_run: bool,

    /// As a run starts it at its end: with these limits alone, in the background
    #[arg(long, hide = true)]
    pub detached: bool,

    #[command(flatten)]
    pub folder: FolderArgs,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub select: SelectArgs,

    /// Remove the entries that are not in order
    #[arg(long)]
    pub remove: bool,

    /// As a JSON object, for programs
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub folder: FolderArgs,
}

#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The settings for a run of this script; without it, those for commands in the current folder
    #[arg(value_name = "SCRIPT")]
    pub script: Option<OsString>,

    /// As a JSON object, for programs
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub folder: FolderArgs,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", required = true)]
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command
    #[arg(value_name = "COMMAND", conflicts_with = "folder")]
    pub command: Option<String>,

    /// Write the pages of devstash and all its commands into this folder
    #[arg(long, value_name = "DIR")]
    pub folder: Option<OsString>,
}

/// All declarations: for completions and manual pages.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Whether the word at `index` of a line belongs to the script that `devstash run` is to run, or is its argument.
pub fn is_of_script(line: &[OsString], index: usize) -> bool {
    if line.get(1).is_none_or(|word| word != "run") {
        return false;
    }
    let mut run = run_command();
    run.build();
    let words = line.get(2..index).unwrap_or_default();
    // A script among the words before this one.
    Scan::of(&run, words).script < words.len()
}

/// What was typed, or what clap has to say about it (help and version count as errors there).
pub fn parse(line: Vec<OsString>) -> Result<Cli, clap::Error> {
    if line.get(1).is_some_and(|word| word == "run") {
        return parse_run(line);
    }
    let script = line.get(1).cloned().unwrap_or_default();
    let matches = Cli::command()
        .try_get_matches_from(line)
        .map_err(|said| harmless(advised(said, &script)))?;
    Cli::from_arg_matches(&matches)
}

/// The same for `devstash run`, which is asked for more often than all others: it does without their declarations.
fn parse_run(mut line: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut command = run_command();
    command.build();
    line.remove(0);
    let scan = Scan::of(&command, &line[1..]);
    // After `--` clap takes every word as it is. Without a script it is left to say what is missing.
    if 1 + scan.script < line.len() {
        line.splice(1 + scan.own..1 + scan.script, [OsString::from("--")]);
    }
    let matches = command.try_get_matches_from_mut(line).map_err(harmless)?;
    let mut run = RunArgs::from_arg_matches(&matches)?;
    run.flags = scan.flags;
    let command = Command::Run(Box::new(run));
    Ok(Cli { command })
}

/// The declaration of `run` alone.
fn run_command() -> clap::Command {
    RunArgs::augment_args(clap::Command::new("run"))
        .bin_name("devstash run")
        .about(RUN_ABOUT)
        .after_help(RUN_EXAMPLES)
        .override_usage(RUN_USAGE)
}

/// `said`, with the way out for who forgot the word `run`.
fn advised(mut said: clap::Error, word: &OsStr) -> clap::Error {
    if said.kind() == ErrorKind::InvalidSubcommand && Path::new(word).is_file() {
        let tip = format!("to run a script: devstash run {}", shown(word));
        said.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![tip.into()]),
        );
    }
    said
}

/// `said`, with what was typed in it shown harmlessly: a glob may have put the name of somebody's file there.
fn harmless(mut said: clap::Error) -> clap::Error {
    let typed: Vec<_> = said
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) if text.contains(is_harmful) => {
                Some((kind, shown(OsStr::new(text)).into_owned()))
            }
            _ => None,
        })
        .collect();
    for (kind, text) in typed {
        said.insert(kind, ContextValue::String(text));
    }
    said
}

/// The words behind `run`, looked at only as far as is needed to find the script's name.
#[derive(Debug, Default)]
struct Scan {
    /// How many words are options and their values.
    own: usize,
    /// Where the script's name stands; one more than `own` when the user wrote `--` before it.
    script: usize,
    /// Python's own flags among the options.
    flags: Vec<OsString>,
}

impl Scan {
    fn of(run: &clap::Command, words: &[OsString]) -> Scan {
        let mut scan = Scan::default();
        while let Some(word) = words.get(scan.own) {
            let bytes = word.as_bytes();
            if bytes == b"--" {
                scan.script = scan.own + 1;
                return scan;
            }
            // A lone `-` is a script's name: standard input.
            if bytes == b"-" || bytes.first() != Some(&b'-') {
                break;
            }
            scan.own += 1;
            let wants_value = match bytes.strip_prefix(b"--") {
                Some(long) => wants_value(run, long),
                None => scan.cluster(run, &bytes[1..], words.get(scan.own)),
            };
            if wants_value && scan.own < words.len() {
                scan.own += 1;
            }
        }
        scan.script = scan.own;
        scan
    }

    /// Go through the letters of `-uOX`; whether the next word is the value of the last of them.
    fn cluster(&mut self, run: &clap::Command, letters: &[u8], next: Option<&OsString>) -> bool {
        for (place, letter) in letters.iter().enumerate() {
            let Some(argument) = run
                .get_arguments()
                .find(|a| a.get_short() == Some(char::from(*letter)))
            else {
                return false; // clap will say that there is no such option
            };
            let takes_value = argument.get_action().takes_values();
            if argument.get_help_heading() == Some(PYTHON_FLAGS) {
                let last = if takes_value {
                    letters.len()
                } else {
                    place + 1
                };
                self.flags
                    .push(OsString::from_vec([b"-", &letters[place..last]].concat()));
            }
            if takes_value {
                let attached = place + 1 < letters.len();
                if !attached && argument.get_help_heading() == Some(PYTHON_FLAGS) {
                    self.flags.extend(next.cloned());
                }
                return !attached;
            }
        }
        false
    }
}

fn wants_value(run: &clap::Command, long: &[u8]) -> bool {
    let named = |argument: &&clap::Arg| {
        argument
            .get_long()
            .is_some_and(|name| OsStr::new(name).as_bytes() == long)
    };
    // `--refresh s.py`: a value that has to be attached is never the next word.
    run.get_arguments().find(named).is_some_and(|argument| {
        argument.get_action().takes_values() && !argument.is_require_equals_set()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> RunArgs {
        let line = ["devstash", "run"]
            .iter()
            .chain(words)
            .map(OsString::from)
            .collect();
        match parse(line).unwrap().command {
            Command::Run(run) => *run,
            other => panic!("{other:?}"),
        }
    }

    fn refused(words: &[&str]) -> String {
        let line = ["devstash", "run"]
            .iter()
            .chain(words)
            .map(OsString::from)
            .collect();
        parse(line).unwrap_err().to_string()
    }

    #[test]
    fn clap_finds_no_fault_with_the_declarations() {
        Cli::command().debug_assert();
    }

    #[test]
    fn everything_behind_the_script_is_the_scripts() {
        let tail = [
            "--ttl", "-h", "--", "", "-v", "--help", "run", "--python", "-",
        ];
        let words: Vec<&str> = ["-q", "s.py"].into_iter().chain(tail).collect();
        let run = run(&words);
        assert!(run.quiet && run.verbose == 0 && run.python.is_none());
        assert_eq!(run.script, "s.py");
        assert_eq!(run.args, tail);
    }

    #[test]
    fn the_script_is_the_first_word_that_is_no_option() {
        let case = |words: &[&str], script: &str, args: &[&str]| {
            let run = run(words);
            assert_eq!(
                (run.script.to_str().unwrap(), &run.args),
                (script, &args.iter().map(OsString::from).collect())
            );
        };
        case(&["--python", "s.py", "t.py", "x"], "t.py", &["x"]);
        case(&["--python=p", "t.py"], "t.py", &[]);
        case(&["-X", "dev", "t.py"], "t.py", &[]);
        case(&["-Xdev", "t.py", "-X"], "t.py", &["-X"]);
        case(&["-uX", "dev", "t.py"], "t.py", &[]);
        case(&["-W", "-x", "t.py"], "t.py", &[]);
        case(&["--", "-t.py", "--"], "-t.py", &["--"]);
        case(&["--", "--", "a"], "--", &["a"]);
        case(&["-", "a"], "-", &["a"]);
        case(&["", "a"], "", &["a"]);
        case(&["--refresh", "s.py", "a"], "s.py", &["a"]);
        case(&["--refresh=load", "s.py"], "s.py", &[]);
        case(&["--verify", "s.py"], "s.py", &[]);
        case(
            &["--verify=5%", "--refresh=", "s.py", "--offline"],
            "s.py",
            &["--offline"],
        );
    }

    #[test]
    fn what_may_have_a_value_has_the_last_one() {
        assert_eq!(run(&["s.py"]).refresh, None);
        assert_eq!(
            run(&["--refresh=a", "--refresh", "s.py"]).refresh,
            Some(None)
        );
        assert_eq!(
            run(&["--refresh", "--refresh=a*", "s.py"]).refresh,
            Some(Some("a*".into()))
        );
        assert_eq!(run(&["--verify", "s.py"]).verify, Some(None));
        assert_eq!(
            run(&["--verify=10%", "s.py"]).verify,
            Some(Some("10%".into()))
        );
    }

    #[test]
    fn python_flags_keep_their_order() {
        let case =
            |words: &[&str], flags: &[&str]| assert_eq!(run(words).flags, flags, "{words:?}");
        case(
            &[
                "-uO", "-Wignore", "-q", "-W", "error", "-Xdev", "s.py", "-B",
            ],
            &["-u", "-O", "-Wignore", "-W", "error", "-Xdev"],
        );
        case(&["-OO", "-bb", "s.py"], &["-O", "-O", "-b", "-b"]);
        case(
            &["-qOX", "dev", "-Pis", "s.py"],
            &["-O", "-X", "dev", "-P", "-i", "-s"],
        );
    }

    #[test]
    fn what_is_wrong_before_the_script_is_told() {
        assert!(refused(&["--refesh", "s.py"]).contains("--refresh"));
        assert!(refused(&["-x", "s.py"]).contains("'-x'"));
        assert!(refused(&["-u"]).contains("<SCRIPT>"));
        assert!(refused(&["-X"]).contains("-X"));
        assert!(refused(&["-q", "-v", "s.py"]).contains("cannot be used with"));
        for other in ["--refresh", "--refresh=a", "--verify", "--no-cache"] {
            assert!(refused(&["--offline", other, "s.py"]).contains("cannot be used with"));
        }
    }
}
