//! `devstash list` and `devstash clear` as a user sees them, on a folder of entries made as `docs/cache-format.md`
//! says, and on one that the runtime has written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use assert_cmd::cargo::cargo_bin;
use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};
use devstash::entry::{self, Damage};
use tempfile::TempDir;

const GET: &str = "requests.api__get__0c4579007009458c.pkl";
const SPLIT: &str = "sklearn.model_selection._split__train_test_split__17b5d3a2c4e6f801.pkl";
const MANIFEST: &str =
    r#"{"key":{"callable":"00"},"format":1,"ttl":null,"value":"None","later":[1]}"#;

/// A project folder with a cache.
struct Project {
    folder: TempDir,
}

/// What a run of the command came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn ran(status: i32, stdout: &str, stderr: &str) -> Outcome {
    Outcome {
        status: Some(status),
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
    }
}

impl Project {
    fn without_cache() -> Project {
        Project {
            folder: TempDir::new().unwrap(),
        }
    }

    fn new() -> Project {
        let project = Project::without_cache();
        let cache = project.cache();
        fs::create_dir_all(cache.join(".tmp")).unwrap();
        fs::write(cache.join(".gitignore"), "*\n").unwrap();
        fs::write(
            cache.join("CACHEDIR.TAG"),
            "Signature: 8a477f597d28d172789f06886806bc55\n",
        )
        .unwrap();
        fs::write(cache.join("README.txt"), "").unwrap();
        fs::write(cache.join("format"), "1\n").unwrap();
        project
    }

    fn cache(&self) -> PathBuf {
        self.folder
            .path()
            .canonicalize()
            .unwrap()
            .join(".devstash_cache")
    }

    /// A file in the cache, made so many seconds ago.
    fn file(&self, name: &str, bytes: &[u8], age: u64) -> PathBuf {
        let path = self.cache().join(name);
        fs::write(&path, bytes).unwrap();
        let made = SystemTime::now() - Duration::from_secs(age);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(made)
            .unwrap();
        path
    }

    fn devstash(&self, args: &[&str]) -> Outcome {
        let mut command = Command::new(cargo_bin("devstash"));
        command.args(args).current_dir(self.folder.path());
        for name in ["DEVSTASH_CACHE_DIR", "DEVSTASH_PYTHON"] {
            command.env_remove(name);
        }
        let output = command.output().unwrap();
        Outcome {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The names in the cache that are not of the folder itself.
    fn names(&self) -> Vec<String> {
        let own = [".tmp", ".gitignore", "CACHEDIR.TAG", "README.txt", "format"];
        let found = fs::read_dir(self.cache()).unwrap();
        let mut names: Vec<String> = found
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| !own.contains(&name.as_str()));
        names.sort();
        names
    }
}

/// The bytes of an entry, put together as the documentation says, with a buffer of 20 bytes at 64 where asked for.
fn entry_of(stream: &[u8], manifest: &str, buffer: bool) -> Vec<u8> {
    let mut bytes = stream.to_vec();
    bytes.extend(manifest.as_bytes());
    let mut table = Vec::new();
    if buffer {
        table.extend([64u64, 20, 0].map(u64::to_le_bytes).concat());
        table.extend([7; 16]);
    }
    bytes.extend(&table);
    for number in [stream.len(), manifest.len(), table.len(), 0, stream.len()] {
        bytes.extend((number as u64).to_le_bytes());
    }
    let mut checksum = Blake2b::<U16>::new();
    if buffer {
        checksum.update(&bytes[..64]);
        checksum.update(&bytes[84..]);
    } else {
        checksum.update(&bytes);
    }
    bytes.extend(checksum.finalize());
    bytes.extend([9; 32]); // the tag, which takes the user's key to check
    bytes.extend(b"\x01\0\0\0\0\0\0\0devstash");
    bytes
}

/// An entry of exactly this size.
fn entry_of_size(size: usize) -> Vec<u8> {
    let around = entry_of(b"", MANIFEST, false).len();
    entry_of(&vec![b'N'; size - around], MANIFEST, false)
}

fn with_ttl(seconds: u64) -> Vec<u8> {
    entry_of(
        b"\x80\x05N.",
        &MANIFEST.replace("null", &seconds.to_string()),
        false,
    )
}

/// What stands in the column of statuses, the heading included.
fn statuses(outcome: &Outcome) -> Vec<&str> {
    let mut lines: Vec<&str> = outcome.stdout.lines().collect();
    lines.pop(); // the totals
    let column = lines[0].find("TTL Status").unwrap();
    let cell = |line: &&'_ str| column..column + line[column..].find("  ").unwrap();
    lines.iter().map(|line| &line[cell(line)]).collect()
}

#[test]
fn list_judges_by_the_ttl_it_is_given() {
    let project = Project::new();
    // Shown in minutes and hours, so that a slow machine changes nothing.
    project.file(GET, &entry_of_size(12_390), 2 * 86_400 + 5 * 3_600 + 60);
    project.file(SPLIT, &entry_of_size(7_969_178), 13 * 3_600 + 5 * 60 + 20);
    let expected = "\
Cache File                                                                  Size        Age  TTL Status     Saved  Hits  Site
requests.api__get__0c4579007009458c.pkl                                 12.1 KiB      2d 5h  expired (>1d)      -     -  -
sklearn.model_selection._split__train_test_split__17b5d3a2c4e6f801.pkl   7.6 MiB     13h 5m  valid (<=1d)       -     -  -
2 entries, 7.6 MiB
";
    assert_eq!(
        project.devstash(&["list", "--ttl", "1d"]),
        ran(0, expected, "")
    );
}

#[test]
fn list_judges_by_the_ttl_of_each_marker_otherwise() {
    let project = Project::new();
    project.file("m__a__0000000000000000.pkl", &with_ttl(3600), 7200);
    project.file("m__b__0000000000000000.pkl", &with_ttl(3600), 1800);
    project.file(
        "m__c__0000000000000000.pkl",
        &entry_of(b"N.", MANIFEST, false),
        900,
    );
    let outcome = project.devstash(&["list"]);
    assert_eq!(
        statuses(&outcome),
        ["TTL Status", "expired (>1h)", "valid (<=1h)", "no ttl"]
    );
}

#[test]
fn list_puts_the_newest_last_and_sorts_equals_by_name() {
    let project = Project::new();
    let path = project.file("m__c__0000000000000000.pkl", &with_ttl(60), 500);
    let made = path.metadata().unwrap().modified().unwrap();
    let other = project.file("m__a__0000000000000000.pkl", &with_ttl(60), 500);
    fs::File::options()
        .write(true)
        .open(other)
        .unwrap()
        .set_modified(made)
        .unwrap();
    project.file("m__b__0000000000000000.pkl", &with_ttl(60), 900);
    let outcome = project.devstash(&["list"]);
    let order: Vec<&str> = outcome
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("m__")?.get(..1))
        .collect();
    assert_eq!(order, ["b", "a", "c"]);
}

#[test]
fn list_shows_what_is_wrong_with_an_entry() {
    let good = entry_of(b"\x80\x05N.", MANIFEST, false);
    let end = good.len();
    let mut flipped = good.clone();
    flipped[2] ^= 1;
    let mut future = good.clone();
    future[end - 16] = 3;
    let mut lengths = good.clone();
    lengths[end - 104] += 1;
    let mut huge = good.clone();
    huge[end - 104..end - 88].fill(0xff);
    let no_manifest = entry_of(b"\x80\x05N.", "{\"key\":", false);
    let cases: [(&[u8], &str); 9] = [
        (&good, "no ttl"),
        (b"", "damaged (empty)"),
        (b"x", "damaged (truncated, or not written by devstash)"),
        (
            &good[..end - 1],
            "damaged (truncated, or not written by devstash)",
        ),
        (&flipped, "damaged (checksum is wrong)"),
        (&future, "future format (3)"),
        (&lengths, "damaged (lengths do not fit)"),
        (&huge, "damaged (lengths do not fit)"),
        (&no_manifest, "damaged (manifest cannot be read)"),
    ];
    let project = Project::new();
    for (place, (bytes, _)) in cases.iter().enumerate() {
        project.file(
            &format!("m__{place}__0000000000000000.pkl"),
            bytes,
            10_000 - place as u64,
        );
    }
    fs::create_dir(project.cache().join("m__folder__0000000000000000.pkl")).unwrap();
    symlink(
        "/etc/passwd",
        project.cache().join("m__link__0000000000000000.pkl"),
    )
    .unwrap();
    let outcome = project.devstash(&["list", "--ttl", "52w"]);
    assert_eq!((outcome.status, &*outcome.stderr), (Some(0), ""));
    for (place, (_, status)) in cases.iter().enumerate() {
        let status = status.replace("no ttl", "valid (<=52w)");
        let line = outcome.stdout.lines().nth(place + 1).unwrap();
        assert!(line.starts_with(&format!("m__{place}__")), "{line}");
        assert_eq!(statuses(&outcome)[place + 1], status, "{line}");
    }
    assert_eq!(
        outcome
            .stdout
            .matches("  foreign (not a plain file)  ")
            .count(),
        2
    );
}

#[test]
fn list_shows_names_harmlessly() {
    let project = Project::new();
    project.file(
        "m\x1b[31m\n\u{202e}__f__0000000000000000.pkl",
        &with_ttl(60),
        1,
    );
    let outcome = project.devstash(&["list"]);
    assert!(
        outcome
            .stdout
            .contains("m\\u{1b}[31m\\n\\u{202e}__f__0000000000000000.pkl"),
        "{}",
        outcome.stdout
    );
    assert_eq!(outcome.stdout.lines().count(), 3);
}

#[test]
fn list_leaves_out_what_is_no_entry() {
    let project = Project::new();
    project.file("model.pkl", b"mine", 0);
    project.file(".checked-1234", b"", 0);
    let empty = format!(
        "devstash: the cache `{}` is empty\n",
        project.cache().display()
    );
    assert_eq!(project.devstash(&["list"]), ran(0, "", &empty));
}

#[test]
fn list_says_that_there_is_no_cache() {
    let project = Project::without_cache();
    let cache = project.cache();
    let absent = format!(
        "devstash: there is no cache at `{}`; `devstash run` makes it when there is something to keep\n",
        cache.display()
    );
    assert_eq!(project.devstash(&["list"]), ran(0, "", &absent));
    assert!(!cache.exists());
    fs::create_dir(&cache).unwrap();
    let foreign = format!(
        "devstash: `{}` is not a cache folder of devstash\n",
        cache.display()
    );
    assert_eq!(project.devstash(&["list"]), ran(1, "", &foreign));
}

#[test]
fn list_refuses_a_layout_of_the_future() {
    let project = Project::new();
    fs::write(project.cache().join("format"), "2\n").unwrap();
    let cache = project.cache();
    let newer = format!(
        "devstash: `{}` was made by a newer devstash (layout 2; this one knows 1)\n",
        cache.display()
    );
    assert_eq!(project.devstash(&["list"]), ran(1, "", &newer));
    assert_eq!(project.devstash(&["clear", "--all"]), ran(1, "", &newer));
}

#[test]
fn list_wants_a_ttl_that_is_one() {
    let outcome = Project::new().devstash(&["list", "--ttl", "1 minute"]);
    assert_eq!((outcome.status, &*outcome.stdout), (Some(2), ""));
    assert!(
        outcome.stderr.contains("30s, 10m, 2h, 7d or 1w"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn clear_removes_one_by_its_name() {
    let project = Project::new();
    project.file(GET, &with_ttl(60), 5);
    project.file(SPLIT, &with_ttl(60), 5);
    assert_eq!(
        project.devstash(&["clear", "--pattern", GET]),
        ran(0, "Removed 1 cache file(s).\n", "")
    );
    assert_eq!(project.names(), [SPLIT]);
}

#[test]
fn clear_removes_by_part_and_by_glob() {
    let project = Project::new();
    for number in 0..6 {
        project.file(
            &format!("m__f{number}__000000000000000{number}.pkl"),
            &with_ttl(60),
            5,
        );
    }
    assert_eq!(
        project.devstash(&["clear", "--pattern", "f5_"]),
        ran(0, "Removed 1 cache file(s).\n", "")
    );
    assert_eq!(
        project.devstash(&["clear", "--pattern", "*__f[0-2]__*"]),
        ran(0, "Removed 3 cache file(s).\n", "")
    );
    assert_eq!(
        project.names(),
        ["m__f3__0000000000000003.pkl", "m__f4__0000000000000004.pkl"]
    );
}

#[test]
fn clear_says_that_nothing_matches() {
    let project = Project::new();
    project.file(GET, &with_ttl(60), 5);
    let none = ran(1, "", "devstash: no cached entry matches `post*`\n");
    assert_eq!(project.devstash(&["clear", "--pattern", "post*"]), none);
    assert_eq!(project.names(), [GET]);
}

#[test]
fn clear_never_removes_a_file_that_is_no_entry() {
    let project = Project::new();
    project.file("model.pkl", b"mine", 5);
    project.file(GET, b"damaged", 5);
    assert_eq!(
        project.devstash(&["clear", "--pattern", "*"]),
        ran(0, "Removed 1 cache file(s).\n", "")
    );
    assert_eq!(project.names(), ["model.pkl"]);
    assert_eq!(
        project
            .devstash(&["clear", "--pattern", "model.pkl"])
            .status,
        Some(1)
    );
    assert_eq!(
        project.devstash(&["clear", "--pattern", "format"]).status,
        Some(1)
    );
    assert_eq!(project.names(), ["model.pkl"]);
}

#[test]
fn clear_all_removes_all_that_is_ours_and_nothing_else() {
    let project = Project::new();
    project.file(GET, &with_ttl(60), 5);
    project.file(SPLIT, b"", 5);
    project.file("model.pkl", b"mine", 5);
    project.file(".checked-1234", b"", 5);
    project.file(".tmp/17-abandoned", b"", 600);
    project.file(".tmp/18-being-written", b"", 1);
    let outside = project.folder.path().join("outside.pkl");
    fs::write(&outside, "").unwrap();
    symlink(
        &outside,
        project.cache().join("m__link__0000000000000000.pkl"),
    )
    .unwrap();
    let folder = project.cache().join("m__folder__0000000000000000.pkl");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("mine"), "").unwrap();
    assert_eq!(
        project.devstash(&["clear", "--all"]),
        ran(0, "Cleared all cached entries.\n", "")
    );
    assert_eq!(
        project.names(),
        ["m__folder__0000000000000000.pkl", "model.pkl"]
    );
    assert!(
        outside.exists() && folder.join("mine").exists() && project.cache().join("format").exists()
    );
    let drafts: Vec<_> = fs::read_dir(project.cache().join(".tmp"))
        .unwrap()
        .collect();
    assert_eq!(drafts.len(), 1);
    assert_eq!(
        project.devstash(&["clear", "--all"]),
        ran(0, "Cleared all cached entries.\n", "")
    );
}

/// Puts a blob into the cache.
fn blob(project: &Project, digest: &str) -> PathBuf {
    let folder = project.cache().join(".blobs").join(&digest[..2]);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(digest), "content").unwrap();
    folder.join(digest)
}

fn with_effects(effects: &str) -> Vec<u8> {
    let manifest = MANIFEST.replace("\"later\"", &format!("\"effects\":{effects},\"later\""));
    entry_of(b"N.", &manifest, false)
}

const FIRST: &str = "00112233445566778899aabbccddeeff";
const SECOND: &str = "ff112233445566778899aabbccddeeff";
const THIRD: &str = "ff112233445566778899aabbccddee00";

#[test]
fn clear_removes_the_contents_that_no_entry_needs_any_more() {
    let project = Project::new();
    let file = format!(r#"{{"files":[["file","out.csv",null,7,"{FIRST}",1,2,3,0]]}}"#);
    let output = format!(r#"{{"output":{{"blob":"{SECOND}","size":7}}}}"#);
    project.file(GET, &with_effects(&file), 5);
    project.file(SPLIT, &with_effects(&output), 5);
    let paths = [FIRST, SECOND, THIRD].map(|digest| blob(&project, digest));
    let mine = project.cache().join(".blobs/ff/notes.txt");
    fs::write(&mine, "mine").unwrap();
    let there = || paths.each_ref().map(|path| path.exists());
    let listed = project.devstash(&["list"]).stdout;
    assert!(
        listed.ends_with("\nand 3 contents of files, 21 B\n"),
        "{listed}"
    );
    project.devstash(&["clear", "--pattern", "nothing"]);
    assert_eq!(there(), [true, true, true]);
    project.devstash(&["clear", "--pattern", GET]);
    assert_eq!(there(), [false, true, false]);
    assert!(!project.cache().join(".blobs/00").exists() && mine.exists());
    project.devstash(&["clear", "--pattern", SPLIT]);
    assert_eq!(there(), [false, false, false]);
    assert!(mine.exists());
}

#[test]
fn clear_keeps_all_contents_while_an_entry_cannot_be_read() {
    let project = Project::new();
    project.file(GET, &with_ttl(60), 5);
    project.file(SPLIT, b"damaged", 5);
    let path = blob(&project, FIRST);
    project.devstash(&["clear", "--pattern", GET]);
    assert!(path.exists());
    project.devstash(&["clear", "--all"]);
    assert!(!path.exists() && !project.cache().join(".blobs").exists());
}

#[test]
fn clear_all_removes_notes_and_locks() {
    let project = Project::new();
    project.file(GET, &with_ttl(60), 5);
    for folder in [".stat", ".locks"] {
        fs::create_dir(project.cache().join(folder)).unwrap();
    }
    project.file(".stat/0123456789abcdef", b"", 5);
    project.file(".stat/w0123456789abcdef", b"", 5);
    project.file(".locks/0123456789abcdef", b"", 5);
    let mine = project.file(".locks/mine", b"", 5);
    project.devstash(&["clear", "--pattern", "requests"]);
    assert!(project.cache().join(".locks/0123456789abcdef").exists());
    project.devstash(&["clear", "--all"]);
    assert_eq!(project.names(), [".locks"]);
    assert!(mine.exists() && !project.cache().join(".locks/0123456789abcdef").exists());
}

#[test]
fn clear_dry_run_only_tells() {
    let project = Project::new();
    project.file(GET, &with_ttl(60), 5);
    project.file(SPLIT, &with_ttl(60), 5);
    let all = ran(
        0,
        &format!("{GET}\n{SPLIT}\nWould remove 2 cache file(s).\n"),
        "",
    );
    assert_eq!(project.devstash(&["clear", "--all", "--dry-run"]), all);
    let one = ran(0, &format!("{GET}\nWould remove 1 cache file(s).\n"), "");
    assert_eq!(
        project.devstash(&["clear", "--pattern", "requests", "--dry-run"]),
        one
    );
    assert_eq!(project.names(), [GET, SPLIT]);
}

#[test]
fn clear_without_a_selector_removes_nothing_and_says_what_it_needs() {
    let project = Project::new();
    project.file(GET, &with_ttl(60), 5);
    let outcome = project.devstash(&["clear"]);
    assert_eq!((outcome.status, &*outcome.stdout), (Some(2), ""));
    assert!(
        outcome.stderr.contains("--all") && outcome.stderr.contains("--pattern"),
        "{}",
        outcome.stderr
    );
    assert_eq!(project.devstash(&["clear", "--dry-run"]).status, Some(2));
    assert_eq!(project.names(), [GET]);
}

#[test]
fn clear_leaves_a_folder_that_is_not_ours_alone() {
    let project = Project::new();
    project.file(GET, &with_ttl(60), 5);
    for mark in ["format", "CACHEDIR.TAG"] {
        let text = fs::read(project.cache().join(mark)).unwrap();
        fs::remove_file(project.cache().join(mark)).unwrap();
        let outcome = project.devstash(&["clear", "--all"]);
        assert_eq!((outcome.status, &*outcome.stdout), (Some(1), ""));
        assert!(
            outcome
                .stderr
                .ends_with("is not a cache folder of devstash\n"),
            "{}",
            outcome.stderr
        );
        fs::write(project.cache().join(mark), text).unwrap();
    }
    assert_eq!(project.names(), [GET]);
}

#[test]
fn clear_without_a_cache_is_done_already() {
    let project = Project::without_cache();
    let absent = format!(
        "devstash: there is no cache at `{}`\n",
        project.cache().display()
    );
    assert_eq!(project.devstash(&["clear", "--all"]), ran(0, "", &absent));
    assert_eq!(
        project.devstash(&["clear", "--pattern", "x"]),
        ran(1, "", &absent)
    );
}

#[test]
fn another_cache_folder_can_be_named() {
    let project = Project::new();
    project.file(GET, &with_ttl(60), 5);
    fs::rename(project.cache(), project.folder.path().join("elsewhere")).unwrap();
    assert!(
        project
            .devstash(&["list", "--cache-dir", "elsewhere"])
            .stdout
            .contains(GET)
    );
    let cleared = project.devstash(&["clear", "--all", "--cache-dir", "elsewhere"]);
    assert_eq!(cleared, ran(0, "Cleared all cached entries.\n", ""));
}

#[test]
fn truncated_anywhere_is_damage() {
    let project = Project::new();
    let stream = [b'N'; 200];
    let bytes = entry_of(&stream, MANIFEST, true);
    let read = |bytes: &[u8]| entry::read(&project.file(GET, bytes, 5));
    assert!(read(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_flipped_bit_of_a_small_entry_is_damage() {
    let project = Project::new();
    let bytes = entry_of(&[b'N'; 200], MANIFEST, true);
    let tag = bytes.len() - 48..bytes.len() - 16;
    for place in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[place] ^= 1 << (place % 8);
        let read = entry::read(&project.file(GET, &bad, 5));
        // Large buffers have digests of their own, and the tag takes the user's key to check: both are the runtime's.
        assert_eq!(
            read.is_ok(),
            (64..84).contains(&place) || tag.contains(&place),
            "{place}"
        );
    }
}

#[test]
fn large_entries_are_read_from_their_end() {
    let project = Project::new();
    let read = entry::read(&project.file(GET, &entry_of_size(3 << 20), 5)).unwrap();
    assert_eq!((read.size, &*read.manifest.value), (3 << 20, "None"));
}

#[test]
fn unreadable_entries_are_told() {
    let project = Project::new();
    let path = project.file(GET, &with_ttl(60), 5);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser reads everything.
    match entry::read(&path) {
        Err(damage) => assert_eq!(damage.to_string(), "unreadable (permission denied)"),
        Ok(read) => assert_eq!(read.manifest.ttl, Some(60)),
    }
    assert!(matches!(
        entry::read(Path::new("/dev/null")),
        Err(Damage::NotAFile)
    ));
}

/// The runtime writes and this side reads: they have to mean the same.
#[test]
fn entries_of_the_runtime_are_read() {
    let project = Project::without_cache();
    let script = r#"
import sys
sys.path.insert(0, sys.argv[1])
from devstash import store
class Key:
    module, qualname, digest, previews = "requests.api", "get", "0c4579007009458c", {"argument url": "'é\x1b'"}
    def text(self): return b'{"callable":"aa","argument url":"bb"}'
class Site:
    file, line, scope, text, name, ttl = "/home/me/s.py", 7, "Loader.run", "x = get(url)  # \udcff", None, 90
import pickle
class Block:
    def __reduce_ex__(self, protocol):
        return bytes, (pickle.PickleBuffer(bytearray(int(sys.argv[3]))),)
store.Store(sys.argv[2]).save(Key(), [Block()], {"duration": 1.25, "site": Site()})
"#;
    for (size, buffer) in [("100", 100), ("20000", 20_000), ("3000000", 3_000_000)] {
        let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/runtime");
        let output = Command::new("python3")
            .args(["-B", "-c", script])
            .args([
                runtime.as_os_str(),
                project.cache().as_os_str(),
                size.as_ref(),
            ])
            .env("XDG_DATA_HOME", project.folder.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let read = entry::read(&project.cache().join(GET)).unwrap();
        let manifest = &read.manifest;
        assert!(read.size > buffer && manifest.size > buffer && manifest.size < read.size);
        assert_eq!(
            manifest.key.keys().collect::<Vec<_>>(),
            ["callable", "argument url"]
        );
        assert_eq!(manifest.previews["argument url"], "'é\x1b'");
        assert_eq!(
            (&*manifest.module, &*manifest.qualname),
            ("requests.api", "get")
        );
        assert_eq!((manifest.duration, manifest.ttl), (Some(1.25), Some(90)));
        assert_eq!(
            manifest.site.text.as_deref(),
            Some("x = get(url)  # \u{fffd}")
        );
        assert_eq!((manifest.site.line, &manifest.site.name), (Some(7), &None));
        assert!(manifest.created.ends_with('Z'));
        let listed = project.devstash(&["list"]);
        assert_eq!(statuses(&listed)[1], "valid (<=90s)", "{listed:?}");
    }
}
