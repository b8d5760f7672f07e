//! The reason of a miss and what was found in, words for people out.
//!
//! `docs/cache-format.md` has the reasons. An absent entry has none by itself: there the key has to be compared.

use std::ffi::OsStr;

use crate::store::shown;

/// The words for a reason, with the `detail` that the runtime gives; None for an entry that is simply not there.
pub fn words(reason: &str, detail: &str) -> Option<String> {
    let detail = shown(OsStr::new(detail));
    let with = |text: &str| match &*detail {
        "" => text.to_owned(),
        detail => format!("{text} ({detail})"),
    };
    Some(match reason {
        "absent" => return None,
        "refresh" => "refreshed".to_owned(),
        "expired" => match detail.split_once(", ttl ") {
            Some((ago, ttl)) => format!("expired {ago} (ttl {ttl})"),
            None => with("expired"),
        },
        // What changed is the whole story.
        "input changed" if !detail.is_empty() => detail.into_owned(),
        "foreign" if detail.starts_with("signed with another key") => {
            "its entry was signed with another key".to_owned()
        }
        "foreign" => with("its entry is not yours alone"),
        "damaged" => with("its entry is damaged"),
        "unreadable" => with("its entry cannot be read"),
        "future format" => with("its entry is of a newer devstash"),
        "no key file" => with("there is no key to check its entry with"),
        "other key" => with("an entry of another call has its name"),
        "irrecoverable" => with("what the call did cannot be brought back"),
        "no output" => with("there is no output to replay"),
        other => with(&shown(OsStr::new(other))),
    })
}

/// The text of a refusal, without the words that begin it where the runtime tells it: `not cached: …`.
pub fn refusal(outcome: &str) -> String {
    let outcome = shown(OsStr::new(outcome));
    match outcome.strip_prefix("not cached: ") {
        Some(why) => format!("not cacheable: {why}"),
        None => outcome.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_words() {
        let case = |reason, detail, text: &str| {
            assert_eq!(words(reason, detail).as_deref(), Some(text));
        };
        case("refresh", "", "refreshed");
        case("expired", "3m ago, ttl 1h", "expired 3m ago (ttl 1h)");
        case(
            "expired",
            "made ahead of the clock",
            "expired (made ahead of the clock)",
        );
        case(
            "input changed",
            "file data.csv changed (2.1 MiB → 2.3 MiB)",
            "file data.csv changed (2.1 MiB → 2.3 MiB)",
        );
        case("input changed", "", "input changed");
        case(
            "foreign",
            "signed with another key than yours",
            "its entry was signed with another key",
        );
        case(
            "foreign",
            "the file belongs to another user",
            "its entry is not yours alone (the file belongs to another user)",
        );
        case(
            "damaged",
            "its checksum is wrong",
            "its entry is damaged (its checksum is wrong)",
        );
        case("evicted", "", "evicted");
        case("unheard of", "\x1b[31m", "unheard of (\\u{1b}[31m)");
        assert_eq!(words("absent", ""), None);
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        let case = |outcome, text: &str| assert_eq!(refusal(outcome), text);
        case(
            "not cached: it reads the terminal",
            "not cacheable: it reads the terminal",
        );
        case("not kept: the disk is full", "not kept: the disk is full");
    }
}
