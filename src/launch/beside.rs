//! A run that was asked for `--verify` or `--offline` in, its exit status out: what happens while we stay beside it.
//!
//! Everywhere else the interpreter takes our process over. These two modes have a say in the exit status, which nobody
//! but the parent of a process can change, and which has to be right however the script ends: by `os._exit`, with
//! worker processes, with a thread that swallows an exception. So the interpreter is our child here, in our place as far
//! as the terminal is concerned, and we wait. Signals that are sent to us are handed on; where a signal kills the
//! script, it kills us.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::{env, fs, io, mem, process, ptr};

use libc::{c_int, c_void, pid_t, siginfo_t};
use tempfile::TempPath;

use crate::exit::ExitStatus;
use crate::options::RunOptions;
use crate::runtime::home::{Home, HomeError};

/// Signals that somebody may send to the script by sending them to us.
const HANDED_ON: [c_int; 8] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGWINCH,
];

static CHILD: AtomicI32 = AtomicI32::new(0);

/// The file in which the processes of a run note, a letter each, what happened (`Notes` in modes.py).
#[derive(Debug)]
struct Notes {
    file: TempPath,
}

impl Notes {
    /// An empty one, in a folder of ours: what is there no marked call takes notice of.
    fn new() -> io::Result<Notes> {
        let of = |home: Result<Home, HomeError>| Some(Notes::in_folder(&home.ok()?.root));
        let found = of(Home::of_user()).filter(Result::is_ok);
        found
            .or_else(|| of(Home::temporary()))
            .unwrap_or_else(|| Notes::in_folder(&env::temp_dir()))
    }

    fn in_folder(folder: &Path) -> io::Result<Notes> {
        let file = tempfile::Builder::new()
            .prefix("run-")
            .tempfile_in(folder)?;
        Ok(Notes {
            file: file.into_temp_path(),
        })
    }

    fn read(&self) -> Tally {
        Tally::of(&fs::read(&self.file).unwrap_or_default())
    }
}

/// How often each thing happened.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    same: usize,
    different: usize,
    /// Verified, and not to be compared.
    unknown: usize,
    missing: usize,
}

impl Tally {
    fn of(letters: &[u8]) -> Tally {
        let count = |letter: u8| letters.iter().filter(|one| **one == letter).count();
        Tally {
            same: count(b's'),
            different: count(b'd'),
            unknown: count(b'u'),
            missing: count(b'm'),
        }
    }

    /// What is said of a run with `--verify`.
    fn summary(&self) -> String {
        let all = self.same + self.different + self.unknown;
        let hits = |count: usize| match count {
            1 => "1 hit".to_owned(),
            count => format!("{count} hits"),
        };
        if all == 0 {
            return "no hit to verify".to_owned();
        }
        let mut parts = Vec::new();
        for (count, what) in [
            (self.same, "the same"),
            (self.different, "different"),
            (self.unknown, "not to be compared"),
        ] {
            if count == all {
                parts.push(what.to_owned());
            } else if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        format!("verified {}: {}", hits(all), parts.join(", "))
    }

    /// Our own exit status after a script that ended well.
    fn status(&self) -> ExitStatus {
        if self.missing > 0 {
            ExitStatus::Missing
        } else if self.different > 0 {
            ExitStatus::Different
        } else {
            ExitStatus::Success
        }
    }
}

/// Go on as two processes. Returns only in the child, which is to become the interpreter, with the path of the run's
/// notes; the parent waits for it, and ends as it did.
pub fn stay(options: &RunOptions) -> io::Result<PathBuf> {
    let notes = Notes::new()?;
    // SAFETY: plain system calls; what runs in the child between fork and exec is what would have run without a fork,
    // and the C library makes its memory usable there.
    unsafe {
        let mut all = mem::zeroed();
        let mut before = mem::zeroed();
        libc::sigfillset(&mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &all, &mut before);
        // Of a parent that does not want to hear of its children we would inherit never to hear how ours ended.
        let children = libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        let ours = libc::getpid();
        let child = libc::fork();
        if child < 0 {
            let error = io::Error::last_os_error();
            libc::signal(libc::SIGCHLD, children);
            libc::sigprocmask(libc::SIG_SETMASK, &before, ptr::null_mut());
            return Err(error);
        }
        if child == 0 {
            let path = notes.file.to_path_buf();
            mem::forget(notes); // the parent removes the file
            libc::signal(libc::SIGCHLD, children);
            die_with(ours);
            libc::sigprocmask(libc::SIG_SETMASK, &before, ptr::null_mut());
            return Ok(path);
        }
        CHILD.store(child, SeqCst);
        for signal in HANDED_ON {
            hand_on(signal);
        }
        let_go_of_streams();
        libc::sigprocmask(libc::SIG_SETMASK, &before, ptr::null_mut());
        let status = wait_for(child);
        finish(options, notes, status)
    }
}

/// Whoever kills us without a chance to hand it on means the script. Where the system can do that.
unsafe fn die_with(parent: pid_t) {
    #[cfg(target_os = "linux")]
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent {
            libc::_exit(1);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = parent;
}

/// Hand this signal on, unless it is ignored, as it then is by the script as well.
unsafe fn hand_on(signal: c_int) {
    unsafe {
        let mut found: libc::sigaction = mem::zeroed();
        libc::sigaction(signal, ptr::null(), &mut found);
        if found.sa_sigaction == libc::SIG_IGN {
            return;
        }
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction =
            received as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(signal, &action, ptr::null_mut());
    }
}

extern "C" fn received(signal: c_int, about: *mut siginfo_t, _: *mut c_void) {
    // What the terminal sends, it has sent to the script itself; what a process sends has a code of 0 or less.
    // SAFETY: the system gives a valid pointer; `kill` may be called in a handler, and leaves nothing but `errno`.
    unsafe {
        if (*about).si_code <= 0 {
            libc::kill(CHILD.load(SeqCst), signal);
        }
    }
}

/// Whoever reads what the script writes, or writes what it reads, must not wait for us.
unsafe fn let_go_of_streams() {
    unsafe {
        let nothing = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        if nothing >= 0 {
            libc::dup2(nothing, 0);
            libc::dup2(nothing, 1);
        }
    }
}

/// How the child ended, as `waitpid` tells.
unsafe fn wait_for(child: pid_t) -> c_int {
    let mut status = 0;
    // SAFETY: as in `stay`. The child stays a child, its number its own, until no more signals are handed on.
    unsafe {
        let mut about: siginfo_t = mem::zeroed();
        let flags = libc::WEXITED | libc::WNOWAIT;
        while libc::waitid(libc::P_PID, child as libc::id_t, &mut about, flags) < 0
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
        for signal in HANDED_ON {
            libc::signal(signal, libc::SIG_IGN);
        }
        while libc::waitpid(child, &mut status, 0) < 0
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
    }
    status
}

/// End as the script did; where it ended well, with the status that its notes ask for.
fn finish(options: &RunOptions, notes: Notes, status: c_int) -> ! {
    let tally = notes.read();
    drop(notes);
    if options.verify.is_some() && options.verbosity >= 0 {
        let _ = writeln!(io::stderr(), "devstash: {}", tally.summary());
    }
    if libc::WIFSIGNALED(status) {
        let signal = libc::WTERMSIG(status);
        // SAFETY: plain system calls on our own process. One core file is enough.
        unsafe {
            let none = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            libc::setrlimit(libc::RLIMIT_CORE, &none);
            libc::signal(signal, libc::SIG_DFL);
            let mut only = mem::zeroed();
            libc::sigemptyset(&mut only);
            libc::sigaddset(&mut only, signal);
            libc::sigprocmask(libc::SIG_UNBLOCK, &only, ptr::null_mut());
            libc::raise(signal);
        }
        process::exit(128 + signal);
    }
    match libc::WEXITSTATUS(status) {
        0 => process::exit(tally.status().code().into()),
        own => process::exit(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_counted_and_told() {
        let case = |letters: &str, said: &str, status: ExitStatus| {
            let tally = Tally::of(letters.as_bytes());
            assert_eq!((tally.summary().as_str(), tally.status()), (said, status));
        };
        case("", "no hit to verify", ExitStatus::Success);
        case("s", "verified 1 hit: the same", ExitStatus::Success);
        case("ss", "verified 2 hits: the same", ExitStatus::Success);
        case(
            "sdu",
            "verified 3 hits: 1 the same, 1 different, 1 not to be compared",
            ExitStatus::Different,
        );
        case("d", "verified 1 hit: different", ExitStatus::Different);
        case("m", "no hit to verify", ExitStatus::Missing);
    }
}
