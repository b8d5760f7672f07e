//! What a marked call writes, copied to where it was going and into a record on the way.
//!
//! The runtime (`capture.py`) puts a pseudo-terminal or a pipe in the place of stdout and stderr while a call with
//! `replay=` runs, and starts this at the other end. It is a process of its own and no thread of the interpreter, so
//! that C code can write while it holds the interpreter's lock, and so that nothing written is lost when the
//! interpreter dies.
//!
//! `devstash pump VERSION RECORD CHANNEL...` is no command for users: it is not in the help, and `main` comes here
//! before the command line is looked at, because a start costs every recorded call its time. A CHANNEL is
//! `<stream number>t` for a terminal or `<stream number>p` for a pipe. The descriptors are handed down:
//!
//! - 0: the mark, [`MARK`] bytes, and then nothing more
//! - 3: a byte when copying begins, and the answer, another one, when the mark has come by on every channel
//! - 4: the record, which lies at RECORD
//! - 5, 6, then 7, 8: source and destination of each channel
//!
//! The record is a sequence of frames: the stream's number in a byte, the length in four (little endian), the data.
//!
//! The mark is written into every channel when the call is over. What came before it belongs to the call, whatever
//! else may still be under way. (To find the channel empty would not do: a pseudo-terminal delivers later what has
//! been written to it.) What comes behind it, from a process that the call has left running, is copied and not
//! recorded.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{process, ptr, thread};

use crate::exit::ExitStatus;

/// Both sides must speak of the same thing: the binary can have been replaced since the script was started.
const VERSION: &str = "1";
/// Length of the mark. Its first byte is 0xFF, which no text in UTF-8 has.
const MARK: usize = 32;
/// More is not recorded, so that a runaway call does not fill the disk.
const CAP: u64 = 64 << 20;
const CHUNK: usize = 64 << 10;
/// How long what looks like the beginning of the mark is held back for the rest of it (milliseconds).
const PATIENCE: libc::c_int = 50;

const ANSWER: RawFd = 3;
const RECORD: RawFd = 4;
const FIRST_CHANNEL: RawFd = 5;

/// What is said on [`ANSWER`].
mod answer {
    pub const READY: u8 = b'r';
    pub const COMPLETE: u8 = b'k';
    /// The destination took no more, so not everything was written that the call wanted to write.
    pub const BROKEN: u8 = b'b';
    /// There was more than is recorded.
    pub const LARGE: u8 = b'l';
    /// The record could not be written.
    pub const FULL: u8 = b'f';
}

/// What the command line asks for, if it asks for a pump.
#[derive(Debug)]
pub struct Task {
    record: OsString,
    channels: Vec<Channel>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Channel {
    stream: u8,
    is_terminal: bool,
    source: RawFd,
    destination: RawFd,
}

impl Task {
    /// `None`: the line is for somebody else. `Some(None)`: it is for a pump, but not for one of this version.
    pub fn of(line: &[OsString]) -> Option<Option<Task>> {
        let [_, word, words @ ..] = line else {
            return None;
        };
        (word == "pump").then(|| Task::read(words))
    }

    fn read(words: &[OsString]) -> Option<Task> {
        let [version, record, channels @ ..] = words else {
            return None;
        };
        let channels: Option<Vec<Channel>> = channels
            .iter()
            .zip((FIRST_CHANNEL..).step_by(2))
            .map(|(word, source)| Channel::read(word, source))
            .collect();
        (version == VERSION)
            .then_some(channels?)
            .filter(|channels| !channels.is_empty())
            .map(|channels| Task {
                record: record.clone(),
                channels,
            })
    }

    /// Copy until nobody can write any more. Returns only in the process that was started; the copying is done by
    /// one that nobody has to wait for.
    pub fn run(self) -> ExitStatus {
        let mut mark = [0; MARK];
        if !matches!(read(0, &mut mark), Ok(MARK)) {
            return ExitStatus::Usage;
        }
        leave(FIRST_CHANNEL + 2 * self.channels.len() as RawFd, || {
            self.copy(mark)
        })
    }

    fn copy(self, mark: [u8; MARK]) -> ! {
        write_all(ANSWER, &[answer::READY]);
        // SAFETY: nobody else uses this descriptor.
        let record = unsafe { File::from_raw_fd(RECORD) };
        let shared = Arc::new(Mutex::new(Record::new(record, self.channels.len())));
        for channel in self.channels.clone() {
            let shared = Arc::clone(&shared);
            let path = self.record.clone();
            thread::spawn(move || {
                channel.copy(&mark, &shared);
                let mut record = locked(&shared);
                record.open -= 1;
                if record.open == 0 {
                    record.abandon(&path);
                    process::exit(0);
                }
            });
        }
        follow_size(&self.channels)
    }
}

impl Channel {
    fn read(word: &OsStr, source: RawFd) -> Option<Channel> {
        let [stream @ b'1'..=b'3', kind @ (b't' | b'p')] = word.as_bytes() else {
            return None;
        };
        Some(Channel {
            stream: stream - b'0',
            is_terminal: *kind == b't',
            source,
            destination: source + 1,
        })
    }

    /// Copy until the source has ended or the destination has broken.
    fn copy(self, mark: &[u8; MARK], record: &Mutex<Record>) {
        let mut buffer = vec![0; CHUNK];
        let mut held = 0; // this many bytes at the beginning of the buffer may belong to the mark
        let mut is_over = false;
        loop {
            if held > 0 && !is_ready(self.source, libc::POLLIN, PATIENCE) {
                if !self.pass(&buffer[..held], record, !is_over) {
                    break;
                }
                held = 0;
            }
            let Ok(size @ 1..) = read_some(self.source, &mut buffer[held..]) else {
                self.pass(&buffer[..held], record, !is_over);
                break;
            };
            let data = &buffer[..held + size];
            let (before, behind) = if is_over {
                (data.len(), data.len())
            } else {
                find(data, mark)
            };
            if !self.pass(&data[..before], record, !is_over) {
                break;
            }
            held = 0;
            if !is_over && behind > before {
                is_over = true;
                locked(record).end(answer::COMPLETE);
                if !self.pass(&data[behind..], record, false) {
                    break;
                }
            } else {
                held = data.len() - before;
                buffer.copy_within(before..before + held, 0);
            }
        }
        // Whoever still writes gets the error that the destination would give.
        // SAFETY: the descriptor is this channel's own.
        unsafe { libc::close(self.source) };
        if !is_over {
            locked(record).end(answer::BROKEN);
        }
    }

    /// Bring `data` to its destination, and into the record first; whether the destination took it.
    fn pass(self, data: &[u8], record: &Mutex<Record>, is_recorded: bool) -> bool {
        if data.is_empty() {
            return true;
        }
        if is_recorded {
            locked(record).add(self.stream, data);
        }
        write_all(self.destination, data)
    }

    /// Give the pseudo-terminal the size of the terminal; whether it had another.
    fn resize(self) -> bool {
        // SAFETY: the kernel fills the structures, and reads them where they are filled.
        unsafe {
            let (mut wanted, mut found): (libc::winsize, libc::winsize) =
                (std::mem::zeroed(), std::mem::zeroed());
            if libc::ioctl(self.destination, libc::TIOCGWINSZ, &mut wanted) != 0
                || libc::ioctl(self.source, libc::TIOCGWINSZ, &mut found) != 0
            {
                return false;
            }
            let sizes =
                |size: &libc::winsize| (size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel);
            sizes(&wanted) != sizes(&found)
                && libc::ioctl(self.source, libc::TIOCSWINSZ, &wanted) == 0
        }
    }
}

/// The record, and how far the call is.
struct Record {
    file: File,
    /// Data of one stream that is not in the file yet: what is written bit by bit becomes one frame.
    stream: u8,
    pending: Vec<u8>,
    size: u64,
    /// What the answer is going to be.
    answer: u8,
    /// How many channels have not seen the mark.
    waiting: usize,
    /// How many channels are being copied.
    open: usize,
    /// A channel ended without the mark: nobody is going to read this.
    is_cut: bool,
}

impl Record {
    fn new(file: File, channels: usize) -> Record {
        Record {
            file,
            stream: 0,
            pending: Vec::new(),
            size: 0,
            answer: answer::COMPLETE,
            waiting: channels,
            open: channels,
            is_cut: false,
        }
    }

    fn add(&mut self, stream: u8, data: &[u8]) {
        if self.answer == answer::LARGE || self.answer == answer::FULL {
            return;
        }
        self.size += data.len() as u64;
        if self.size > CAP {
            return self.give_up(answer::LARGE);
        }
        if stream != self.stream || self.pending.len() + data.len() > CHUNK {
            self.write_frame();
            self.stream = stream;
        }
        self.pending.extend_from_slice(data);
    }

    fn write_frame(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let mut frame = Vec::with_capacity(5 + self.pending.len());
        frame.push(self.stream);
        frame.extend((self.pending.len() as u32).to_le_bytes());
        frame.append(&mut self.pending);
        if self.file.write_all(&frame).is_err() {
            self.give_up(answer::FULL);
        }
    }

    fn give_up(&mut self, answer: u8) {
        self.answer = answer;
        self.pending = Vec::new();
        let _ = self.file.set_len(0);
    }

    /// One more channel has written all that the call wrote, or is broken; the last one answers.
    fn end(&mut self, answer: u8) {
        if answer != answer::COMPLETE {
            self.is_cut = true;
            if self.answer == answer::COMPLETE {
                self.answer = answer;
            }
        }
        self.waiting -= 1;
        if self.waiting == 0 {
            self.write_frame();
            write_all(ANSWER, &[self.answer]);
            // SAFETY: the descriptor is ours, and is not used again.
            unsafe { libc::close(ANSWER) };
        }
    }

    /// Everything has ended. Where the interpreter died in the middle of the call, nobody else cleans up.
    fn abandon(&mut self, path: &OsStr) {
        if self.is_cut {
            let _ = fs::remove_file(path);
        }
    }
}

fn locked(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the mark begins and ends in `data`; a beginning of it at the end of `data` counts as having no length yet.
fn find(data: &[u8], mark: &[u8; MARK]) -> (usize, usize) {
    let mut from = 0;
    while let Some(step) = data[from..].iter().position(|byte| *byte == mark[0]) {
        let at = from + step;
        let rest = &data[at..];
        if rest.starts_with(mark) {
            return (at, at + MARK);
        }
        if mark.starts_with(rest) {
            return (at, at);
        }
        from = at + 1;
    }
    (data.len(), data.len())
}

/// Do this in a process that belongs to nobody and holds nothing of the script's but the descriptors below `first`.
/// Returns only in the process that was started, which has one thread.
pub fn leave(first: RawFd, work: impl FnOnce()) -> ExitStatus {
    block_signals();
    // The script may wait for its children, all of them. We must not be one.
    // SAFETY: there is one thread.
    match unsafe { libc::fork() } {
        0 => {
            close_all_but(first);
            // No folder must be in use on our account.
            let _ = std::env::set_current_dir("/");
            work();
            process::exit(0)
        }
        -1 => ExitStatus::Trouble,
        _ => ExitStatus::Success,
    }
}

/// Signals at the terminal go to its whole foreground group, to us as well: they are meant for the script. Blocked,
/// SIGTTOU does not keep us from writing either. We end when the last writer has.
fn block_signals() {
    let mut all = MaybeUninit::uninit();
    // SAFETY: the set is filled before it is used.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), ptr::null_mut());
    }
}

/// Hand changes of the terminals' size on, for good: the thread that copies last ends the process.
fn follow_size(channels: &[Channel]) -> ! {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the set is filled before it is used.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGWINCH);
    }
    loop {
        let changed = channels
            .iter()
            .filter(|channel| channel.is_terminal)
            .filter(|channel| channel.resize())
            .count();
        // The script has had this signal together with us, and may have looked at the size before we had changed it.
        // We get it once more ourselves and find that there is nothing to do.
        if changed > 0 {
            // SAFETY: plain system calls.
            unsafe { libc::kill(0, libc::SIGWINCH) };
        }
        let mut signal = 0;
        // SAFETY: the set was filled above.
        unsafe { libc::sigwait(set.as_ptr(), &mut signal) };
    }
}

/// Close what the script has left open for its children: a pipe that we held could not end.
fn close_all_but(first: RawFd) {
    let names: Vec<RawFd> = fs::read_dir("/dev/fd")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for fd in names.into_iter().filter(|fd| *fd >= first) {
        // SAFETY: the folder just read is closed, and nothing else of ours is open.
        unsafe { libc::close(fd) };
    }
}

fn read_some(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the descriptor stays open: it is not closed with this `File`.
    let mut file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    loop {
        match io::Read::read(&mut *file, buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                is_ready(fd, libc::POLLIN, -1);
            }
            done => return done,
        }
    }
}

/// Fill the buffer, up to the end of the source.
fn read(fd: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
    let mut size = 0;
    while size < buffer.len() {
        match read_some(fd, &mut buffer[size..])? {
            0 => break,
            more => size += more,
        }
    }
    Ok(size)
}

/// Write everything; whether that was possible.
fn write_all(fd: RawFd, mut data: &[u8]) -> bool {
    // SAFETY: the descriptor stays open: it is not closed with this `File`.
    let mut file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    while !data.is_empty() {
        match file.write(data) {
            Ok(0) => return false,
            Ok(size) => data = &data[size..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The description is shared, and somebody has made it non-blocking.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                is_ready(fd, libc::POLLOUT, -1);
            }
            Err(_) => return false,
        }
    }
    true
}

/// Wait until `fd` is ready for `events`, at most so many milliseconds (-1: for as long as it takes).
fn is_ready(fd: RawFd, events: libc::c_short, milliseconds: libc::c_int) -> bool {
    let mut wanted = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: one structure, as said.
    unsafe { libc::poll(&mut wanted, 1, milliseconds) > 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> [u8; MARK] {
        let mut mark = [b'm'; MARK];
        mark[0] = 0xFF;
        mark
    }

    #[test]
    fn the_mark_is_found_wherever_it_is() {
        let mark = mark();
        assert_eq!(find(b"abc", &mark), (3, 3));
        assert_eq!(find(&mark, &mark), (0, MARK));
        let around = [b"a\xFFb".as_slice(), &mark, b"c"].concat();
        assert_eq!(find(&around, &mark), (3, 3 + MARK));
    }

    #[test]
    fn a_beginning_of_the_mark_is_held_back() {
        let mark = mark();
        assert_eq!(find(b"ab\xFF", &mark), (2, 2));
        assert_eq!(find(b"ab\xFFmm", &mark), (2, 2));
        assert_eq!(find(b"ab\xFFmx", &mark), (5, 5));
        assert_eq!(find(b"\xFF\xFF", &mark), (1, 1));
    }

    #[test]
    fn the_line_says_what_to_copy() {
        let task = |words: &[&str]| Task::of(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(task(&["devstash", "list"]).is_none());
        assert!(task(&["devstash"]).is_none());
        assert!(matches!(
            task(&["devstash", "pump", "0", "r", "1t"]),
            Some(None)
        ));
        assert!(matches!(
            task(&["devstash", "pump", VERSION, "r"]),
            Some(None)
        ));
        assert!(matches!(
            task(&["devstash", "pump", VERSION, "r", "4t"]),
            Some(None)
        ));
        let channels = task(&["devstash", "pump", VERSION, "r", "1p", "2t"])
            .unwrap()
            .unwrap()
            .channels;
        let channel = |stream, is_terminal, source| Channel {
            stream,
            is_terminal,
            source,
            destination: source + 1,
        };
        assert_eq!(channels, [channel(1, false, 5), channel(2, true, 7)]);
    }
}
