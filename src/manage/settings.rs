//! `devstash config`: what every setting is set to, and where that was said.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use serde_json::{Value as Json, json};

use crate::config::{Config, Origin, SETTINGS, Setting, Value, user_file};
use crate::exit::ExitStatus;
use crate::options::ConfigOptions;
use crate::store::shown;

use super::answer;
use super::page::columns;
use crate::json::path_as_text;

/// The version of what `--json` prints; the schema is `docs/schema/config.json`.
const FORMAT: u32 = 1;

/// Prints the settings to stdout. What cannot be understood is left out, and told on stderr.
pub fn config(options: &ConfigOptions) -> anyhow::Result<ExitStatus> {
    let config = &options.config;
    let text = if options.json {
        let text = serde_json::to_string_pretty(&as_json(config)).expect("texts and numbers");
        format!("{text}\n")
    } else {
        as_table(config)
    };
    answer(text).context("cannot write to stdout")?;
    for path in &config.passed {
        super::say(&format!(
            "the settings of `{}` do not count: it is another user's file",
            shown(path.as_os_str())
        ));
    }
    match config.complaint() {
        Some(complaint) => {
            // A closed stderr must not turn one trouble into two.
            let _ = writeln!(io::stderr(), "{complaint}");
            Ok(ExitStatus::Usage)
        }
        None => Ok(ExitStatus::Success),
    }
}

/// One line for each: name, value, where it was said.
fn as_table(config: &Config) -> String {
    let rows: Vec<[String; 3]> = SETTINGS
        .iter()
        .map(|setting| {
            let (value, origin) = config.effective(setting.key);
            let value = value.map_or_else(|| default(config, setting), |value| value.to_string());
            let value = if value.is_empty() {
                "-".to_owned()
            } else {
                shown(OsStr::new(&value)).into_owned()
            };
            let origin = origin.map_or_else(|| "default".to_owned(), |origin| origin.to_string());
            [
                setting.name.to_owned(),
                value,
                shown(OsStr::new(&origin)).into_owned(),
            ]
        })
        .collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| columns(&row[column]))
            .max()
            .unwrap_or(0)
    };
    let (names, values) = (width(0), width(1));
    let pad = |text: &str, width: usize| format!("{text}{}", " ".repeat(width - columns(text)));
    rows.iter()
        .map(|[name, value, origin]| {
            format!("{}  {}  {origin}\n", pad(name, names), pad(value, values))
        })
        .collect()
}

fn default(config: &Config, setting: &Setting) -> String {
    match setting.name {
        "cache_dir" => config
            .here()
            .join(setting.default)
            .to_string_lossy()
            .into_owned(),
        _ => setting.default.to_owned(),
    }
}

fn as_json(config: &Config) -> Json {
    let settings: Vec<Json> = SETTINGS
        .iter()
        .map(|setting| {
            let (value, origin) = config.effective(setting.key);
            let value = match &value {
                Some(Value::Path(path)) => json!(path_as_text(path.as_os_str())),
                Some(value) => value.to_json(),
                None => match default(config, setting).as_str() {
                    "" => Json::Null,
                    "false" => json!(false),
                    default => json!(default),
                },
            };
            json!({ "name": setting.name, "value": value, "origin": origin_as_json(origin.as_ref()) })
        })
        .collect();
    let file = |path: Option<&Path>| path.map(|path| path_as_text(path.as_os_str()));
    let user = user_file(std::env::home_dir().as_deref());
    json!({
        "format": FORMAT,
        "project_file": file(config.project.as_deref()),
        "user_file": file(user.as_deref()),
        "settings": settings,
    })
}

fn origin_as_json(origin: Option<&Origin>) -> Json {
    match origin {
        None => json!({ "kind": "default" }),
        Some(Origin::Option(option)) => json!({ "kind": "option", "option": option }),
        Some(Origin::Variable(variable)) => json!({ "kind": "variable", "variable": variable }),
        Some(Origin::File {
            path,
            line,
            of_user,
        }) => json!({
            "kind": if *of_user { "user" } else { "project" },
            "file": path_as_text(path.as_os_str()),
            "line": line,
        }),
    }
}
