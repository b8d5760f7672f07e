//! What our parent gave us and Rust's start-up changes, put back for the interpreter that takes over.
//!
//! Before `main`, Rust ignores SIGPIPE and opens /dev/null for standard streams that are closed. A script may see
//! either (`sys.stdin is None`; what its child processes inherit), so both are noted before that happens.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

static PIPE_WAS_DEFAULT: AtomicBool = AtomicBool::new(false);
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Runs before `main` and before Rust's own start-up, as a C library's constructor does.
#[used]
#[cfg_attr(
    target_vendor = "apple",
    unsafe(link_section = "__DATA,__mod_init_func")
)]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static NOTE: extern "C" fn() = note;

extern "C" fn note() {
    // SAFETY: both calls only ask; `action` is a plain C structure for which all zeros is a value.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(libc::SIGPIPE, std::ptr::null(), &mut action) == 0 {
            PIPE_WAS_DEFAULT.store(action.sa_sigaction == libc::SIG_DFL, Relaxed);
        }
        for stream in 0..3 {
            if libc::fcntl(stream, libc::F_GETFD) == -1 {
                CLOSED.fetch_or(1 << stream, Relaxed);
            }
        }
    }
}

/// Put everything back; to be called right before another program takes over.
pub fn restore() {
    // SAFETY: plain system calls on descriptors that nothing of ours uses any more.
    unsafe {
        if PIPE_WAS_DEFAULT.load(Relaxed) {
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        }
        for stream in 0..3 {
            if CLOSED.load(Relaxed) & (1 << stream) != 0 {
                libc::close(stream);
            }
        }
    }
}
