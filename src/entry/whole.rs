//! A whole entry, checked byte by byte: all that the runtime checks before it unpickles one, and what it puts off.
//!
//! Nothing is executed, and nothing is mapped: files are read in pieces, whatever their size.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use blake2::digest::consts::{U16, U32};
use blake2::digest::{FixedOutput, Update};
use blake2::{Blake2b, Blake2bMac, Digest};
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::process::geteuid;
use sha2::Sha256;

use super::{Damage, FOOTER, Manifest, NamedBlob, Parts, ROW, open};
use crate::store::secret::Key;

/// Names the format inside the tag.
const PERSON: &[u8; 16] = b"devstash entry 1";
/// Longer buffers are digested piece by piece, each as long as this.
const PIECE: u64 = 4 << 20;
/// So much is read at a time.
const CHUNK: usize = 1 << 20;

/// What is wrong with an entry.
#[derive(Debug)]
pub enum Flaw {
    Damage(Damage),
    /// Not a file that the runtime would look at.
    Foreign(&'static str),
    /// The pickle does not end where it should.
    NoStop,
    /// So many bytes at this place are not those that were stored.
    Buffer {
        length: u64,
        offset: u64,
    },
    /// A right checksum and a wrong tag.
    OtherKey,
    /// What it brings back cannot be brought back.
    Blob(NamedBlob, &'static str),
}

/// The reason of a miss, and what was found.
impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Damage(damage) => damage.fmt(f),
            Flaw::Foreign(why) => write!(f, "foreign ({why})"),
            Flaw::NoStop => write!(f, "damaged (its pickle has no end)"),
            Flaw::Buffer { length, offset } => write!(
                f,
                "damaged ({length} bytes at {offset} are not those that were stored)"
            ),
            Flaw::OtherKey => write!(f, "foreign (signed with another key than yours)"),
            Flaw::Blob(blob, what) => write!(
                f,
                "irrecoverable (the contents {} of a file {what})",
                blob.digest
            ),
        }
    }
}

impl From<Damage> for Flaw {
    fn from(damage: Damage) -> Flaw {
        Flaw::Damage(damage)
    }
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Flaw {
        Flaw::Damage(error.into())
    }
}

/// Checks the entry at `path`, with the user's key where there is one, and returns its manifest. `read` is told how many
/// bytes have been read.
pub fn check(path: &Path, key: Option<&Key>, read: &dyn Fn(u64)) -> Result<Manifest, Flaw> {
    if !path.symlink_metadata()?.is_file() {
        return Err(Damage::NotAFile.into()); // a socket cannot be opened
    }
    let file = match open(CWD, path) {
        Err(Errno::LOOP) => return Err(Damage::NotAFile.into()),
        opened => opened.map_err(io::Error::from)?,
    };
    let found = file.metadata()?;
    if found.uid() != geteuid().as_raw() {
        return Err(Flaw::Foreign("the file belongs to another user"));
    }
    if found.mode() & 0o022 != 0 {
        return Err(Flaw::Foreign("other users can write to the file"));
    }
    let size = found.len();
    if size == 0 {
        return Err(Damage::Empty.into());
    }
    if size < FOOTER as u64 {
        return Err(Damage::NoFooter.into());
    }
    let mut footer = [0; FOOTER];
    file.read_exact_at(&mut footer, size - FOOTER as u64)?;
    let parts = Parts::of(&footer, size)?;
    let mut rest = vec![0; (size - FOOTER as u64 - parts.stream) as usize];
    file.read_exact_at(&mut rest, parts.stream)?;
    let (text, table) = rest.split_at(parts.manifest as usize);
    let rows = rows(table, parts.stream)?;

    let mut reader = Reader {
        file: &file,
        buffer: vec![0; CHUNK.min(size as usize)],
        read,
    };
    let sealed = Sealed {
        rows: &rows,
        stream: parts.stream,
        rest: &rest,
        footer: &footer,
    };
    // A right tag covers the checksum, too.
    let right = match key {
        Some(key) => {
            let tag = Blake2bMac::<U32>::new_with_salt_and_personal(key, &[], PERSON);
            let mut tag = tag.expect("the lengths are right");
            sealed.all(&mut reader, &mut tag)?;
            Update::update(&mut tag, &footer[40..56]);
            tag.finalize_fixed()[..] == footer[56..88]
        }
        None => false,
    };
    if !right {
        let mut checksum = Blake2b::<U16>::new();
        sealed.all(&mut reader, &mut checksum)?;
        if Digest::finalize(checksum)[..] != footer[40..56] {
            return Err(Damage::Checksum.into());
        }
        if key.is_some() {
            return Err(Flaw::OtherKey);
        }
    }
    for row in &rows {
        if reader.digest(row)? != row.digest {
            return Err(Flaw::Buffer {
                length: row.length,
                offset: row.offset,
            });
        }
    }
    let mut last = [0];
    if parts.stream > 0 {
        file.read_exact_at(&mut last, parts.stream - 1)?;
    }
    if last != *b"." {
        return Err(Flaw::NoStop);
    }
    Ok(serde_json::from_slice(text).map_err(Damage::Manifest)?)
}

/// Checks a blob's contents.
pub fn check_blob(path: &Path, blob: &NamedBlob, read: &dyn Fn(u64)) -> Result<(), &'static str> {
    let missing = "are missing";
    let file = open(CWD, path).map_err(|_| missing)?;
    let found = file.metadata().map_err(|_| missing)?;
    if !found.is_file() {
        return Err(missing);
    }
    let wrong = "are damaged";
    if found.len() != blob.size {
        return Err(wrong);
    }
    let mut hasher = Blake2b::<U16>::new();
    let mut reader = Reader {
        file: &file,
        buffer: vec![0; CHUNK.min(blob.size as usize)],
        read,
    };
    let whole = reader.each(0, blob.size, |bytes| Update::update(&mut hasher, bytes));
    whole.map_err(|_| "cannot be read")?;
    let digest: String = Digest::finalize(hasher)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if digest == blob.digest {
        Ok(())
    } else {
        Err(wrong)
    }
}

/// A large buffer.
struct Row {
    offset: u64,
    length: u64,
    digest: [u8; 16],
}

/// The rows of a buffer table: buffers inside the stream, in order, apart.
fn rows(table: &[u8], stream: u64) -> Result<Vec<Row>, Damage> {
    let mut rows = Vec::new();
    let mut place = 0;
    for row in table.chunks_exact(ROW) {
        let number =
            |at: usize| u64::from_le_bytes(row[at..at + 8].try_into().expect("eight bytes"));
        let (offset, length) = (number(0), number(8));
        let end = offset.checked_add(length).filter(|end| *end <= stream);
        if offset < place {
            return Err(Damage::Lengths);
        }
        place = end.ok_or(Damage::Lengths)?;
        rows.push(Row {
            offset,
            length,
            digest: row[24..].try_into().expect("sixteen bytes"),
        });
    }
    Ok(rows)
}

/// What checksum and tag cover.
struct Sealed<'e> {
    rows: &'e [Row],
    stream: u64,
    /// Manifest and buffer table.
    rest: &'e [u8],
    footer: &'e [u8; FOOTER],
}

impl Sealed<'_> {
    /// Hashes all that precedes the checksum, large buffers left out.
    fn all(&self, reader: &mut Reader<'_>, hasher: &mut impl Update) -> io::Result<()> {
        let mut place = 0;
        for row in self.rows {
            reader.each(place, row.offset, |bytes| hasher.update(bytes))?;
            place = row.offset + row.length;
        }
        reader.each(place, self.stream, |bytes| hasher.update(bytes))?;
        hasher.update(self.rest);
        hasher.update(&self.footer[..40]);
        Ok(())
    }
}

struct Reader<'f> {
    file: &'f File,
    buffer: Vec<u8>,
    read: &'f dyn Fn(u64),
}

impl Reader<'_> {
    /// Hands on all bytes from here to there, piece by piece.
    fn each(&mut self, mut from: u64, to: u64, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        while from < to {
            let length = self
                .buffer
                .len()
                .min(usize::try_from(to - from).unwrap_or(usize::MAX));
            let bytes = &mut self.buffer[..length];
            self.file.read_exact_at(bytes, from)?;
            take(bytes);
            from += length as u64;
            (self.read)(length as u64);
        }
        Ok(())
    }

    /// The digest of a buffer, as its row should have it (`buffer_digest` in `entry.py`).
    fn digest(&mut self, row: &Row) -> io::Result<[u8; 16]> {
        let end = row.offset + row.length;
        if row.length <= PIECE {
            let mut hasher = Blake2b::<U16>::new();
            self.each(row.offset, end, |bytes| Update::update(&mut hasher, bytes))?;
            return Ok(Digest::finalize(hasher).into());
        }
        let mut all = Sha256::new();
        let mut from = row.offset;
        while from < end {
            let to = end.min(from + PIECE);
            let mut piece = Sha256::new();
            self.each(from, to, |bytes| Update::update(&mut piece, bytes))?;
            Update::update(&mut all, &Digest::finalize(piece));
            from = to;
        }
        let digest = Digest::finalize(all);
        Ok(digest[..16].try_into().expect("half of 32 bytes"))
    }
}
