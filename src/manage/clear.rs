//! `devstash clear`: removes entries, and nothing that devstash has not made.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::io;

use anyhow::Context;

use crate::entry::{self, Damage};
use crate::exit::ExitStatus;
use crate::options::{ClearOptions, Selection};
use crate::store::{NoStore, Store, shown};

use super::answer;
use super::scan::{Row, scan};

/// Removes the selected entries, or with `dry_run` says which they are.
///
/// A pattern that matches nothing is told and ends with `NothingMatched`; clearing all of nothing is fine.
pub fn clear(options: &ClearOptions) -> anyhow::Result<ExitStatus> {
    let all = matches!(options.selection, Selection::All);
    let store = match Store::open(&options.cache_dir) {
        Ok(store) => store,
        Err(trouble) => {
            eprintln!("devstash: {trouble}");
            let fine = all && matches!(trouble, NoStore::Absent(_));
            return Ok(if fine {
                ExitStatus::Success
            } else {
                ExitStatus::NothingMatched
            });
        }
    };
    let status = if all && !options.dry_run && store.set_aside() {
        store.remove_drafts();
        cleared()
    } else {
        one_by_one(&store, options)
    };
    if !options.dry_run {
        store.sweep(); // also what an earlier `clear` has left
    }
    status
}

/// Removes, or tells, the selected entries.
fn one_by_one(store: &Store, options: &ClearOptions) -> anyhow::Result<ExitStatus> {
    let names = match &options.selection {
        Selection::All => store.names(),
        Selection::Pattern(pattern) => selected(store, pattern),
    };
    let names = names.context("cannot read the cache folder")?;
    if let Selection::Pattern(pattern) = &options.selection
        && names.is_empty()
    {
        eprintln!("devstash: no cached entry matches `{}`", shown(pattern));
        return Ok(ExitStatus::NothingMatched);
    }
    if options.dry_run {
        let mut text = String::new();
        for name in &names {
            let _ = writeln!(text, "{}", shown(name));
        }
        let _ = writeln!(text, "Would remove {} cache file(s).", names.len());
        answer(&text).context("cannot write to stdout")?;
        return Ok(ExitStatus::Success);
    }
    let removed = remove(store, &names)?;
    if let Some(needed) = needed_blobs(store)? {
        store
            .remove_blobs(&needed)
            .context("cannot remove the contents of files")?;
    }
    if matches!(options.selection, Selection::All) {
        store.remove_leftovers();
        return cleared();
    }
    answer(&format!("Removed {removed} cache file(s).\n")).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

fn cleared() -> anyhow::Result<ExitStatus> {
    answer("Cleared all cached entries.\n").context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// Removes the entries and says how many there were. One that cannot be removed does not keep the others.
fn remove(store: &Store, names: &[OsString]) -> anyhow::Result<usize> {
    let mut removed = 0;
    let mut trouble = Ok(());
    for name in names {
        match store.remove(name) {
            Ok(gone) => removed += usize::from(gone),
            Err(error) => {
                trouble = Err(error).with_context(|| format!("cannot remove `{}`", shown(name)))
            }
        }
    }
    trouble.map(|()| removed)
}

/// The digests of the blobs that the remaining entries need; None where an entry cannot be asked, or there are none.
fn needed_blobs(store: &Store) -> anyhow::Result<Option<HashSet<String>>> {
    let mut needed = HashSet::new();
    if store.blobs().is_empty() {
        return Ok(None); // which saves reading all entries to know that none goes
    }
    for name in store.names().context("cannot read the cache folder")? {
        match entry::read(&store.path(&name)) {
            Ok(entry) => needed.extend(entry.manifest.blobs().into_iter().map(str::to_owned)),
            // A folder with an entry's name needs nothing, and stays after `--all`.
            Err(Damage::NotAFile) => {}
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(needed))
}

/// The names of the entries that the pattern means by their names, or by what their markers call them; sorted.
fn selected(store: &Store, pattern: &OsStr) -> io::Result<Vec<OsString>> {
    let found = scan(store)?;
    let means = |row: &&Row| {
        let label = row
            .outline
            .as_ref()
            .ok()
            .and_then(|outline| outline.label.as_deref());
        selects(pattern, row.name()) || label.is_some_and(|label| selects(pattern, label.as_ref()))
    };
    let mut names: Vec<OsString> = found
        .rows()
        .filter(means)
        .map(|row| row.name().to_owned())
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// Whether the pattern means the entry of this name: a glob for the whole name when it has `*`, `?` or `[`, otherwise a
/// part of the name. An empty pattern means none, since it would mean all.
fn selects(pattern: &OsStr, name: &OsStr) -> bool {
    let (pattern, name) = (pattern.to_string_lossy(), name.to_string_lossy());
    if pattern.contains(['*', '?', '[']) {
        let signs = |text: &str| text.chars().collect::<Vec<_>>();
        glob(&signs(&pattern), &signs(&name))
    } else {
        !pattern.is_empty() && name.contains(&*pattern)
    }
}

/// Matches as shells do, but knows no slashes and no hidden files. A `[` that is never closed means itself.
fn glob(mut pattern: &[char], mut name: &[char]) -> bool {
    // Where to try again, one character further, when what follows the last star does not match.
    let mut star: Option<(&[char], &[char])> = None;
    loop {
        if let ['*', rest @ ..] = pattern {
            star = Some((rest, name));
            pattern = rest;
            continue;
        }
        match (one(pattern), name) {
            (None, []) => return true,
            (Some((matcher, rest)), [sign, others @ ..]) if matcher.matches(*sign) => {
                (pattern, name) = (rest, others);
                continue;
            }
            _ => {}
        }
        match star {
            Some((rest, [_, others @ ..])) => {
                star = Some((rest, others));
                (pattern, name) = (rest, others);
            }
            _ => return false,
        }
    }
}

/// What stands for one character in a pattern.
enum Matcher<'p> {
    Any,
    Sign(char),
    Set { of: &'p [char], negated: bool },
}

/// The first element of a pattern that does not begin with a star, and what follows it.
fn one(pattern: &[char]) -> Option<(Matcher<'_>, &[char])> {
    let (first, rest) = pattern.split_first()?;
    let matcher = match first {
        '?' => Matcher::Any,
        '[' => {
            let negated = matches!(rest.first(), Some('!' | '^'));
            let members = &rest[usize::from(negated)..];
            // A `]` that comes first is a member.
            if let Some(length) = members.iter().skip(1).position(|sign| *sign == ']') {
                let set = Matcher::Set {
                    of: &members[..=length],
                    negated,
                };
                return Some((set, &members[length + 2..]));
            }
            Matcher::Sign('[')
        }
        sign => Matcher::Sign(*sign),
    };
    Some((matcher, rest))
}

impl Matcher<'_> {
    fn matches(&self, sign: char) -> bool {
        match self {
            Matcher::Any => true,
            Matcher::Sign(own) => *own == sign,
            Matcher::Set { of, negated } => has(of, sign) != *negated,
        }
    }
}

/// Whether a set such as `a-z_` has the character.
fn has(mut set: &[char], sign: char) -> bool {
    loop {
        set = match set {
            [] => return false,
            [low, '-', high, rest @ ..] => {
                if (*low..=*high).contains(&sign) {
                    return true;
                }
                rest
            }
            [own, rest @ ..] => {
                if *own == sign {
                    return true;
                }
                rest
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_part_of_the_name_or_a_glob_for_all_of_it() {
        let name = "requests.api__get__0c4579007009458c.pkl";
        let case = |pattern: &str, selected| {
            assert_eq!(
                selects(OsStr::new(pattern), OsStr::new(name)),
                selected,
                "{pattern}"
            );
        };
        case(name, true);
        case("get", true);
        case("requests.api__", true);
        case("GET", false);
        case("", false);
        case("post", false);
        case("*", true);
        case("*get*", true);
        case("get*", false);
        case("requests.*", true);
        case("requests.*.pkl", true);
        case("requests.*.pk", false);
        case("requests?api__*", true);
        case("*__[0-9a-f]*.pkl", true);
        case("*__[!0]*", true);
        case("*__[!0]c4579007009458c.pkl", false);
        case("*__[^a]c4579007009458c.pkl", true);
        case("[r]*", true);
        case("[a-q]*", false);
        case("[]r]*", true);
        case("[", false);
        case("[r*", false);
        case("*[", false);
        case("**__*__**", true);
        case("?", false);
        case("*a*a*a*a*a*a*a*a*a*a*a*b", false);
    }

    #[test]
    fn a_pattern_may_hold_any_character() {
        assert!(selects(
            OsStr::new("*größe*"),
            OsStr::new("größe__f__0123456789abcdef.pkl")
        ));
        assert!(selects(
            OsStr::new("[ä-ü]*"),
            OsStr::new("ö__f__0123456789abcdef.pkl")
        ));
        assert!(selects(OsStr::new("a[b__"), OsStr::new("a[b__")));
    }
}
