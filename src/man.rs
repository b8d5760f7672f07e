//! The declarations of the command line in, manual pages out: one for devstash, one for each of its commands.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use clap::Command;
use clap_mangen::Man;

use crate::cli;
use crate::exit::ExitStatus;
use crate::nearest::nearest;
use crate::options::ManOptions;
use crate::shown::shown_path;

/// Print one page to stdout, or write all of them into a folder and print their names.
pub fn man(options: &ManOptions) -> anyhow::Result<ExitStatus> {
    let mut command = cli::command();
    command.build();
    if let Some(folder) = &options.folder {
        return all(&command, folder);
    }
    let page = match options.command.as_deref() {
        None => &command,
        Some(name) => match commands(&command).find(|one| one.get_name() == name) {
            Some(page) => page,
            None => {
                let near = nearest(name, commands(&command).map(Command::get_name))
                    .first()
                    .copied();
                let hint = near.map_or("`devstash --help` names them all".to_owned(), |near| {
                    format!("did you mean `{near}`?")
                });
                let _ = writeln!(
                    io::stderr(),
                    "devstash: there is no command `{}`\n\nhint: {hint}",
                    name.escape_debug()
                );
                return Ok(ExitStatus::Usage);
            }
        },
    };
    io::stdout().write_all(&text(page)?)?;
    Ok(ExitStatus::Success)
}

/// One file per page.
fn all(command: &Command, folder: &Path) -> anyhow::Result<ExitStatus> {
    let shown = shown_path(folder);
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{shown}`"))?;
    for page in [command].into_iter().chain(commands(command)) {
        let name = format!("{}.1", title(page));
        fs::write(folder.join(&name), text(page)?)
            .with_context(|| format!("cannot write `{name}` into `{shown}`"))?;
        writeln!(io::stdout(), "{}", shown_path(&folder.join(&name)))?;
    }
    Ok(ExitStatus::Success)
}

/// The commands that people are told of.
fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|one| !one.is_hide_set())
}

/// `devstash-run`, and `devstash` for the whole.
fn title(page: &Command) -> &str {
    page.get_display_name().unwrap_or_else(|| page.get_name())
}

fn text(page: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    Man::new(page.clone()).render(&mut text)?;
    Ok(text)
}
