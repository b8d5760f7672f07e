//! Parse, run, say what went wrong, map it to an exit status.

use std::env;
use std::io::{self, Write};

use anyhow::Result;
use devstash::cli::{self, Command};
use devstash::complete::Question;
use devstash::exit::ExitStatus;
use devstash::launch::module;
use devstash::manage::explain;
use devstash::options::{
    CheckOptions, ClearOptions, ConfigOptions, ExportOptions, FixtureOptions, GcOptions,
    ListOptions, ManOptions, PathOptions, PinOptions, RunOptions, ShowOptions, StatsOptions,
    Unclear, VerifyOptions, WhyOptions,
};
use devstash::{check, complete, launch, man, manage, pump};

fn main() -> ExitStatus {
    let line: Vec<_> = env::args_os().collect();
    if let Some(task) = pump::Task::of(&line) {
        return task.map_or(ExitStatus::Usage, pump::Task::run);
    }
    if let Some(task) = module::Task::of(&line) {
        return task.map_or(ExitStatus::Usage, module::Task::run);
    }
    if let Some(task) = explain::Task::of(&line) {
        return task.map_or(ExitStatus::Usage, explain::Task::run);
    }
    if let Some(question) = Question::of(&line) {
        return question.answer();
    }
    let typed = match cli::parse(line) {
        Ok(typed) => typed,
        // Help and version come this way too, for stdout and with status 0.
        Err(said) => {
            let _ = said.print();
            return if said.use_stderr() {
                ExitStatus::Usage
            } else {
                ExitStatus::Success
            };
        }
    };
    match typed.command {
        Command::Run(typed) => match RunOptions::new(*typed) {
            Ok(options) => {
                let Err(error) = launch::run(&options);
                complain(&error.to_string(), error.status())
            }
            Err(error) => usage(&error),
        },
        Command::Check(typed) => finish(check::check(&CheckOptions::new(typed))),
        Command::List(typed) => match ListOptions::new(typed) {
            Ok(options) => finish(manage::list(&options)),
            Err(error) => usage(&error),
        },
        Command::Show(typed) => match ShowOptions::new(typed) {
            Ok(options) => finish(manage::show(&options)),
            Err(error) => usage(&error),
        },
        Command::Path(typed) => match PathOptions::new(typed) {
            Ok(options) => finish(manage::path(&options)),
            Err(error) => usage(&error),
        },
        Command::Why(typed) => match WhyOptions::new(typed) {
            Ok(options) => finish(manage::why(&options)),
            Err(error) => usage(&error),
        },
        Command::Stats(typed) => match StatsOptions::new(typed) {
            Ok(options) => finish(manage::stats(&options)),
            Err(error) => usage(&error),
        },
        Command::Export(typed) => match ExportOptions::new(typed) {
            Ok(options) => finish(manage::export(&options)),
            Err(error) => usage(&error),
        },
        Command::Fixture(typed) => match FixtureOptions::new(typed) {
            Ok(options) => finish(manage::fixture(&options)),
            Err(error) => usage(&error),
        },
        Command::Clear(typed) => match ClearOptions::new(typed) {
            Ok(options) => finish(manage::clear(&options)),
            Err(error) => usage(&error),
        },
        Command::Config(typed) => match ConfigOptions::new(typed) {
            Ok(options) => finish(manage::config(&options)),
            Err(error) => usage(&error),
        },
        Command::Completions(typed) => finish(print(&complete::script(typed.shell))),
        Command::Man(typed) => finish(man::man(&ManOptions::new(typed))),
        Command::Pin(typed) => match PinOptions::new(typed, true) {
            Ok(options) => finish(manage::pin(&options)),
            Err(error) => usage(&error),
        },
        Command::Unpin(typed) => match PinOptions::new(typed, false) {
            Ok(options) => finish(manage::pin(&options)),
            Err(error) => usage(&error),
        },
        Command::Gc(typed) => match GcOptions::new(typed) {
            Ok(options) => finish(manage::gc(&options)),
            Err(error) => usage(&error),
        },
        Command::Verify(typed) => match VerifyOptions::new(typed) {
            Ok(options) => finish(manage::verify(&options)),
            Err(error) => usage(&error),
        },
    }
}

fn print(text: &str) -> Result<ExitStatus> {
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitStatus::Success)
}

/// The status of a command that looked after the cache.
fn finish(done: Result<ExitStatus>) -> ExitStatus {
    match done.and_then(|status| io::stdout().flush().map(|()| status).map_err(Into::into)) {
        Ok(status) => status,
        // `devstash list | head` has seen enough.
        Err(error) if is_closed_pipe(&error) => ExitStatus::Success,
        Err(error) => complain(&format!("devstash: {error:#}"), ExitStatus::Trouble),
    }
}

fn usage(error: &anyhow::Error) -> ExitStatus {
    if let Some(Unclear(complaint)) = error.downcast_ref() {
        return complain(complaint, ExitStatus::Usage);
    }
    complain(&format!("devstash: {error:#}"), ExitStatus::Usage)
}

/// Say `message` on stderr. A closed stderr must not turn one trouble into two.
fn complain(message: &str, status: ExitStatus) -> ExitStatus {
    let _ = writeln!(io::stderr(), "{message}");
    status
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(closed))
}
