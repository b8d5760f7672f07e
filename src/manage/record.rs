//! The record of what a call printed: an entry's effects in, what went to stdout out.
//!
//! `capture.py` and `devstash pump` write it, a blob of frames: the number of the stream in a byte, the length in four
//! (little endian), the data.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use serde_json::Value;

use crate::entry::is_blob_name;
use crate::store;

/// Before the data of a frame.
const HEAD: usize = 5;
/// The numbers of stdout, of stdout and stderr as one, and of a text stream in the place of `sys.stdout`.
const STDOUT: [u8; 3] = [1, 3, 5];
/// Of this much at most a record is made (64 MiB, in frames of any size); a longer one is none of ours.
const LONGEST: u64 = 1 << 30;

/// Why what a call printed cannot be told.
#[derive(Debug, PartialEq, Eq)]
pub enum NoRecord {
    /// Nothing was recorded.
    Absent,
    /// Only stderr was.
    OtherStream,
    /// The record is gone or is not what it was.
    Damaged,
}

impl fmt::Display for NoRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoRecord::Absent => {
                "its output was not recorded; `replay=stdout` in the marker, or `devstash run --record`, has it kept"
            }
            NoRecord::OtherStream => {
                "its stdout was not recorded, only its stderr; `replay=stdout` in the marker has it kept"
            }
            NoRecord::Damaged => "the record of its output is gone or damaged",
        })
    }
}

/// What the call wrote to stdout: the bytes, as they were written.
pub fn stdout(folder: &Path, effects: &Value) -> Result<Vec<u8>, NoRecord> {
    let Some(effect) = effects.get("output") else {
        return Err(NoRecord::Absent);
    };
    let streams = effect["streams"].as_str().unwrap_or_default();
    if !streams
        .split(',')
        .any(|name| matches!(name, "stdout" | "both"))
    {
        return Err(NoRecord::OtherStream);
    }
    let size = effect["size"].as_u64().ok_or(NoRecord::Damaged)?;
    if size == 0 {
        return Ok(Vec::new());
    }
    let digest = effect["blob"]
        .as_str()
        .filter(|name| is_blob_name(name.as_bytes()) && size <= LONGEST)
        .ok_or(NoRecord::Damaged)?;
    let record = read(&store::blob(folder, digest), size).map_err(|_| NoRecord::Damaged)?;
    let found = Blake2b::<U16>::digest(&record);
    if found
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        != digest
    {
        return Err(NoRecord::Damaged);
    }
    Ok(of_stdout(&record))
}

/// A file of this size.
fn read(path: &Path, size: u64) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() != size {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::with_capacity(size as usize);
    file.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The data of the frames of stdout.
fn of_stdout(mut record: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(([number, length @ ..], rest)) = record.split_first_chunk::<HEAD>() {
        let length = u32::from_le_bytes(*length) as usize;
        let (data, rest) = rest.split_at(length.min(rest.len()));
        if STDOUT.contains(number) {
            bytes.extend(data);
        }
        record = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_stdout_are_told_from_others() {
        let frame = |number: u8, data: &[u8]| {
            [&[number][..], &(data.len() as u32).to_le_bytes(), data].concat()
        };
        let record = [
            frame(1, b"a\n"),
            frame(2, b"error\n"),
            frame(1, b""),
            frame(5, b"text"),
            frame(6, b"other"),
            frame(3, b"both"),
        ];
        assert_eq!(of_stdout(&record.concat()), b"a\ntextboth");
        assert_eq!(of_stdout(&frame(1, b"cut short")[..8]), b"cut");
        assert_eq!(of_stdout(b"\x01\x01"), b"");
    }

    #[test]
    fn a_blob_cannot_be_named_by_a_path() {
        let effects = serde_json::json!({"output": {"streams": "stdout", "size": 5, "blob": "../../../etc/passwd"}});
        assert_eq!(stdout(Path::new("/"), &effects), Err(NoRecord::Damaged));
        assert_eq!(stdout(Path::new("/"), &Value::Null), Err(NoRecord::Absent));
    }
}
