//! What a user typed in, the one entry that is meant out: for commands about one entry.
//!
//! What was typed can be an entry's name, a path to it, what its marker calls it, the place of its marked line, or a
//! part of its name. The first of these that is anything decides; what could mean several entries means none, and the
//! message says how to tell them apart.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{env, path};

use crate::duration;
use crate::entry::{self, Damage, Entry, Site};
use crate::exit::ExitStatus;
use crate::options::Wanted;
use crate::store::{NoStore, Store, is_entry_name, shown};

use super::earlier::stem;
use super::moment::Now;
use super::page::{columns, cut, width};
use super::pattern::means;
use super::place::Place;
use super::scan::{Row, scan, sites};
use super::suggest::{LIST, suggest};
use super::words::place;
use super::{empty, refused, status};

/// So many are shown of several.
const SHOWN: usize = 10;
/// With less room, it is not shown what they were given.
const GIVEN: usize = 10;
/// How wide messages are where there is no terminal.
const WIDTH: usize = 120;

/// An entry that was found, and what it says of itself.
#[derive(Debug)]
pub struct Picked {
    /// The folder that it lies in; absolute.
    pub folder: PathBuf,
    pub name: OsString,
    pub entry: Entry,
}

impl Picked {
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }
}

/// Why there is no such entry.
#[derive(Debug)]
pub enum NoPick {
    NoStore(NoStore),
    /// The cache has no entry at all.
    Empty(PathBuf),
    /// None is meant.
    Nothing {
        wanted: OsString,
        hint: String,
    },
    /// Several are meant: how many, and the newest of them.
    Several {
        wanted: OsString,
        count: usize,
        newest: Vec<Candidate>,
    },
    /// It is there and cannot be read as an entry.
    Damaged {
        name: OsString,
        damage: Damage,
    },
    /// The cache folder cannot be read.
    Unreadable(io::Error),
}

/// One of several entries, in columns.
#[derive(Debug)]
pub struct Candidate {
    name: String,
    /// Its site, or what is wrong with it.
    site: String,
    age: String,
    /// What it was given.
    given: String,
}

impl NoPick {
    pub fn status(&self) -> ExitStatus {
        match self {
            NoPick::NoStore(trouble) => status(trouble),
            NoPick::Empty(_) | NoPick::Nothing { .. } => ExitStatus::NothingMatched,
            NoPick::Several { .. } => ExitStatus::Usage,
            // Nothing that this devstash has made, or could have.
            NoPick::Damaged {
                damage: Damage::NotAFile | Damage::FutureFormat(_),
                ..
            } => ExitStatus::NothingMatched,
            NoPick::Damaged { .. } | NoPick::Unreadable(_) => ExitStatus::Trouble,
        }
    }
}

impl fmt::Display for NoPick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoPick::NoStore(trouble) => f.write_str(&refused(trouble)),
            NoPick::Empty(folder) => f.write_str(&empty(folder)),
            NoPick::Nothing { wanted, hint } => write!(
                f,
                "no cached entry matches `{}`\n\nhint: {hint}",
                shown(wanted)
            ),
            NoPick::Several {
                wanted,
                count,
                newest,
            } => {
                writeln!(f, "`{}` matches {count} cached entries\n", shown(wanted))?;
                let most = |text: fn(&Candidate) -> &str| {
                    newest
                        .iter()
                        .map(|one| columns(text(one)))
                        .max()
                        .unwrap_or(0)
                };
                let (name, site, age) = (
                    most(|one| &one.name),
                    most(|one| &one.site),
                    most(|one| &one.age),
                );
                let full = width(io::stderr().is_terminal().then(io::stderr)).unwrap_or(WIDTH);
                for one in newest {
                    let pad = |text: &str, width: usize| " ".repeat(width - columns(text));
                    write!(
                        f,
                        "  {}{}  {}{}  {}{}",
                        one.name,
                        pad(&one.name, name),
                        one.site,
                        pad(&one.site, site),
                        pad(&one.age, age),
                        one.age
                    )?;
                    // What was given is a help; the rest has to be there.
                    let room = full.saturating_sub(2 + name + 2 + site + 2 + age + 2);
                    if room >= GIVEN && !one.given.is_empty() {
                        write!(f, "  {}", cut(&one.given, room))?;
                    }
                    writeln!(f)?;
                }
                if *count > newest.len() {
                    writeln!(f, "  and {} more", count - newest.len())?;
                }
                write!(
                    f,
                    "\nhint: use the name of one, or a part of it that no other has"
                )
            }
            NoPick::Damaged { name, damage } => {
                write!(f, "cannot read the entry `{}`: {damage}", shown(name))
            }
            NoPick::Unreadable(error) => write!(f, "cannot read the cache folder: {error}"),
        }
    }
}

impl std::error::Error for NoPick {}

impl From<io::Error> for NoPick {
    fn from(error: io::Error) -> NoPick {
        NoPick::Unreadable(error)
    }
}

/// The entry that is meant.
pub fn pick(wanted: &Wanted) -> Result<Picked, NoPick> {
    pick_or(wanted, Several::Refused)
}

/// The entry that is meant; the newest of several if all are of one site.
pub fn pick_site(wanted: &Wanted) -> Result<Picked, NoPick> {
    pick_or(wanted, Several::OfOneSite)
}

/// What becomes of several entries that are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Several {
    /// None is chosen.
    Refused,
    /// The newest is, if they are of one site.
    OfOneSite,
}

fn pick_or(wanted: &Wanted, several: Several) -> Result<Picked, NoPick> {
    let there = as_path(&wanted.entry);
    let at_path = |there: &Wanted| named(&there.cache_dir, &there.entry);
    if let Some(there) = &there
        && wanted.entry.as_bytes().contains(&b'/')
    {
        return at_path(there).unwrap_or_else(|| among(there, several));
    }
    match among(wanted, several) {
        // Who is in the folder itself has no cache below him.
        Err(none @ (NoPick::NoStore(_) | NoPick::Empty(_) | NoPick::Nothing { .. })) => {
            there.and_then(|there| at_path(&there)).unwrap_or(Err(none))
        }
        found => found,
    }
}

/// What was typed as a path to an entry, which stands for the name at its end in that folder.
fn as_path(typed: &OsStr) -> Option<Wanted> {
    let path = Path::new(typed);
    let name = path.file_name().filter(|name| !names(name).is_empty())?;
    let folder = match path.parent()? {
        here if here.as_os_str().is_empty() => env::current_dir(),
        folder => path::absolute(folder),
    };
    Some(Wanted {
        cache_dir: folder.ok()?,
        entry: name.to_owned(),
    })
}

/// The entry that is meant among those of the cache folder.
fn among(wanted: &Wanted, several: Several) -> Result<Picked, NoPick> {
    let store = Store::open(&wanted.cache_dir).map_err(NoPick::NoStore)?;
    if let Some(found) = named(&wanted.cache_dir, &wanted.entry) {
        return found;
    }
    let search = Search {
        store: &store,
        wanted,
        several,
    };
    search.run()?.unwrap_or_else(|| Err(search.nothing()))
}

/// The entry of this name, with or without `.pkl`, if something is there.
fn named(folder: &Path, name: &OsStr) -> Option<Result<Picked, NoPick>> {
    names(name)
        .into_iter()
        .find_map(|name| match read(folder, name) {
            Err(NoPick::Nothing { .. }) => None,
            found => Some(found),
        })
}

/// What the file of an entry can be called of which this was typed.
fn names(typed: &OsStr) -> Vec<OsString> {
    let mut longer = typed.to_owned();
    longer.push(".pkl");
    let both = [typed.to_owned(), longer].into_iter();
    both.filter(|name| is_entry_name(name) && !name.as_bytes().contains(&b'/'))
        .collect()
}

/// Reads the entry of exactly this name.
fn read(folder: &Path, name: OsString) -> Result<Picked, NoPick> {
    match entry::read(&folder.join(&name)) {
        Ok(entry) => Ok(Picked {
            folder: folder.to_owned(),
            name,
            entry,
        }),
        Err(Damage::Unreadable(error)) if is_absent(&error) => Err(NoPick::Nothing {
            wanted: name,
            hint: LIST.to_owned(),
        }),
        Err(damage) => Err(NoPick::Damaged { name, damage }),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    )
}

/// An entry among others: when it was made, and its name.
type Dated = (Option<i64>, OsString);

fn dated<T>(row: &Row<T>) -> Dated {
    (row.made(), row.name().to_owned())
}

/// Looking for what was typed in all entries.
struct Search<'s> {
    store: &'s Store,
    wanted: &'s Wanted,
    several: Several,
}

impl Search<'_> {
    /// What was found; None if nothing is meant.
    fn run(&self) -> Result<Option<Result<Picked, NoPick>>, NoPick> {
        let typed = &self.wanted.entry;
        let found = scan(self.store)?;
        if found.rows().next().is_none() {
            return Err(NoPick::Empty(self.wanted.cache_dir.clone()));
        }
        let called = |label: &str| OsStr::new(label) == typed;
        let labelled = found.rows().filter(|row| row.label().is_some_and(called));
        if let Some(found) = self.one_of(labelled.map(dated)) {
            return Ok(Some(found));
        }
        if let Some(place) = Place::of(typed) {
            let found = sites(self.store)?;
            let newest = place.newest(&found).into_iter();
            if let Some(found) = self.one_of(newest.map(dated)) {
                return Ok(Some(found));
            }
        }
        let meant = found.rows().filter(|row| means(typed, row));
        Ok(self.one_of(meant.map(dated)))
    }

    /// The one entry, or why there is none; None where there is nothing.
    fn one_of(&self, meant: impl Iterator<Item = Dated>) -> Option<Result<Picked, NoPick>> {
        let mut meant: Vec<Dated> = meant.collect();
        if let [_] = &*meant {
            return Some(read(&self.wanted.cache_dir, meant.remove(0).1));
        }
        if meant.is_empty() {
            return None;
        }
        meant.sort_unstable_by(|one, other| other.cmp(one));
        if self.several == Several::OfOneSite && self.are_of_one_site(&meant) {
            return Some(read(&self.wanted.cache_dir, meant.remove(0).1));
        }
        let now = Now::of(SystemTime::now());
        let newest = meant.iter().take(SHOWN);
        Some(Err(NoPick::Several {
            wanted: self.wanted.entry.clone(),
            count: meant.len(),
            newest: newest
                .map(|entry| candidate(&self.wanted.cache_dir, entry, now))
                .collect(),
        }))
    }

    /// Whether entries are of one script, and what is called there has one name. Their lines may have moved.
    fn are_of_one_site(&self, meant: &[Dated]) -> bool {
        let Ok(found) = sites(self.store) else {
            return false;
        };
        let meant: HashSet<&OsStr> = meant.iter().map(|(_, name)| &**name).collect();
        let rows = found.rows().filter(|row| meant.contains(row.name()));
        let mut known = rows.map(|row| {
            let site = row.read.as_ref().ok()?;
            let label = site.name.as_deref().filter(|label| !label.is_empty());
            // Without a label it is the callable, which the name begins with.
            let called = match label {
                Some(label) => label.as_bytes(),
                None => stem(row.name())?,
            };
            Some((site.file.as_deref()?, label.is_some(), called))
        });
        let first = known.next().flatten();
        first.is_some() && known.all(|site| site == first)
    }

    /// That nothing is meant, and what may have been.
    fn nothing(&self) -> NoPick {
        NoPick::Nothing {
            wanted: self.wanted.entry.clone(),
            hint: suggest(self.store, &self.wanted.entry),
        }
    }
}

fn candidate(folder: &Path, (made, name): &Dated, now: Now) -> Candidate {
    let age = made.map_or_else(|| "?".to_owned(), |made| age(now.age(made)));
    let (site, given) = match entry::read(&folder.join(name)) {
        Ok(entry) => {
            let manifest = entry.manifest;
            let given: Vec<String> = manifest
                .previews
                .iter()
                .filter(|(component, _)| is_given(component))
                .filter_map(|(component, preview)| {
                    let argument = component.strip_prefix("argument ").unwrap_or(component);
                    Some(format!("{argument}={}", preview.as_str()?))
                })
                .collect();
            let given = given.join(", ");
            (
                place_text(&manifest.site),
                shown(OsStr::new(&given)).into_owned(),
            )
        }
        Err(damage) => (damage.to_string(), String::new()),
    };
    Candidate {
        name: shown(name).into_owned(),
        site,
        age,
        given,
    }
}

/// Whether a component of a key is of what the call was given, by its arguments or its marker.
pub fn is_given(component: &str) -> bool {
    let kind = component.split(' ').next().unwrap_or_default();
    matches!(
        kind,
        "receiver" | "argument" | "link" | "key" | "env" | "files" | "version"
    )
}

fn age(seconds: u64) -> String {
    duration::age(Duration::from_secs(seconds))
}

fn place_text(site: &Site) -> String {
    place(site).unwrap_or_else(|| "?".to_owned())
}
