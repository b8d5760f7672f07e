//! Spans of time and sizes, as users write and read them: `30m`, `5m 13s`, `100M`, `12.1 KiB`; and limits made of them.
//!
//! The runtime speaks of ages in the same way (`_span` in `store.py`), and a marker's `ttl=` means the same as
//! `--ttl`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The units of a time span and their lengths in seconds, longest first.
const UNITS: [(char, u64); 5] = [
    ('w', 604_800),
    ('d', 86_400),
    ('h', 3_600),
    ('m', 60),
    ('s', 1),
];

/// How long an entry is valid, in whole seconds; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ttl(u64);

/// Why a text is no TTL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TtlError {
    /// Nothing before the unit, a sign, a fraction, several spans, no unit or one that is not known.
    Malformed(String),
    /// Zero: nothing would ever be valid.
    Zero(String),
    /// More seconds than can be counted.
    TooLong(String),
}

impl fmt::Display for TtlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TtlError::Malformed(text) => {
                write!(
                    f,
                    "`{text}` is not a time span; write a whole number and a unit: 30s, 10m, 2h, 7d or 1w"
                )
            }
            TtlError::Zero(text) => write!(
                f,
                "`{text}` is no time at all; to ignore what is kept, use `refresh`"
            ),
            TtlError::TooLong(text) => write!(f, "`{text}` is longer than can be counted"),
        }
    }
}

impl std::error::Error for TtlError {}

impl Ttl {
    /// Reads a whole number and one of the units `s m h d w`.
    ///
    /// ```
    /// # use devstash::duration::Ttl;
    /// assert_eq!(Ttl::parse("2h").unwrap().seconds(), 7200);
    /// assert!(Ttl::parse("2 hours").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Ttl, TtlError> {
        let malformed = || TtlError::Malformed(text.to_owned());
        let unit = text.chars().next_back().ok_or_else(malformed)?;
        let (_, length) = *UNITS
            .iter()
            .find(|(letter, _)| *letter == unit)
            .ok_or_else(malformed)?;
        let number = &text[..text.len() - unit.len_utf8()];
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        let seconds = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(length))
            // The runtime compares with a float, and JSON readers may hold numbers as one.
            .filter(|seconds| *seconds < 1 << 53)
            .ok_or_else(|| TtlError::TooLong(text.to_owned()))?;
        Ttl::from_seconds(seconds).ok_or_else(|| TtlError::Zero(text.to_owned()))
    }

    /// A TTL of so many seconds, if that is not zero.
    pub fn from_seconds(seconds: u64) -> Option<Ttl> {
        (seconds > 0).then_some(Ttl(seconds))
    }

    /// The length in seconds.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Ttl {
    type Err = TtlError;

    fn from_str(text: &str) -> Result<Ttl, TtlError> {
        Ttl::parse(text)
    }
}

/// In the longest unit that leaves no rest: `1m`, `90s`, `1w`.
impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS
            .iter()
            .find(|(_, length)| self.0.is_multiple_of(*length));
        let (letter, length) = whole.copied().unwrap_or(('s', 1));
        write!(f, "{}{letter}", self.0 / length)
    }
}

/// How much is kept: of a whole cache, or of one marked place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(default)]
pub struct Limits {
    /// So many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// So many entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_entries: Option<u64>,
    /// What has not been used for so many seconds is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
}

impl Limits {
    /// Whether there is one.
    pub fn any(&self) -> bool {
        *self != Limits::default()
    }
}

/// An age in its two longest units: `5m 13s`, `2d 4h`, `13s`.
pub fn age(age: Duration) -> String {
    let mut rest = age.as_secs();
    let mut words = Vec::new();
    for (letter, length) in UNITS {
        if rest >= length {
            words.push(format!("{}{letter}", rest / length));
            rest %= length;
        }
    }
    words.truncate(2);
    if words.is_empty() {
        "0s".to_owned()
    } else {
        words.join(" ")
    }
}

/// How long something took: `13 µs`, `2.7 ms`, `38.0 s`, and from a minute on as an age.
pub fn took(seconds: f64) -> String {
    // What would be shown as 1000 of a unit is one of the next.
    if seconds < 999.5e-6 {
        format!("{:.0} µs", seconds.max(0.0) * 1e6)
    } else if seconds < 0.999_95 {
        format!("{:.1} ms", seconds * 1e3)
    } else if seconds < 59.95 {
        format!("{seconds:.1} s")
    } else {
        age(Duration::try_from_secs_f64(seconds.round()).unwrap_or(Duration::MAX))
    }
}

/// A time that was saved, in few words: `340ms`, `2.1s`, `1m 41s`.
pub fn saved(seconds: f64) -> String {
    if seconds < 0.0005 {
        "0s".to_owned()
    } else if seconds < 0.9995 {
        format!("{:.0}ms", seconds * 1e3)
    } else if seconds < 9.95 {
        format!("{seconds:.1}s")
    } else {
        age(Duration::try_from_secs_f64(seconds.round()).unwrap_or(Duration::MAX))
    }
}

/// A large number in two or three digits: `312`, `3.2k`, `41k`, `1.3M`.
pub fn short(number: u64) -> String {
    if number < 1000 {
        return number.to_string();
    }
    let mut value = number as f64;
    for unit in ["k", "M", "G", "T", "P"] {
        value /= 1000.0;
        if value < 9.95 {
            return format!("{value:.1}{unit}");
        }
        if value < 999.5 {
            return format!("{value:.0}{unit}");
        }
    }
    format!("{value:.0}P")
}

/// A number with its digits in groups: `1,310`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size with one digit after the point from 1 KiB on: `512 B`, `12.1 KiB`, `7.6 MiB`.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
        // 1023.95 would be shown as 1024.0.
        if value < if unit == "B" { 1024.0 } else { 1023.95 } {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

/// The units of a size and how many bytes each is.
const SIZES: [(char, u64); 4] = [
    ('K', 1 << 10),
    ('M', 1 << 20),
    ('G', 1 << 30),
    ('T', 1 << 40),
];

/// Reads a size above zero: a number, whole or with a point, and a unit (`500M`, `1.5GiB`, `64 KiB`, `100B`), small or
/// large letters. The units are those of [`size`]: `K`, `KB` and `KiB` are all 1024 bytes.
pub fn parse_size(text: &str) -> Option<u64> {
    let letters = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = (
        text[..letters].trim_end(),
        text[letters..].to_ascii_uppercase(),
    );
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let well_formed = match number.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(number),
    };
    let unit = match unit.as_str() {
        "B" => 1,
        unit => {
            let (letter, rest) = unit.split_at(1);
            let known = |(name, _): &&(char, u64)| {
                letter.starts_with(*name) && ["", "B", "IB"].contains(&rest)
            };
            SIZES.iter().find(known)?.1
        }
    };
    let bytes = number.parse::<f64>().ok().filter(|_| well_formed)? * unit as f64;
    // JSON readers may hold numbers as a float.
    ((1.0..9e15).contains(&bytes)).then_some(bytes.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ttl_is_a_number_and_a_unit() {
        let case =
            |text, seconds| assert_eq!(Ttl::parse(text).map(Ttl::seconds), Ok(seconds), "{text}");
        case("1s", 1);
        case("90s", 90);
        case("10m", 600);
        case("2h", 7_200);
        case("007d", 604_800);
        case("1w", 604_800);
    }

    #[test]
    fn anything_else_is_an_error_that_shows_the_form() {
        for text in [
            "", "m", "10", "10x", "-1m", "+1m", "1.5h", "1h30m", "1 h", " 1h", "1h ", "１h", "1µ",
            "1M",
        ] {
            let error = Ttl::parse(text).unwrap_err();
            assert_eq!(error, TtlError::Malformed(text.to_owned()));
            assert!(error.to_string().contains("30s, 10m, 2h, 7d or 1w"));
        }
        assert_eq!(Ttl::parse("0m"), Err(TtlError::Zero("0m".to_owned())));
        for text in [
            "99999999999999999999s",
            "9007199254740992s",
            "30500568904943w",
        ] {
            assert_eq!(Ttl::parse(text), Err(TtlError::TooLong(text.to_owned())));
        }
    }

    #[test]
    fn ttl_is_shown_in_its_longest_whole_unit() {
        let case = |text, shown: &str| assert_eq!(Ttl::parse(text).unwrap().to_string(), shown);
        case("60s", "1m");
        case("61s", "61s");
        case("24h", "1d");
        case("14d", "2w");
        case("36h", "36h");
    }

    #[test]
    fn ages_have_two_units() {
        let case = |seconds, text: &str| assert_eq!(age(Duration::from_secs(seconds)), text);
        case(0, "0s");
        case(13, "13s");
        case(313, "5m 13s");
        case(3_600, "1h");
        case(3_605, "1h 5s");
        case(7_384, "2h 3m");
        case(90_000_000, "148w 5d");
    }

    #[test]
    fn what_something_took_has_the_unit_that_fits() {
        let case = |seconds, text: &str| assert_eq!(took(seconds), text);
        case(0.0, "0 µs");
        case(-1.0, "0 µs");
        case(0.000_013_4, "13 µs");
        case(0.000_999_6, "1.0 ms");
        case(0.002_66, "2.7 ms");
        case(0.999_96, "1.0 s");
        case(38.04, "38.0 s");
        case(59.96, "1m");
        case(3_605.2, "1h 5s");
        case(1e300, &age(Duration::MAX));
    }

    #[test]
    fn what_was_saved_is_told_in_few_words() {
        let case = |seconds, text: &str| assert_eq!(saved(seconds), text);
        case(0.0, "0s");
        case(0.000_4, "0s");
        case(0.000_6, "1ms");
        case(0.34, "340ms");
        case(0.999_6, "1.0s");
        case(2.14, "2.1s");
        case(9.96, "10s");
        case(101.4, "1m 41s");
        case(f64::MAX, &age(Duration::MAX));
    }

    #[test]
    fn large_numbers_are_short_or_in_groups() {
        let case = |number, text: &str, groups: &str| {
            assert_eq!(
                (short(number).as_str(), grouped(number).as_str()),
                (text, groups)
            );
        };
        case(0, "0", "0");
        case(999, "999", "999");
        case(1_000, "1.0k", "1,000");
        case(3_215, "3.2k", "3,215");
        case(41_499, "41k", "41,499");
        case(999_499, "999k", "999,499");
        case(999_500, "1.0M", "999,500");
        case(1_310_000_000, "1.3G", "1,310,000,000");
        case(u64::MAX, "18447P", "18,446,744,073,709,551,615");
    }

    #[test]
    fn sizes_have_one_digit() {
        let case = |bytes, text: &str| assert_eq!(size(bytes), text);
        case(0, "0 B");
        case(1_023, "1023 B");
        case(1_024, "1.0 KiB");
        case(12_390, "12.1 KiB");
        case(1_048_575, "1.0 MiB");
        case(7_969_178, "7.6 MiB");
        case(u64::MAX, "16.0 EiB");
    }

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        let case = |text, bytes| assert_eq!(parse_size(text), bytes, "{text}");
        case("100B", Some(100));
        case("64k", Some(65_536));
        case("500M", Some(500 << 20));
        case("2.1 MiB", Some(2_202_010));
        case("1.5GB", Some(3 << 29));
        for text in [
            "",
            "10",
            "M",
            "-1M",
            "1e3M",
            "1.M",
            ".5M",
            "0M",
            "0.1B",
            "1MM",
            "1M1",
            "1µ",
            "99999999T",
            "1 M B",
        ] {
            case(text, None);
        }
    }
}
