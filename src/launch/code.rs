//! A script's content in; the names under which its plan and its byte-code are kept out.
//!
//! A name says all that the file's content depends on, so what is there is right and is never looked into here. The
//! digests name only files in a folder that is the user's own.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use blake2::Blake2bVar;
use blake2::digest::VariableOutput;

use crate::runtime::home::{Home, write_whole};

/// How many contents of one script are kept: enough to go back and forth between two versions.
const KEPT: usize = 4;

/// Where things about one content of one script lie.
#[derive(Debug)]
pub struct Code {
    /// Digest of the script's bytes alone.
    pub source: String,
    folder: PathBuf,
    content: String,
}

impl Code {
    /// For a script whose `__file__` is `filename` and which reads `bytes`, with or without its markers.
    pub fn new(home: &Home, filename: &OsStr, bytes: &[u8], unedited: bool) -> Code {
        let folder = home.code(&digest::<8>(&[filename.as_bytes()]));
        let source = plain_digest::<16>(bytes);
        let content = digest::<16>(&[
            filename.as_bytes(),
            source.as_bytes(),
            &[u8::from(unedited)],
        ]);
        Code {
            source,
            folder,
            content,
        }
    }

    pub fn plan(&self) -> PathBuf {
        self.folder.join(format!("{}.plan", self.content))
    }

    /// Whether the plan is there, written to its end: it is one JSON object.
    pub fn has_plan(&self) -> bool {
        fs::read(self.plan()).is_ok_and(|bytes| bytes.last() == Some(&b'}'))
    }

    /// The byte-code for what `parts` describe: the interpreter and how it compiles.
    pub fn pyc(&self, parts: &[&[u8]]) -> PathBuf {
        self.folder
            .join(format!("{}-{}.pyc", self.content, digest::<8>(parts)))
    }

    /// Keep the plan, and let the oldest contents of this script go.
    pub fn write_plan(&self, plan: &[u8]) -> io::Result<()> {
        write_whole(&self.plan(), plan)?;
        // What cannot be tidied now is tidied by a later run.
        let _ = self.prune();
        Ok(())
    }

    /// Remove everything that belongs to other contents than the newest.
    fn prune(&self) -> io::Result<()> {
        let mut groups: HashMap<OsString, (SystemTime, Vec<PathBuf>)> = HashMap::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            // Another process's unfinished file begins with a dot and is not ours to remove.
            let Some(content) = name
                .as_bytes()
                .get(..self.content.len())
                .filter(|name| name[0] != b'.')
            else {
                continue;
            };
            let modified = entry.metadata()?.modified()?;
            let group = groups
                .entry(OsStr::from_bytes(content).to_owned())
                .or_insert((modified, Vec::new()));
            group.0 = group.0.max(modified);
            group.1.push(entry.path());
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by_key(|(newest, _)| Reverse(*newest));
        for path in groups.into_iter().skip(KEPT).flat_map(|(_, paths)| paths) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// Whether `path` is byte-code that was written to its end.
///
/// It was renamed into place when it was complete, but a power cut can leave less on disk, which Python would answer
/// with an error of its own. Bytes 12 to 16 are its length where the writer has put it there.
pub fn is_whole_pyc(path: &Path) -> bool {
    let mut head = [0; 16];
    let Ok(length) = File::open(path).and_then(|mut file| {
        file.read_exact(&mut head)?;
        Ok(file.metadata()?.len())
    }) else {
        return false;
    };
    let told = u32::from_le_bytes([head[12], head[13], head[14], head[15]]);
    // Every magic number of CPython ends so.
    &head[2..4] == b"\r\n" && length > 16 && (told == 0 || u64::from(told) == length)
}

/// Hexadecimal BLAKE2b digest, of `N` bytes, of `parts` in their order.
pub fn digest<const N: usize>(parts: &[&[u8]]) -> String {
    let mut told = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        // The length keeps what ends one part from being read as the beginning of the next.
        told.extend((part.len() as u64).to_le_bytes());
        told.extend(*part);
    }
    plain_digest::<N>(&told)
}

/// Hexadecimal BLAKE2b digest, of `N` bytes, of `bytes` and nothing else, as others compute it too.
///
/// Not a quicker hash: what those need in order to be quick, asking the processor for its instructions, takes longer on
/// a virtual machine than hashing a script does.
pub fn plain_digest<const N: usize>(bytes: &[u8]) -> String {
    let mut digest = [0; N];
    Blake2bVar::digest_variable(bytes, &mut digest)
        .expect("the sizes asked for are between 1 and 64");
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
