//! The place of a marked statement, as a user types it: `script.py:42`. Entries of that place in, the newest out.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{self, Component, Path, PathBuf};

use crate::entry::Site;

use super::scan::{Row, Scan};

/// A script and a line of it, as typed.
pub struct Place {
    pub file: PathBuf,
    pub line: Option<u64>,
}

impl Place {
    /// `script.py:42`.
    pub fn of(typed: &OsStr) -> Option<Place> {
        let bytes = typed.as_bytes();
        let colon = bytes.iter().rposition(|byte| *byte == b':')?;
        let line = std::str::from_utf8(&bytes[colon + 1..]).ok()?;
        let digits = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
        (digits && colon > 0).then(|| Place {
            file: PathBuf::from(replaced(&bytes[..colon])),
            line: line.parse().ok(),
        })
    }

    /// The same, or a script alone, whatever its name.
    pub fn or_script(typed: &OsStr) -> Place {
        Place::of(typed).unwrap_or_else(|| Place {
            file: PathBuf::from(replaced(typed.as_bytes())),
            line: None,
        })
    }

    /// The same, or what looks like a script alone.
    pub fn near(typed: &OsStr) -> Option<Place> {
        Place::of(typed).or_else(|| {
            typed.as_bytes().ends_with(b".py").then(|| Place {
                file: PathBuf::from(replaced(typed.as_bytes())),
                line: None,
            })
        })
    }

    /// Whether this is the script that an entry names: the same path, or the end of it.
    pub fn is_in(&self, recorded: &str) -> bool {
        let recorded = Path::new(recorded);
        let mut parts = self.file.components();
        let is_plain = parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if is_plain {
            let file: PathBuf = self
                .file
                .components()
                .filter(|part| *part != Component::CurDir)
                .collect();
            recorded.ends_with(file)
        } else {
            self.is_exactly(recorded)
        }
    }

    /// Those of these scripts that are meant: the one that is here before all others of its name.
    pub fn meant<'f>(&self, files: impl Iterator<Item = &'f str>) -> HashSet<&'f str> {
        let meant: HashSet<&str> = files.filter(|file| self.is_in(file)).collect();
        let here = meant.iter().find(|file| self.is_exactly(Path::new(file)));
        match here.copied() {
            Some(here) => HashSet::from([here]),
            None => meant,
        }
    }

    fn is_exactly(&self, recorded: &Path) -> bool {
        let Ok(file) = path::absolute(&self.file) else {
            return false;
        };
        plain(&file) == recorded || file.canonicalize().is_ok_and(|file| file == recorded)
    }

    /// The newest entry of this place, or of each place that is meant.
    pub fn newest<'s>(&self, found: &'s Scan<Site>) -> Vec<&'s Row<Site>> {
        let mut newest: BTreeMap<&str, &Row<Site>> = BTreeMap::new();
        for row in found.rows() {
            let Ok(Site {
                file: Some(file),
                line,
                ..
            }) = &row.read
            else {
                continue;
            };
            if *line != self.line || line.is_none() {
                continue;
            }
            let dated = |row: &'s Row<Site>| (row.made(), row.name());
            match newest.get_mut(&**file) {
                Some(known) if dated(known) < dated(row) => *known = row,
                Some(_) => {}
                None if self.is_in(file) => {
                    newest.insert(file, row);
                }
                None => {}
            }
        }
        // The script that is here is meant before all others of its name.
        let here = newest.keys().find(|file| self.is_exactly(Path::new(file)));
        match here.copied() {
            Some(here) => newest.remove(here).into_iter().collect(),
            None => newest.into_values().collect(),
        }
    }
}

/// The path without `..`, as far as links let that be seen.
pub fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// Whether two paths, as manifests have them, are of one script. It may have been named from another folder.
pub fn is_same_script(one: &str, other: &str) -> bool {
    let real = |path: &str| Path::new(path).canonicalize().ok();
    one == other
        || Path::new(one).file_name() == Path::new(other).file_name()
            && real(one).is_some_and(|path| real(other) == Some(path))
}

/// A path as manifests have it: they hold text, in which a byte that is no UTF-8 is a U+FFFD.
fn replaced(path: &[u8]) -> String {
    let mut text = String::new();
    for chunk in path.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_script_and_a_line() {
        let case = |typed: &[u8], expected: Option<(&str, u64)>| {
            let place = Place::of(OsStr::from_bytes(typed));
            let found = place
                .as_ref()
                .map(|place| (place.file.to_str().unwrap(), place.line.unwrap()));
            assert_eq!(found, expected, "{typed:?}");
        };
        case(b"s.py:42", Some(("s.py", 42)));
        case(b"a/b c.py:1", Some(("a/b c.py", 1)));
        case(b"a:1:2", Some(("a:1", 2)));
        case(b"\xff\xfe.py:7", Some(("\u{fffd}\u{fffd}.py", 7)));
        case(b"s.py", None);
        case(b"s.py:", None);
        case(b":42", None);
        case(b"s.py:+4", None);
        case(b"s.py:4 ", None);
    }

    #[test]
    fn a_script_is_meant_by_the_end_of_its_path() {
        let case = |typed: &str, recorded, meant| {
            let place = Place::of(OsStr::new(typed)).unwrap();
            assert_eq!(place.is_in(recorded), meant, "{typed} {recorded}");
        };
        case("s.py:1", "/home/me/s.py", true);
        case("./s.py:1", "/home/me/s.py", true);
        case("me/s.py:1", "/home/me/s.py", true);
        case("e/s.py:1", "/home/me/s.py", false);
        case("s.py:1", "/home/me/as.py", false);
        case("/home/me/s.py:1", "/home/me/s.py", true);
        case("/home/you/../me/./s.py:1", "/home/me/s.py", true);
        case("/me/s.py:1", "/home/me/s.py", false);
        case("../s.py:1", "/home/me/s.py", false);
    }
}
