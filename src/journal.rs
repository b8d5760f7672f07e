//! The journal: what runs have written down of their hits and misses, in; runs, and what they came to, out.
//!
//! `journal.py` writes it, for people: nothing is decided by it, it can be lost at any time, and what cannot be read of it
//! is passed over. `docs/cache-format.md` has its lines.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::hash::Hash;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::store::{JOURNAL, Store};

/// The run of what no run has done.
const NOBODY: &str = "00000000";
/// More than this is not read: a journal is put aside long before.
const LONGEST: u64 = 64 << 20;

/// All runs that are still known of, in the order in which they have first written something down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journal {
    pub runs: Vec<Run>,
    /// In no order.
    pub evicted: Vec<Evicted>,
}

/// An entry that was removed to make room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evicted {
    pub moment: i64,
    /// The name of the entry's file.
    pub entry: String,
}

/// A run of a script, its workers included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Eight hex digits.
    pub id: String,
    /// In nanoseconds since 1970, as all moments here; 0 where its first line is lost.
    pub started: i64,
    /// The absolute path of the script, as `site.file` of a manifest has it; empty where its first line is lost.
    pub script: String,
    /// In the order of their moments, as are the misses.
    pub hits: Vec<Hit>,
    pub misses: Vec<Miss>,
}

/// The hits of one marked place on one entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Of the last of them.
    pub moment: i64,
    pub line: u64,
    pub count: u64,
    /// How long the calls would have taken, in seconds, and how many tokens they would have cost, all together.
    pub saved: f64,
    pub tokens: u64,
    /// The name of the entry's file.
    pub entry: String,
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Miss {
    /// When it was known what became of it.
    pub moment: i64,
    pub line: u64,
    /// What was called, as `run -v` calls it; empty where the call was refused before its key was made. So are reason and
    /// entry then.
    pub label: String,
    /// The name of the miss, of the list in `docs/cache-format.md`.
    pub reason: String,
    pub detail: String,
    /// The name of the entry's file; where nothing was stored, that which it would have had first.
    pub entry: String,
    pub outcome: Outcome,
    /// Seconds that the calls took, all together.
    pub duration: f64,
    /// How many calls; more than one only where they were refused for the same reason, at the same place.
    pub count: u64,
}

/// What became of the result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Stored,
    Raised,
    /// It was a stream that was not consumed to its end.
    LeftHalfWay,
    /// It was not kept, for this reason as the user was told it: `not cached: …` or `not kept: …`.
    Refused(String),
}

/// What a number of calls came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    pub hits: u64,
    pub misses: u64,
    /// Seconds, by hits.
    pub saved: f64,
    /// By hits.
    pub tokens: u64,
    /// The moment of the last hit or miss.
    pub last: i64,
}

impl Sums {
    fn hit(&mut self, hit: &Hit) {
        self.hits = self.hits.saturating_add(hit.count);
        self.saved += hit.saved;
        self.tokens = self.tokens.saturating_add(hit.tokens);
        self.last = self.last.max(hit.moment);
    }

    fn miss(&mut self, miss: &Miss) {
        self.misses = self.misses.saturating_add(miss.count);
        self.last = self.last.max(miss.moment);
    }
}

impl Journal {
    /// The journal of the store. Never fails: what is not there or not in order is passed over.
    pub fn read(store: &Store) -> Journal {
        let mut reader = Reader::default();
        for name in JOURNAL {
            let name = OsStr::from_bytes(name.to_bytes());
            if let Some(bytes) = bytes(&store.notes().join(name), store.user()) {
                reader.take(&bytes);
            }
        }
        reader.finish()
    }

    /// Write down that entries were removed to make room, so that a later run can say why it does not find them. Trouble
    /// with that is none, and where there is no journal there is nobody to be told.
    pub fn note_evicted<'n>(
        store: &Store,
        names: impl IntoIterator<Item = &'n OsStr>,
        moment: SystemTime,
    ) {
        let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut lines = String::new();
        for name in names {
            // An entry's name has no sign that would have to be escaped.
            if let Some(name) = name.to_str() {
                let _ = writeln!(lines, "evicted\t{NOBODY}\t{}\t{name}", since.as_nanos());
            }
        }
        let file = OpenOptions::new()
            .append(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(store.notes().join("journal"));
        if let Ok(mut file) = file
            && !lines.is_empty()
            && file.metadata().is_ok_and(|found| found.is_file())
        {
            let _ = file.write_all(lines.as_bytes());
        }
    }

    /// What all of it came to.
    pub fn sums(&self) -> Sums {
        self.by(|_, _, _, _| Some(()))
            .remove(&())
            .unwrap_or_default()
    }

    /// By the names of entries' files.
    pub fn by_entry(&self) -> HashMap<&str, Sums> {
        self.by(|_, _, entry, _| (!entry.is_empty()).then_some(entry))
    }

    /// By script and line, as they were when the calls were made.
    pub fn by_site(&self) -> HashMap<(&str, u64), Sums> {
        self.by(|run, line, _, _| (!run.script.is_empty()).then_some((run.script.as_str(), line)))
    }

    /// By day; `day` says which one a moment belongs to.
    pub fn by_day<D: Ord + Hash>(&self, day: impl Fn(i64) -> D) -> BTreeMap<D, Sums> {
        self.by(|_, _, _, moment| Some(day(moment)))
            .into_iter()
            .collect()
    }

    /// By whatever `key` makes of run, line, entry and moment; None leaves the hits or the miss out.
    pub fn by<'j, K: Eq + Hash>(
        &'j self,
        key: impl Fn(&'j Run, u64, &'j str, i64) -> Option<K>,
    ) -> HashMap<K, Sums> {
        let mut sums: HashMap<K, Sums> = HashMap::new();
        for run in &self.runs {
            for hit in &run.hits {
                if let Some(key) = key(run, hit.line, &hit.entry, hit.moment) {
                    sums.entry(key).or_default().hit(hit);
                }
            }
            for miss in &run.misses {
                if let Some(key) = key(run, miss.line, &miss.entry, miss.moment) {
                    sums.entry(key).or_default().miss(miss);
                }
            }
        }
        sums
    }
}

/// The contents of a file that is there, plain and of this user.
fn bytes(path: &Path, user: u32) -> Option<Vec<u8>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .ok()?;
    let found = file.metadata().ok()?;
    if !found.is_file() || found.uid() != user {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len().min(LONGEST)).ok()?);
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[derive(Default)]
struct Reader {
    runs: Vec<Run>,
    evicted: Vec<Evicted>,
    /// Their places by their ids.
    places: HashMap<String, usize>,
}

impl Reader {
    fn take(&mut self, bytes: &[u8]) {
        for line in bytes.split(|byte| *byte == b'\n') {
            if let Ok(line) = std::str::from_utf8(line) {
                self.line(line);
            }
        }
    }

    /// None for a line that is not one of ours.
    fn line(&mut self, line: &str) -> Option<()> {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        let kind = next()?;
        let id = next().filter(|id| is_id(id))?;
        match kind {
            "run" => {
                let started: i64 = next()?.parse().ok()?;
                let script = text(next()?);
                let run = self.run(id);
                if run.script.is_empty() {
                    run.started = started;
                    run.script = script;
                }
            }
            "hit" => {
                let hit = Hit {
                    moment: next()?.parse().ok()?,
                    line: next()?.parse().ok()?,
                    count: next()?.parse().ok()?,
                    saved: seconds(next()?)?,
                    tokens: next()?.parse().ok()?,
                    entry: text(next()?),
                };
                self.run(id).hits.push(hit);
            }
            "miss" => {
                let miss = Miss {
                    moment: next()?.parse().ok()?,
                    line: next()?.parse().ok()?,
                    label: text(next()?),
                    reason: text(next()?),
                    detail: text(next()?),
                    entry: text(next()?),
                    outcome: match text(next()?).as_str() {
                        "stored" => Outcome::Stored,
                        "raised" => Outcome::Raised,
                        "left half-way" => Outcome::LeftHalfWay,
                        refusal => Outcome::Refused(refusal.to_owned()),
                    },
                    duration: seconds(next()?)?,
                    count: next().map_or(Ok(1), str::parse).ok()?,
                };
                self.run(id).misses.push(miss);
            }
            "evicted" => self.evicted.push(Evicted {
                moment: next()?.parse().ok()?,
                entry: text(next()?),
            }),
            _ => return None,
        }
        Some(())
    }

    fn run(&mut self, id: &str) -> &mut Run {
        // The last one, nearly always.
        let place = match self.runs.last() {
            Some(run) if run.id == id => self.runs.len() - 1,
            _ => *self.places.entry(id.to_owned()).or_insert_with(|| {
                self.runs.push(Run {
                    id: id.to_owned(),
                    ..Run::default()
                });
                self.runs.len() - 1
            }),
        };
        &mut self.runs[place]
    }

    fn finish(mut self) -> Journal {
        for run in &mut self.runs {
            run.hits.sort_by_key(|hit| hit.moment);
            run.misses.sort_by_key(|miss| miss.moment);
        }
        Journal {
            runs: self.runs,
            evicted: self.evicted,
        }
    }
}

fn is_id(id: &str) -> bool {
    id.len() == 8
        && id
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Milliseconds, as seconds.
fn seconds(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some(value / 1e3)
}

/// A field, with `%09`, `%0A` and `%25` for a tab, a line end and `%`.
fn text(field: &str) -> String {
    let field: Cow<'_, str> = if field.contains('%') {
        field
            .replace("%09", "\t")
            .replace("%0A", "\n")
            .replace("%25", "%")
            .into()
    } else {
        field.into()
    };
    field.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &[u8]) -> Journal {
        let mut reader = Reader::default();
        reader.take(text);
        reader.finish()
    }

    const TWO: &[u8] = b"\
run\t0123abcd\t1000\t/home/me/a%09b%25.py
hit\t0123abcd\t5000\t12\t3\t1500.000\t60\tm__f__0123456789abcdef.pkl
run\t89abcdef\t2000\t/home/me/c.py
miss\t0123abcd\t3000\t14\tg\tinput changed\tdata.csv%0Aand more\tm__g__0123456789abcdef.pkl\tstored\t250.500
hit\t0123abcd\t4000\t12\t1\t500.000\t20\tm__f__0123456789abcdef.pkl
run\t0123abcd\t1000\t/home/me/a%09b%25.py
hit\t89abcdef\t6000\t3\t2\t0.000\t0\tm__f__0123456789abcdef.pkl
miss\t89abcdef\t7000\t4\t\t\t\t\tnot cached: 100%25 `x`\t3.000\t5
";

    #[test]
    fn runs_have_their_hits_and_misses_in_order() {
        let journal = of(TWO);
        let [first, second] = &journal.runs[..] else {
            panic!("{journal:?}")
        };
        assert_eq!((first.id.as_str(), first.started), ("0123abcd", 1000));
        assert_eq!(first.script, "/home/me/a\tb%.py");
        let moments: Vec<i64> = first.hits.iter().map(|hit| hit.moment).collect();
        assert_eq!(moments, [4000, 5000]);
        assert_eq!(first.hits[1].saved, 1.5);
        let miss = Miss {
            moment: 3000,
            line: 14,
            label: "g".into(),
            reason: "input changed".into(),
            detail: "data.csv\nand more".into(),
            entry: "m__g__0123456789abcdef.pkl".into(),
            outcome: Outcome::Stored,
            duration: 0.2505,
            count: 1,
        };
        assert_eq!(first.misses, [miss]);
        let refused = &second.misses[0];
        assert_eq!(
            refused.outcome,
            Outcome::Refused("not cached: 100% `x`".into())
        );
        assert_eq!((refused.count, refused.reason.as_str()), (5, ""));
    }

    #[test]
    fn sums_are_by_entry_by_site_and_by_day() {
        let journal = of(TWO);
        let sums = |hits, misses, saved, tokens, last| Sums {
            hits,
            misses,
            saved,
            tokens,
            last,
        };
        assert_eq!(journal.sums(), sums(6, 6, 2.0, 80, 7000));
        let entries = journal.by_entry();
        assert_eq!(entries.len(), 2);
        assert_eq!(
            entries["m__f__0123456789abcdef.pkl"],
            sums(6, 0, 2.0, 80, 6000)
        );
        let sites = journal.by_site();
        assert_eq!(sites.len(), 4);
        assert_eq!(sites[&("/home/me/a\tb%.py", 12)], sums(4, 0, 2.0, 80, 5000));
        assert_eq!(sites[&("/home/me/c.py", 4)], sums(0, 5, 0.0, 0, 7000));
        let days: Vec<(i64, Sums)> = journal.by_day(|moment| moment / 5000).into_iter().collect();
        assert_eq!(
            days,
            [
                (0, sums(1, 1, 0.5, 20, 4000)),
                (1, sums(5, 5, 1.5, 60, 7000))
            ]
        );
    }

    #[test]
    fn entries_that_were_evicted_are_told() {
        let journal =
            of(b"evicted\t00000000\t4000\tm__f__0123456789abcdef.pkl\nevicted\t00000000\tx\ty\n");
        let evicted = Evicted {
            moment: 4000,
            entry: "m__f__0123456789abcdef.pkl".into(),
        };
        assert_eq!((journal.evicted, journal.runs.len()), (vec![evicted], 0));
    }

    #[test]
    fn what_is_noted_as_evicted_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("format", "1\n");
        write(
            "CACHEDIR.TAG",
            "Signature: 8a477f597d28d172789f06886806bc55\n",
        );
        let store = Store::open(folder.path()).unwrap();
        let names = [OsStr::new("m__f__0123456789abcdef.pkl")];
        let moment = UNIX_EPOCH + std::time::Duration::from_nanos(4000);
        Journal::note_evicted(&store, names, moment);
        assert_eq!(Journal::read(&store), Journal::default());
        std::fs::create_dir(store.notes()).unwrap();
        std::fs::write(store.notes().join("journal"), TWO).unwrap();
        Journal::note_evicted(&store, names, moment);
        let journal = Journal::read(&store);
        assert_eq!((journal.runs.len(), journal.evicted.len()), (2, 1));
        assert_eq!(
            (journal.evicted[0].moment, &*journal.evicted[0].entry),
            (4000, names[0].to_str().unwrap())
        );
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let whole = of(TWO);
        let mut with =
            b"\xff\xfe\0\n\n\t\t\nhit\nrun\t0123ABCD\t1\tx\nhit\t0123abcd\t1\t2\n".to_vec();
        with.extend(b"hit\t0123abcd\t1\t2\t3\tNaN\t5\te\nhit\t0123abcd\t1\t2\t-3\t1\t5\te\nfuture\t0123abcd\t1\n");
        with.extend(TWO);
        assert_eq!(of(&with), whole);
        for end in 0..TWO.len() {
            of(&TWO[..end]);
            of(&TWO[end..]);
        }
        // A line that was cut short, and others behind it.
        let (cut, rest) = TWO.split_at(TWO.len() - 20);
        let torn = of(&[cut, b"\n", TWO].concat());
        assert_eq!(torn.runs[0].hits.len(), 2 * whole.runs[0].hits.len());
        assert!(of(rest).runs.is_empty());
    }

    #[test]
    fn a_run_whose_first_line_is_lost_has_no_script() {
        let journal = of(b"hit\t0123abcd\t1\t2\t3\t1.5\t5\te\n");
        assert_eq!(
            (journal.runs[0].script.as_str(), journal.sums().hits),
            ("", 3)
        );
        assert!(journal.by_site().is_empty());
    }
}
