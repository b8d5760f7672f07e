//! The index: what `devstash list` needs of entries that it has read before, so that a `stat` of each is enough.
//!
//! It is never the truth. A row holds for one state of one file: inode, size, times of modification and change; where
//! anything of that is another one, the entry is read. It is made by `list` when many had to be read, can be lost at
//! any time, and nothing but `list` and the commands that look for an entry by a pattern or a label ever looks at it.
//!
//! `.stat/list`, all numbers little-endian:
//!
//! ```text
//! magic (8)  device (8)  number of rows (8)  number of texts (8)
//! inodes (8 each), ascending
//! rows in the same order: size, modified, changed (ns), ttl (0: none), duration (a float; NaN: none), 8 bytes each;
//!     line (0: none), numbers of the texts that are label, script and bounds (0: none), 4 bytes each
//! ends of the texts (4 each), from the beginning of the first
//! texts
//! BLAKE2b (16) of all before it
//! ```
//!
//! The inodes are by themselves because all of them fit into a processor's cache, where they are searched. Texts that
//! are equal are one: most entries are of few scripts.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};

use crate::entry::{Outline, State};
use crate::store::{INDEX, Store};

use super::scan::Scan;

const MAGIC: &[u8; 8] = b"dslist2\n";
const HEAD: usize = 4 * 8;
const INODE: usize = 8;
const ROW: usize = 5 * 8 + 4 * 4;
const SEAL: usize = 16;
/// It is written anew when so many entries had to be read. Fewer are read in less time than that takes to notice.
const MANY: usize = 4096;
/// An entry that was changed so shortly before could be changed once more at the same time, as clocks of files go.
const RACY: Duration = Duration::from_secs(2);
/// More rows are not written down.
const MOST: usize = 4 << 20;
/// A longer index is none of ours.
const LONGEST: u64 = 8 << 30;

/// What a number of entries were in their states.
#[derive(Debug)]
pub struct Index {
    bytes: Vec<u8>,
    rows: usize,
    /// The first is none.
    texts: Vec<Arc<str>>,
}

impl Index {
    /// The index of the store, if there is one in order. One that somebody else made is none.
    pub fn load(store: &Store) -> Option<Index> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(store.notes().join(INDEX))
            .ok()?;
        let found = file.metadata().ok()?;
        if !found.is_file() || found.uid() != store.user() || found.mode() & 0o022 != 0 {
            return None;
        }
        let length = found.len();
        let mut bytes = Vec::with_capacity(usize::try_from(length.min(LONGEST)).ok()?);
        file.take(LONGEST).read_to_end(&mut bytes).ok()?;
        Index::read(bytes, store.device())
    }

    fn read(mut bytes: Vec<u8>, device: u64) -> Option<Index> {
        let (rest, seal) = bytes.split_last_chunk::<SEAL>()?;
        if Blake2b::<U16>::digest(rest)[..] != seal[..] {
            return None;
        }
        let length = rest.len();
        bytes.truncate(length);
        let mut index = Index {
            bytes,
            rows: 0,
            texts: vec!["".into()],
        };
        if !index.bytes.starts_with(MAGIC) || index.number(8)? != device {
            return None;
        }
        index.rows = usize::try_from(index.number(16)?).ok()?;
        let texts = usize::try_from(index.number(24)?).ok()?;
        let ends = index.rows.checked_mul(INODE + ROW)?.checked_add(HEAD)?;
        let start = texts.checked_mul(4)?.checked_add(ends)?;
        let mut before = start;
        for text in 0..texts {
            let end = start.checked_add(index.small(ends + 4 * text)? as usize)?;
            let text = std::str::from_utf8(index.bytes.get(before..end)?).ok()?;
            index.texts.push(text.into());
            before = end;
        }
        (start <= length).then_some(index)
    }

    fn small(&self, place: usize) -> Option<u32> {
        let bytes = self.bytes.get(place..place + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    fn number(&self, place: usize) -> Option<u64> {
        let bytes = self.bytes.get(place..place + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// What the file in this state is, if that is known.
    pub fn find(&self, state: &State) -> Option<Outline> {
        let inode = |row: usize| self.number(HEAD + row * INODE);
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            if inode(middle)? < state.inode {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if low == self.rows {
            return None;
        }
        let row = |number: usize| HEAD + self.rows * INODE + number * ROW;
        let part = |number: usize| self.number(row(low) + 8 * number);
        let known = State {
            inode: inode(low)?,
            size: part(0)?,
            modified: part(1)? as i64,
            changed: part(2)? as i64,
            accessed: 0,
        };
        if known != *state {
            return None;
        }
        let small = |number: usize| self.small(row(low) + 5 * 8 + 4 * number);
        let text = |number: usize| match small(number)? {
            0 => Some(None),
            text => self.texts.get(text as usize).map(Some),
        };
        let ttl = part(3)?;
        let duration = f64::from_bits(part(4)?);
        let line = small(0)?;
        Some(Outline {
            ttl: (ttl > 0).then_some(ttl),
            label: text(1)?.map(|text| Box::from(&**text)),
            duration: (!duration.is_nan()).then_some(duration),
            file: text(2)?.cloned(),
            line: (line > 0).then_some(line),
            bounds: match text(3)? {
                Some(text) => Some(serde_json::from_str(text).ok()?),
                None => None,
            },
        })
    }
}

/// Writes the index anew if that is worth it. Without it the next `list` takes a little longer, so trouble is none.
pub fn renew(store: &Store, scan: &Scan, begun: SystemTime) {
    if scan.read >= MANY
        && store.is_ours()
        && let Some(bytes) = bytes(scan, store.device(), begun - RACY)
    {
        let _ = save(store, &bytes);
    }
}

/// The index of all that can be relied upon: entries in order, last changed before `until`. None where they have more
/// text than an index can hold.
fn bytes(scan: &Scan, device: u64, until: SystemTime) -> Option<Vec<u8>> {
    let until = until.duration_since(UNIX_EPOCH).unwrap_or_default();
    let until = i64::try_from(until.as_nanos()).unwrap_or(i64::MAX);
    let mut known: Vec<(&State, &Outline)> = scan
        .rows()
        .filter_map(|row| Some((row.state.as_ref()?, row.read.as_ref().ok()?)))
        .filter(|(state, _)| state.changed < until)
        .take(MOST)
        .collect();
    known.sort_unstable_by_key(|(state, _)| state.inode);
    let mut texts = Texts::default();
    let mut rows: Vec<u8> = Vec::with_capacity(known.len() * ROW);
    for (state, outline) in &known {
        for number in [
            state.size,
            state.modified as u64,
            state.changed as u64,
            outline.ttl.unwrap_or(0),
            outline.duration.unwrap_or(f64::NAN).to_bits(),
        ] {
            rows.extend(number.to_le_bytes());
        }
        let bounds = outline.bounds.as_ref();
        let bounds = bounds.and_then(|bounds| serde_json::to_string(bounds).ok());
        for number in [
            outline.line.unwrap_or(0),
            texts.number(outline.label.as_deref())?,
            texts.number(outline.file.as_deref())?,
            texts.number(bounds.as_deref())?,
        ] {
            rows.extend(number.to_le_bytes());
        }
    }
    let mut bytes = Vec::with_capacity(HEAD + known.len() * (INODE + ROW) + texts.all.len() + SEAL);
    bytes.extend(MAGIC);
    bytes.extend(device.to_le_bytes());
    bytes.extend((known.len() as u64).to_le_bytes());
    bytes.extend((texts.ends.len() as u64).to_le_bytes());
    for (state, _) in &known {
        bytes.extend(state.inode.to_le_bytes());
    }
    bytes.extend(rows);
    for end in &texts.ends {
        bytes.extend(end.to_le_bytes());
    }
    bytes.extend(&texts.all);
    let seal = Blake2b::<U16>::digest(&bytes);
    bytes.extend(seal);
    Some(bytes)
}

/// The texts of an index, each once.
#[derive(Default)]
struct Texts {
    all: Vec<u8>,
    ends: Vec<u32>,
    numbers: HashMap<String, u32>,
}

impl Texts {
    /// The number of this text, 0 where there is no text; None where there is no room for it.
    fn number(&mut self, text: Option<&str>) -> Option<u32> {
        let Some(text) = text else { return Some(0) };
        if let Some(number) = self.numbers.get(text) {
            return Some(*number);
        }
        self.all.extend(text.as_bytes());
        self.ends.push(u32::try_from(self.all.len()).ok()?);
        let number = u32::try_from(self.ends.len()).ok()?;
        self.numbers.insert(text.to_owned(), number);
        Some(number)
    }
}

/// Puts the index into its place, complete or not at all.
fn save(store: &Store, bytes: &[u8]) -> io::Result<()> {
    let draft = store.draft();
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file: File| file.write_all(bytes));
    let place = store.notes().join(INDEX);
    let done = written.and_then(|()| {
        fs::rename(&draft, &place).or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            fs::DirBuilder::new().mode(0o700).create(store.notes())?;
            fs::rename(&draft, &place)
        })
    });
    if done.is_err() {
        let _ = fs::remove_file(&draft);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duration::Limits;
    use crate::entry::Bounds;

    fn state(inode: u64) -> State {
        State::new(inode, 100 + inode, (5, 6), (7, 8), (9, 9))
    }

    fn index_of(rows: &[(u64, Outline)], until: u64) -> Vec<u8> {
        let scan = Scan::of(
            rows.iter()
                .map(|(inode, outline)| (state(*inode), outline.clone())),
        );
        bytes(&scan, 9, UNIX_EPOCH + Duration::from_secs(until)).unwrap()
    }

    fn labelled(ttl: u64, label: &str) -> Outline {
        Outline {
            ttl: Some(ttl),
            label: Some(label.into()),
            duration: Some(1.5),
            file: Some("/home/me/s.py".into()),
            line: Some(12),
            bounds: Some(Box::new(Bounds {
                limits: Limits {
                    max_entries: Some(3),
                    ..Limits::default()
                },
                scope: "f".into(),
                text: "x = f(a)".into(),
            })),
        }
    }

    fn rows() -> Vec<(u64, Outline)> {
        vec![
            (30, labelled(60, "größe")),
            (10, Outline::default()),
            (20, labelled(u64::MAX, "b")),
        ]
    }

    #[test]
    fn what_was_written_is_found_in_its_state_only() {
        let index = Index::read(index_of(&rows(), 100), 9).unwrap();
        for (inode, outline) in rows() {
            assert_eq!(index.find(&state(inode)).as_ref(), Some(&outline));
            for other in [
                State {
                    size: 1,
                    ..state(inode)
                },
                State {
                    modified: 1,
                    ..state(inode)
                },
                State {
                    changed: 1,
                    ..state(inode)
                },
                state(inode + 1),
                state(inode - 1),
            ] {
                assert_eq!(index.find(&other), None);
            }
        }
    }

    #[test]
    fn what_has_just_changed_is_left_out() {
        let index = Index::read(index_of(&rows(), 7), 9).unwrap();
        assert_eq!(index.find(&state(10)), None);
    }

    #[test]
    fn a_damaged_index_is_none() {
        let whole = index_of(&rows(), 100);
        assert!(Index::read(whole.clone(), 9).is_some());
        assert!(Index::read(whole.clone(), 8).is_none());
        for place in 0..whole.len() {
            let mut bad = whole.clone();
            bad[place] ^= 1;
            assert!(Index::read(bad, 9).is_none(), "{place}");
            assert!(Index::read(whole[..place].to_vec(), 9).is_none(), "{place}");
        }
    }
}
