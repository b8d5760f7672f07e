//! When things were: ages as of now, whether an entry has expired, moments as people and as programs read them.

use std::mem::MaybeUninit;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::duration::{self, Ttl};

/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;
/// Entries made further ahead than this have no age to be trusted; the runtime judges alike (`_AHEAD` in `store.py`).
const AHEAD: i64 = 60 * SECOND;

/// The moment at which a command looks at the cache, in nanoseconds since 1970, as all moments here.
#[derive(Clone, Copy, Debug)]
pub struct Now(i64);

impl Now {
    pub fn of(now: SystemTime) -> Now {
        Now(nanoseconds(now))
    }

    /// How long ago something was, in whole seconds; never negative.
    pub fn age(self, moment: i64) -> u64 {
        (self.since(moment) / SECOND).unsigned_abs()
    }

    /// How long ago something was, in words: `3m 2s`.
    pub fn span(self, moment: i64) -> String {
        duration::age(Duration::from_secs(self.age(moment)))
    }

    /// The same in nanoseconds.
    pub fn since(self, moment: i64) -> i64 {
        self.0.saturating_sub(moment).max(0)
    }

    /// Whether an entry that was made at this moment is still valid.
    pub fn is_valid(self, ttl: Ttl, made: i64) -> bool {
        let longest = i64::try_from(ttl.seconds())
            .unwrap_or(i64::MAX)
            .saturating_mul(SECOND);
        let ahead = made.saturating_sub(self.0) > AHEAD;
        !ahead && self.since(made) <= longest
    }

    /// `2026-11-21 20:17:41 (3m 2s ago)`.
    pub fn told(self, moment: i64) -> String {
        let when = local(moment);
        if moment.saturating_sub(self.0) > AHEAD {
            format!("{when} (ahead of the clock)")
        } else {
            let age = duration::age(Duration::from_secs(self.age(moment)));
            format!("{when} ({age} ago)")
        }
    }
}

/// A moment of the system's clock. Those that cannot be counted are the first or the last that can.
pub fn nanoseconds(moment: SystemTime) -> i64 {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |span| -span),
    }
}

/// A moment as clocks on the wall show it here: `2026-11-21 20:17:41`.
fn local(moment: i64) -> String {
    let parts = broken_down(moment, libc::localtime_r);
    format!("{} {}", date(&parts), time(&parts))
}

/// The day of a moment, as calendars on the wall show it here: `2026-11-21`.
pub fn day(moment: i64) -> String {
    date(&broken_down(moment, libc::localtime_r))
}

/// A moment in UTC, to the millisecond, as RFC 3339 writes it: `2026-11-21T20:17:41.241Z`.
pub fn rfc3339(moment: i64) -> String {
    let parts = broken_down(moment, libc::gmtime_r);
    let rest = moment.rem_euclid(SECOND) / 1_000_000;
    format!("{}T{}.{rest:03}Z", date(&parts), time(&parts))
}

fn date(parts: &libc::tm) -> String {
    let year = i64::from(parts.tm_year) + 1900;
    format!("{year:04}-{:02}-{:02}", parts.tm_mon + 1, parts.tm_mday)
}

fn time(parts: &libc::tm) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        parts.tm_hour, parts.tm_min, parts.tm_sec
    )
}

type BreakDown = unsafe extern "C" fn(*const libc::time_t, *mut libc::tm) -> *mut libc::tm;

/// Year, month, day and so on. All moments that 64 bits can count in nanoseconds have them.
fn broken_down(moment: i64, how: BreakDown) -> libc::tm {
    let seconds = moment.div_euclid(SECOND) as libc::time_t;
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid, zeroes are a valid `tm`, and no other thread sets environment variables.
    unsafe {
        how(&seconds, parts.as_mut_ptr());
        parts.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339_says() {
        let case = |moment, text| assert_eq!(rfc3339(moment), text);
        case(0, "1970-01-01T00:00:00.000Z");
        case(951_782_399_999_999_999, "2000-02-28T23:59:59.999Z");
        case(951_782_400_000_000_000, "2000-02-29T00:00:00.000Z");
        case(-1, "1969-12-31T23:59:59.999Z");
        case(i64::MAX, "2262-04-11T23:47:16.854Z");
    }

    #[test]
    fn an_entry_is_valid_up_to_its_ttl() {
        let now = Now(1_000 * SECOND);
        let minute = Ttl::from_seconds(60).unwrap();
        let case = |made: i64, valid| assert_eq!(now.is_valid(minute, made * SECOND), valid);
        case(1_000, true);
        case(940, true);
        case(939, false);
        case(1_060, true);
        case(1_061, false);
        assert_eq!((now.age(940 * SECOND), now.age(2_000 * SECOND)), (60, 0));
        assert!(now.told(2_000 * SECOND).ends_with("(ahead of the clock)"));
        assert!(now.told(940 * SECOND).ends_with("(1m ago)"));
    }
}
