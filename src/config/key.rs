//! Every setting: its name, what it accepts and what it is for. The one table behind files, variables and `config`.

use super::value::Kind;

/// A setting. In a file it is called by its [`Setting::name`], in the environment `DEVSTASH_` and that in capitals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Python,
    CacheDir,
    Refresh,
    Verify,
    Offline,
    NoCache,
    Record,
    Quiet,
    Verbose,
    Summary,
    Ttl,
    Env,
    Files,
    Version,
    Replay,
    Load,
    MaxSize,
    MaxEntries,
    MaxAge,
}

/// What is known of a setting.
#[derive(Debug)]
pub struct Setting {
    pub key: Key,
    pub name: &'static str,
    /// The environment variable that says it.
    pub variable: &'static str,
    pub kind: Kind,
    /// What it is where nobody says anything, as `devstash config` shows it.
    pub default: &'static str,
    /// How it is written in a file, for hints.
    pub example: &'static str,
}

/// How many settings there are.
pub const COUNT: usize = SETTINGS.len();

const WHEN: &[&str] = &["auto", "always", "never"];
const WAYS_TO_LOAD: &[&str] = &["map", "copy"];
const OUTPUTS: &[&str] = &["stdout", "stderr"];

/// All settings, in the order of [`Key`] and of what `devstash config` prints.
#[rustfmt::skip]
pub const SETTINGS: [Setting; 19] = [
    // how a script is run
    setting(Key::Python, "python", "DEVSTASH_PYTHON", Kind::Program, "", "python = \".venv/bin/python\""),
    setting(Key::CacheDir, "cache_dir", "DEVSTASH_CACHE_DIR", Kind::Folder, ".devstash_cache", "cache_dir = \".devstash_cache\""),
    setting(Key::Refresh, "refresh", "DEVSTASH_REFRESH", Kind::SwitchOrText, "false", "refresh = true"),
    setting(Key::Verify, "verify", "DEVSTASH_VERIFY", Kind::Share, "false", "verify = \"10%\""),
    setting(Key::Offline, "offline", "DEVSTASH_OFFLINE", Kind::Switch, "false", "offline = true"),
    setting(Key::NoCache, "no_cache", "DEVSTASH_NO_CACHE", Kind::Switch, "false", "no_cache = true"),
    setting(Key::Record, "record", "DEVSTASH_RECORD", Kind::Switch, "false", "record = true"),
    setting(Key::Quiet, "quiet", "DEVSTASH_QUIET", Kind::Switch, "false", "quiet = true"),
    setting(Key::Verbose, "verbose", "DEVSTASH_VERBOSE", Kind::Switch, "false", "verbose = true"),
    setting(Key::Summary, "summary", "DEVSTASH_SUMMARY", Kind::OneOf(WHEN), "auto", "summary = \"never\""),
    // what markers mean where they do not say it themselves
    setting(Key::Ttl, "ttl", "DEVSTASH_TTL", Kind::Age, "", "ttl = \"30m\""),
    setting(Key::Env, "env", "DEVSTASH_ENV", Kind::Variables, "", "env = [\"LANG\", \"TZ\"]"),
    setting(Key::Files, "files", "DEVSTASH_FILES", Kind::Globs, "", "files = [\"data/*.csv\", \"config.json\"]"),
    setting(Key::Version, "version", "DEVSTASH_VERSION", Kind::Text, "", "version = \"2\""),
    setting(Key::Replay, "replay", "DEVSTASH_REPLAY", Kind::Several(OUTPUTS), "", "replay = [\"stdout\", \"stderr\"]"),
    setting(Key::Load, "load", "DEVSTASH_LOAD", Kind::OneOf(WAYS_TO_LOAD), "map", "load = \"copy\""),
    // how much is kept
    setting(Key::MaxSize, "max_size", "DEVSTASH_MAX_SIZE", Kind::Size, "", "max_size = \"5G\""),
    setting(Key::MaxEntries, "max_entries", "DEVSTASH_MAX_ENTRIES", Kind::Count, "", "max_entries = 10000"),
    setting(Key::MaxAge, "max_age", "DEVSTASH_MAX_AGE", Kind::Age, "", "max_age = \"30d\""),
];

/// Settings of which one switches the other off: the one that is said nearer to the line.
pub const EXCLUSIVE: [(Key, Key); 8] = [
    (Key::Quiet, Key::Verbose),
    (Key::Offline, Key::Refresh),
    (Key::Offline, Key::Verify),
    (Key::Offline, Key::NoCache),
    (Key::NoCache, Key::Refresh),
    (Key::NoCache, Key::Verify),
    (Key::NoCache, Key::Record),
    // A refresh of all leaves no hit to look at; one with a pattern does, see `Config::switch`.
    (Key::Verify, Key::Refresh),
];

/// Options of a marker that are no settings: they would make hits of a whole project less strict, or mean one line.
pub const OF_MARKERS: [&str; 4] = ["key", "ignore", "name", "off"];

const fn setting(
    key: Key,
    name: &'static str,
    variable: &'static str,
    kind: Kind,
    default: &'static str,
    example: &'static str,
) -> Setting {
    Setting {
        key,
        name,
        variable,
        kind,
        default,
        example,
    }
}

impl Key {
    pub fn setting(self) -> &'static Setting {
        &SETTINGS[self as usize]
    }

    /// The setting of this name.
    pub fn named(name: &str) -> Option<Key> {
        SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .map(|setting| setting.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_place_of_its_setting() {
        for (place, setting) in SETTINGS.iter().enumerate() {
            assert_eq!(setting.key as usize, place, "{}", setting.name);
            assert_eq!(Key::named(setting.name), Some(setting.key));
            assert_eq!(
                setting.variable,
                format!("DEVSTASH_{}", setting.name.to_uppercase())
            );
        }
    }
}
