//! The index: what `devstash list` needs of entries that it has read before, so that a `stat` of each is enough.
//!
//! It is never the truth. A row holds for one state of one file: inode, size, times of modification and change; where
//! anything of that is another one, the entry is read. It is made by `list` when many had to be read, can be lost at
//! any time, and nothing but `list` and the commands that look for an entry by a pattern or a label ever looks at it.
//!
//! `.stat/list`, all numbers little-endian:
//!
//! ```text
//! magic (8)  device (8)  number of rows (8)
//! inodes (8 each), ascending
//! rows in the same order: size, modified, changed (ns), ttl (0: none), place and length of the label (4 + 4)
//! labels
//! BLAKE2b (16) of all before it
//! ```
//!
//! The inodes are by themselves because all of them fit into a processor's cache, where they are searched.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};

use crate::entry::{Outline, State};
use crate::store::{INDEX, Store};

use super::scan::Scan;

const MAGIC: &[u8; 8] = b"dslist1\n";
const HEAD: usize = 8 + 8 + 8;
const INODE: usize = 8;
const ROW: usize = 5 * 8;
const SEAL: usize = 16;
/// It is written anew when so many entries had to be read. Fewer are read in less time than that takes to notice.
const MANY: usize = 4096;
/// An entry that was changed so shortly before could be changed once more at the same time, as clocks of files go.
const RACY: Duration = Duration::from_secs(2);
/// More rows and longer labels are not written down, so that every label has a place that 32 bits can tell.
const MOST: usize = 4 << 20;
const LONGEST_LABEL: usize = 1000;
/// A longer index is none of ours.
const LONGEST: u64 = 8 << 30;

/// What a number of entries were in their states.
#[derive(Debug)]
pub struct Index {
    bytes: Vec<u8>,
    rows: usize,
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
        let index = Index { bytes, rows: 0 };
        if !index.bytes.starts_with(MAGIC) || index.number(8)? != device {
            return None;
        }
        let rows = usize::try_from(index.number(16)?).ok()?;
        (rows.checked_mul(INODE + ROW)?.checked_add(HEAD)? <= length)
            .then_some(Index { rows, ..index })
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
        };
        if known != *state {
            return None;
        }
        let (ttl, label) = (part(3)?, part(4)?);
        let label = match label >> 32 {
            0 => None,
            length => {
                let start = row(self.rows).checked_add((label & 0xffff_ffff) as usize)?;
                let text = self.bytes.get(start..start.checked_add(length as usize)?)?;
                Some(std::str::from_utf8(text).ok()?.into())
            }
        };
        Some(Outline {
            ttl: (ttl > 0).then_some(ttl),
            label,
        })
    }
}

/// Writes the index anew if that is worth it. Without it the next `list` takes a little longer, so trouble is none.
pub fn renew(store: &Store, scan: &Scan, begun: SystemTime) {
    if scan.read >= MANY && store.is_ours() {
        let _ = save(store, &bytes(scan, store.device(), begun - RACY));
    }
}

/// The index of all that can be relied upon: entries in order, last changed before `until`.
fn bytes(scan: &Scan, device: u64, until: SystemTime) -> Vec<u8> {
    let until = until.duration_since(UNIX_EPOCH).unwrap_or_default();
    let until = i64::try_from(until.as_nanos()).unwrap_or(i64::MAX);
    let mut known: Vec<(&State, &Outline)> = scan
        .rows()
        .filter_map(|row| Some((row.state.as_ref()?, row.read.as_ref().ok()?)))
        .filter(|(state, outline)| {
            let label = outline.label.as_deref().unwrap_or_default();
            state.changed < until && label.len() <= LONGEST_LABEL
        })
        .take(MOST)
        .collect();
    known.sort_unstable_by_key(|(state, _)| state.inode);
    let mut bytes = Vec::with_capacity(HEAD + known.len() * (INODE + ROW) + SEAL);
    let mut labels: Vec<u8> = Vec::new();
    bytes.extend(MAGIC);
    bytes.extend(device.to_le_bytes());
    bytes.extend((known.len() as u64).to_le_bytes());
    for (state, _) in &known {
        bytes.extend(state.inode.to_le_bytes());
    }
    for (state, outline) in known {
        let label = outline.label.as_deref().unwrap_or_default();
        let place = labels.len() as u64 | (label.len() as u64) << 32;
        labels.extend(label.as_bytes());
        for number in [
            state.size,
            state.modified as u64,
            state.changed as u64,
            outline.ttl.unwrap_or(0),
            place,
        ] {
            bytes.extend(number.to_le_bytes());
        }
    }
    bytes.extend(labels);
    let seal = Blake2b::<U16>::digest(&bytes);
    bytes.extend(seal);
    bytes
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

    fn state(inode: u64) -> State {
        State::new(inode, 100 + inode, (5, 6), (7, 8))
    }

    fn index_of(rows: &[(u64, Outline)], until: u64) -> Vec<u8> {
        let scan = Scan::of(
            rows.iter()
                .map(|(inode, outline)| (state(*inode), outline.clone())),
        );
        bytes(&scan, 9, UNIX_EPOCH + Duration::from_secs(until))
    }

    fn labelled(ttl: u64, label: &str) -> Outline {
        Outline {
            ttl: Some(ttl),
            label: Some(label.into()),
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
