//! The entry file, read from its end: footer, manifest, key; the pickle in it is never touched.
//!
//! `docs/cache-format.md` describes every byte. What is checked here needs no secret and executes nothing: that the
//! parts fit together, that the manifest can be read, and, where it costs nothing, the checksum. Whether an entry may
//! be unpickled is for the runtime to decide, which has the user's key.

pub mod whole;

use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::path::Arg;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::duration::Limits;

/// The format that this devstash reads and writes.
pub const FORMAT: u32 = 1;
/// The last bytes of every entry, of whatever format.
pub const MAGIC: &[u8; 8] = b"devstash";
/// Five numbers, checksum, tag, format number, four zero bytes, magic.
pub const FOOTER: usize = 40 + 16 + 32 + 4 + 4 + 8;
/// One row of the buffer table: offset, length, flags, digest.
const ROW: usize = 8 + 8 + 8 + 16;
/// Files up to this size are read whole, which costs no more than reading their end.
const WHOLE: u64 = 64 << 10;
/// No manifest is longer; a number beyond it is damage, not a reason to ask for the memory.
const LONGEST_MANIFEST: u64 = 64 << 20;

/// What an entry says of itself.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Bytes of the file.
    pub size: u64,
    /// When it was made: the file's modification time.
    pub made: SystemTime,
    /// When it was last used: its access time, that of its making if never.
    pub used: SystemTime,
    pub manifest: Manifest,
}

/// The manifest. Members that an older or newer devstash leaves out have a default, unknown ones are ignored.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// The full key: component by component its digest.
    pub key: Map<String, Value>,
    #[serde(default)]
    pub devstash: String,
    #[serde(default)]
    pub python: String,
    #[serde(default)]
    pub module: String,
    #[serde(default)]
    pub qualname: String,
    /// Short texts for the components of the key.
    #[serde(default)]
    pub previews: Map<String, Value>,
    /// RFC 3339, UTC.
    #[serde(default)]
    pub created: String,
    /// How long the call took, in seconds.
    #[serde(default)]
    pub duration: Option<f64>,
    /// How many tokens of a language model its result has cost.
    #[serde(default)]
    pub tokens: Option<u64>,
    #[serde(default)]
    pub site: Site,
    /// The TTL of the marker that stored the entry, in seconds.
    #[serde(default)]
    pub ttl: Option<u64>,
    /// A short text for the value.
    #[serde(default)]
    pub value: String,
    /// A closer look at the value; see `docs/cache-format.md`. Null where `value` says it all.
    #[serde(default)]
    pub look: Value,
    /// Bytes of the pickle stream.
    #[serde(default)]
    pub size: u64,
    #[serde(default)]
    pub trace: Vec<Value>,
    /// By kind; see `docs/cache-format.md`.
    #[serde(default)]
    pub effects: Value,
}

impl Manifest {
    /// The digests of the blobs that the entry needs, and perhaps more: whatever its effects hold that looks like one.
    pub fn blobs(&self) -> Vec<&str> {
        let mut found = Vec::new();
        let mut values = vec![&self.effects];
        while let Some(value) = values.pop() {
            match value {
                Value::String(text) if is_blob_name(text.as_bytes()) => found.push(text.as_str()),
                Value::Array(parts) => values.extend(parts),
                Value::Object(members) => values.extend(members.values()),
                _ => {}
            }
        }
        found
    }
}

/// A blob that an entry names, as it has to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamedBlob {
    pub digest: String,
    pub size: u64,
}

impl Manifest {
    /// The blobs that the entry's effects name by their rows: contents of files, and the record of what was printed.
    pub fn named_blobs(&self) -> Vec<NamedBlob> {
        let blob = |digest: &Value, size: &Value| {
            let digest = digest.as_str()?.to_owned();
            let size = size.as_u64()?;
            is_blob_name(digest.as_bytes()).then_some(NamedBlob { digest, size })
        };
        let rows = self.effects["files"].as_array().into_iter().flatten();
        let files = rows
            .filter(|row| row[0] == "file")
            .filter_map(|row| blob(&row[4], &row[3]));
        let output = &self.effects["output"];
        let output = blob(&output["blob"], &output["size"]).filter(|blob| blob.size > 0);
        files.chain(output).collect()
    }
}

/// Whether a blob can have this name: 32 hex digits.
pub fn is_blob_name(name: &[u8]) -> bool {
    name.len() == 32
        && name
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The marked place whose call stored the entry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Site {
    pub file: Option<String>,
    pub line: Option<u64>,
    pub scope: Option<String>,
    pub text: Option<String>,
    pub name: Option<String>,
}

/// Why a file cannot be read as an entry.
#[derive(Debug)]
pub enum Damage {
    /// A folder, a FIFO, a link: nothing that devstash puts there.
    NotAFile,
    Unreadable(io::Error),
    Empty,
    /// It does not end as entries do.
    NoFooter,
    FutureFormat(u32),
    /// The numbers in the footer do not fit the file.
    Lengths,
    Checksum,
    Manifest(serde_json::Error),
}

/// A few words, fit for a column: the reason of a miss, and what was found.
impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::NotAFile => write!(f, "foreign (not a plain file)"),
            Damage::Unreadable(error) => write!(f, "unreadable ({})", error.kind()),
            Damage::Empty => write!(f, "damaged (empty)"),
            Damage::NoFooter => write!(f, "damaged (truncated, or not written by devstash)"),
            Damage::FutureFormat(number) => write!(f, "future format ({number})"),
            Damage::Lengths => write!(f, "damaged (lengths do not fit)"),
            Damage::Checksum => write!(f, "damaged (checksum is wrong)"),
            Damage::Manifest(_) => write!(f, "damaged (manifest cannot be read)"),
        }
    }
}

impl std::error::Error for Damage {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Damage::Unreadable(error) => Some(error),
            Damage::Manifest(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Damage {
        Damage::Unreadable(error)
    }
}

/// The lengths of the first two parts; what is left before the footer is the buffer table.
#[derive(Clone, Copy, Debug)]
struct Parts {
    stream: u64,
    manifest: u64,
}

impl Parts {
    /// Reads the footer of a file of `size` bytes.
    fn of(footer: &[u8; FOOTER], size: u64) -> Result<Parts, Damage> {
        if !footer.ends_with(MAGIC) {
            return Err(Damage::NoFooter);
        }
        let format = u32::from_le_bytes(
            footer[FOOTER - 16..FOOTER - 12]
                .try_into()
                .expect("four bytes"),
        );
        let zero = footer[FOOTER - 12..FOOTER - 8] == [0; 4];
        match format {
            FORMAT if zero => {}
            // Formats are counted from 1; what does not look like a count is not a format.
            2..=0xffff if zero => return Err(Damage::FutureFormat(format)),
            _ => return Err(Damage::NoFooter),
        }
        let number = |place: usize| {
            u64::from_le_bytes(footer[place..place + 8].try_into().expect("eight bytes"))
        };
        let (stream, manifest, table) = (number(0), number(8), number(16));
        let (inner, inner_length) = (number(24), number(32));
        let whole = [stream, manifest, table]
            .iter()
            .try_fold(FOOTER as u64, |sum, part| sum.checked_add(*part));
        let inner_end = inner.checked_add(inner_length);
        let fits = whole == Some(size) && inner_end.is_some_and(|end| end <= stream);
        if !fits || manifest > LONGEST_MANIFEST || !table.is_multiple_of(ROW as u64) {
            return Err(Damage::Lengths);
        }
        Ok(Parts { stream, manifest })
    }
}

/// What tells one state of a file from another. What is kept of an entry holds as long as all of it is the same: an entry
/// that was replaced is another inode, and whatever is done to a file sets its change time, which nobody can put back.
#[derive(Clone, Copy, Debug)]
pub struct State {
    pub inode: u64,
    pub size: u64,
    /// Nanoseconds since 1970; when it was made.
    pub modified: i64,
    /// The same; when anything of it was changed.
    pub changed: i64,
    /// The same; when it was last used, or looked at by another program. No part of what is compared.
    pub accessed: i64,
}

impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        let parts = |state: &State| (state.inode, state.size, state.modified, state.changed);
        parts(self) == parts(other)
    }
}

impl State {
    /// What a `stat` told, from its parts: seconds and nanoseconds of the three times.
    pub fn new(
        inode: u64,
        size: u64,
        modified: (i64, i64),
        changed: (i64, i64),
        accessed: (i64, i64),
    ) -> State {
        let instant = |(seconds, rest): (i64, i64)| {
            seconds.saturating_mul(1_000_000_000).saturating_add(rest)
        };
        State {
            inode,
            size,
            modified: instant(modified),
            changed: instant(changed),
            accessed: instant(accessed),
        }
    }

    /// When it was last used; when it was made, if it never was.
    pub fn used(&self) -> i64 {
        self.accessed.max(self.modified)
    }
}

/// The little of an entry that its line in `devstash list` needs, and what decides whether it has to make room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    /// The TTL of the marker that stored it, in seconds.
    pub ttl: Option<u64>,
    /// What the marker calls it: its option `name`.
    pub label: Option<Box<str>>,
    /// How long the call took, in seconds.
    pub duration: Option<f64>,
    /// The script of the marked place, and its line.
    pub file: Option<Arc<str>>,
    pub line: Option<u32>,
    /// What its marker allows its place to keep; seldom there.
    pub bounds: Option<Box<Bounds>>,
}

/// The limits of a marked place, and what tells it from other places of its script, also when lines have moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub struct Bounds {
    #[serde(flatten)]
    pub limits: Limits,
    pub scope: String,
    pub text: String,
}

/// The part of a manifest that an [`Outline`] is made of. All else is skipped, which takes a fifth of the time.
#[derive(Deserialize)]
struct Extract<'m> {
    #[serde(rename = "key")]
    _key: Object,
    #[serde(default)]
    ttl: Option<u64>,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(borrow, default)]
    site: ExtractOfSite<'m>,
    #[serde(default)]
    limits: Option<Limits>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ExtractOfSite<'m> {
    #[serde(borrow)]
    file: Option<Cow<'m, str>>,
    line: Option<u64>,
    #[serde(borrow)]
    scope: Option<Cow<'m, str>>,
    #[serde(borrow)]
    text: Option<Cow<'m, str>>,
    #[serde(borrow)]
    name: Option<Cow<'m, str>>,
}

impl Extract<'_> {
    fn outline(self) -> Outline {
        let site = self.site;
        let text = |part: Option<Cow<'_, str>>| part.unwrap_or_default().into_owned();
        Outline {
            ttl: self.ttl,
            label: site
                .name
                .filter(|name| !name.is_empty())
                .map(|name| name.into()),
            duration: self.duration,
            file: site.file.map(|file| file.into()),
            line: site.line.and_then(|line| u32::try_from(line).ok()),
            bounds: self.limits.filter(Limits::any).map(|limits| {
                Box::new(Bounds {
                    limits,
                    scope: text(site.scope),
                    text: text(site.text),
                })
            }),
        }
    }
}

/// The part of a manifest that tells where it was made.
#[derive(Deserialize)]
struct Place {
    #[serde(rename = "key")]
    _key: Object,
    #[serde(default)]
    site: Site,
}

/// A JSON object, whatever is in it.
struct Object;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Object, D::Error> {
        struct Skip;
        impl<'de> Visitor<'de> for Skip {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Object)
            }
        }
        from.deserialize_map(Skip)
    }
}

/// What a reader takes of the entry `name` in an open folder, and the state of the file that it was read from, if that
/// much could be told. `buffer` is there to be used again.
pub type Reader<T> = fn(
    folder: BorrowedFd<'_>,
    name: &CStr,
    buffer: &mut Vec<u8>,
) -> (Option<State>, Result<T, Damage>);

/// Reads an entry's outline. Checks all that [`read`] checks.
pub fn outline(
    folder: BorrowedFd<'_>,
    name: &CStr,
    buffer: &mut Vec<u8>,
) -> (Option<State>, Result<Outline, Damage>) {
    part(folder, name, buffer, |text| {
        let extract: Extract<'_> = serde_json::from_slice(text)?;
        Ok(extract.outline())
    })
}

/// An outline, and the blobs that the entry needs.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    pub outline: Outline,
    pub blobs: Vec<Box<str>>,
}

/// Reads an entry's outline and what blobs it needs, in the same way.
pub fn needs(
    folder: BorrowedFd<'_>,
    name: &CStr,
    buffer: &mut Vec<u8>,
) -> (Option<State>, Result<Needs, Damage>) {
    part(folder, name, buffer, |text| {
        let extract: Extract<'_> = serde_json::from_slice(text)?;
        let manifest: Manifest = serde_json::from_slice(text)?;
        Ok(Needs {
            outline: extract.outline(),
            blobs: manifest.blobs().into_iter().map(Box::from).collect(),
        })
    })
}

/// Reads at which marked place an entry was made, in the same way.
pub fn site(
    folder: BorrowedFd<'_>,
    name: &CStr,
    buffer: &mut Vec<u8>,
) -> (Option<State>, Result<Site, Damage>) {
    part(folder, name, buffer, |text| {
        let extract: Place = serde_json::from_slice(text)?;
        Ok(extract.site)
    })
}

fn part<T>(
    folder: BorrowedFd<'_>,
    name: &CStr,
    buffer: &mut Vec<u8>,
    parse: impl FnOnce(&[u8]) -> serde_json::Result<T>,
) -> (Option<State>, Result<T, Damage>) {
    let file = match open(folder, name) {
        Ok(file) => file,
        Err(Errno::LOOP) => return (None, Err(Damage::NotAFile)),
        Err(error) => return (None, Err(io::Error::from(error).into())),
    };
    let found = match file.metadata() {
        Ok(found) => found,
        Err(error) => return (None, Err(error.into())),
    };
    let state = State::new(
        found.ino(),
        found.len(),
        (found.mtime(), found.mtime_nsec()),
        (found.ctime(), found.ctime_nsec()),
        (found.atime(), found.atime_nsec()),
    );
    if !found.is_file() {
        return (Some(state), Err(Damage::NotAFile));
    }
    let read = manifest_text(&file, found.len(), buffer)
        .and_then(|text| parse(text).map_err(Damage::Manifest));
    (Some(state), read)
}

/// Opens an entry to look at it. A link is refused and a FIFO does not block.
///
/// The access time stays as it is where that is for us to say: to be looked at is not to be used.
fn open(folder: BorrowedFd<'_>, name: impl Arg + Copy) -> Result<File, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let open = |flags| openat(folder, name, flags, Mode::empty());
    match open(flags | UNNOTICED) {
        Err(Errno::PERM) => open(flags), // it belongs to somebody else
        opened => opened,
    }
    .map(File::from)
}

/// Opens a file without its access time being set, where the system can do that.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNNOTICED: OFlags = OFlags::NOATIME;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const UNNOTICED: OFlags = OFlags::empty();

/// Reads what the entry at `path` says of itself, without following links and without executing anything.
pub fn read(path: &Path) -> Result<Entry, Damage> {
    // Asked before opening, because a socket cannot be opened.
    if !path.symlink_metadata()?.is_file() {
        return Err(Damage::NotAFile);
    }
    let file = open(CWD, path).map_err(io::Error::from)?;
    let found = file.metadata()?;
    let size = found.len();
    let mut buffer = Vec::new();
    let text = manifest_text(&file, size, &mut buffer)?;
    let manifest = serde_json::from_slice(text).map_err(Damage::Manifest)?;
    Ok(Entry {
        size,
        made: found.modified()?,
        used: found.accessed()?,
        manifest,
    })
}

/// The manifest of an entry of `size` bytes, which is read into `buffer`.
fn manifest_text<'b>(file: &File, size: u64, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Damage> {
    if size == 0 {
        return Err(Damage::Empty);
    }
    if size < FOOTER as u64 {
        return Err(Damage::NoFooter);
    }
    if size <= WHOLE {
        let size = size as usize;
        if buffer.len() < size {
            buffer.resize(WHOLE as usize, 0);
        }
        let bytes = &mut buffer[..size];
        file.read_exact_at(bytes, 0)?;
        let footer = bytes
            .last_chunk::<FOOTER>()
            .expect("no shorter than a footer");
        let parts = Parts::of(footer, size as u64)?;
        let (stream, end) = (
            parts.stream as usize,
            (parts.stream + parts.manifest) as usize,
        );
        if checksum(bytes, stream, end)? != bytes[size - 64..size - 48] {
            return Err(Damage::Checksum);
        }
        return Ok(&bytes[stream..end]);
    }
    let mut footer = [0; FOOTER];
    file.read_exact_at(&mut footer, size - FOOTER as u64)?;
    let parts = Parts::of(&footer, size)?;
    let length = parts.manifest as usize;
    if buffer.len() < length {
        buffer.resize(length, 0);
    }
    let text = &mut buffer[..length];
    file.read_exact_at(text, parts.stream)?;
    Ok(text)
}

/// The checksum of a whole entry whose buffer table begins at `table`: of all that precedes the checksum itself, the
/// large buffers inside the stream left out.
fn checksum(bytes: &[u8], stream: usize, table: usize) -> Result<[u8; 16], Damage> {
    let mut hasher = Blake2b::<U16>::new();
    let mut place = 0;
    for row in bytes[table..bytes.len() - FOOTER].chunks_exact(ROW) {
        let number = |place: usize| {
            u64::from_le_bytes(row[place..place + 8].try_into().expect("eight bytes"))
        };
        let (offset, length) = (number(0), number(8));
        let end = offset
            .checked_add(length)
            .filter(|end| *end <= stream as u64)
            .ok_or(Damage::Lengths)?;
        if offset < place as u64 {
            return Err(Damage::Lengths);
        }
        hasher.update(&bytes[place..offset as usize]);
        place = end as usize;
    }
    hasher.update(&bytes[place..bytes.len() - 64]);
    Ok(hasher.finalize().into())
}
