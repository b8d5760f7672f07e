//! What a user typed and an entry in, whether it is meant out: for `clear --pattern`, and for commands about one entry.

use std::ffi::OsStr;

use super::scan::Row;

/// Whether the pattern means the entry by its name, or by what its marker calls it.
pub fn means(pattern: &OsStr, row: &Row) -> bool {
    selects(pattern, row.name())
        || row
            .label()
            .is_some_and(|label| selects(pattern, label.as_ref()))
}

/// Whether the pattern means the entry of this name: a glob for the whole name when it has `*`, `?` or `[`, otherwise a
/// part of the name. An empty pattern means none, since it would mean all.
fn selects(pattern: &OsStr, name: &OsStr) -> bool {
    let (pattern, name) = (pattern.to_string_lossy(), name.to_string_lossy());
    if pattern.contains(['*', '?', '[']) {
        let signs = |text: &str| text.chars().collect::<Vec<_>>();
        glob(&signs(&pattern), &signs(&name))
    } else {
        !pattern.is_empty() && name.contains(&*pattern)
    }
}

/// Matches as shells do, but knows no slashes and no hidden files. A `[` that is never closed means itself.
fn glob(mut pattern: &[char], mut name: &[char]) -> bool {
    // Where to try again, one character further, when what follows the last star does not match.
    let mut star: Option<(&[char], &[char])> = None;
    loop {
        if let ['*', rest @ ..] = pattern {
            star = Some((rest, name));
            pattern = rest;
            continue;
        }
        match (one(pattern), name) {
            (None, []) => return true,
            (Some((matcher, rest)), [sign, others @ ..]) if matcher.matches(*sign) => {
                (pattern, name) = (rest, others);
                continue;
            }
            _ => {}
        }
        match star {
            Some((rest, [_, others @ ..])) => {
                star = Some((rest, others));
                (pattern, name) = (rest, others);
            }
            _ => return false,
        }
    }
}

/// What stands for one character in a pattern.
enum Matcher<'p> {
    Any,
    Sign(char),
    Set { of: &'p [char], negated: bool },
}

/// The first element of a pattern that does not begin with a star, and what follows it.
fn one(pattern: &[char]) -> Option<(Matcher<'_>, &[char])> {
    let (first, rest) = pattern.split_first()?;
    let matcher = match first {
        '?' => Matcher::Any,
        '[' => {
            let negated = matches!(rest.first(), Some('!' | '^'));
            let members = &rest[usize::from(negated)..];
            // A `]` that comes first is a member.
            if let Some(length) = members.iter().skip(1).position(|sign| *sign == ']') {
                let set = Matcher::Set {
                    of: &members[..=length],
                    negated,
                };
                return Some((set, &members[length + 2..]));
            }
            Matcher::Sign('[')
        }
        sign => Matcher::Sign(*sign),
    };
    Some((matcher, rest))
}

impl Matcher<'_> {
    fn matches(&self, sign: char) -> bool {
        match self {
            Matcher::Any => true,
            Matcher::Sign(own) => *own == sign,
            Matcher::Set { of, negated } => has(of, sign) != *negated,
        }
    }
}

/// Whether a set such as `a-z_` has the character.
fn has(mut set: &[char], sign: char) -> bool {
    loop {
        set = match set {
            [] => return false,
            [low, '-', high, rest @ ..] => {
                if (*low..=*high).contains(&sign) {
                    return true;
                }
                rest
            }
            [own, rest @ ..] => {
                if *own == sign {
                    return true;
                }
                rest
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_part_of_the_name_or_a_glob_for_all_of_it() {
        let name = "requests.api__get__0c4579007009458c.pkl";
        let case = |pattern: &str, selected| {
            assert_eq!(
                selects(OsStr::new(pattern), OsStr::new(name)),
                selected,
                "{pattern}"
            );
        };
        case(name, true);
        case("get", true);
        case("requests.api__", true);
        case("GET", false);
        case("", false);
        case("post", false);
        case("*", true);
        case("*get*", true);
        case("get*", false);
        case("requests.*", true);
        case("requests.*.pkl", true);
        case("requests.*.pk", false);
        case("requests?api__*", true);
        case("*__[0-9a-f]*.pkl", true);
        case("*__[!0]*", true);
        case("*__[!0]c4579007009458c.pkl", false);
        case("*__[^a]c4579007009458c.pkl", true);
        case("[r]*", true);
        case("[a-q]*", false);
        case("[]r]*", true);
        case("[", false);
        case("[r*", false);
        case("*[", false);
        case("**__*__**", true);
        case("?", false);
        case("*a*a*a*a*a*a*a*a*a*a*a*b", false);
    }

    #[test]
    fn a_pattern_may_hold_any_character() {
        assert!(selects(
            OsStr::new("*größe*"),
            OsStr::new("größe__f__0123456789abcdef.pkl")
        ));
        assert!(selects(
            OsStr::new("[ä-ü]*"),
            OsStr::new("ö__f__0123456789abcdef.pkl")
        ));
        assert!(selects(OsStr::new("a[b__"), OsStr::new("a[b__")));
    }
}
