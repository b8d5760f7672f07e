//! `devstash pin` and `unpin`: an entry that is kept for good, whatever has to make room, and no longer.

use anyhow::Context;

use crate::exit::ExitStatus;
use crate::options::PinOptions;
use crate::store::{Store, is_entry_name, shown};

use super::pick::pick;
use super::{answer, say, status};

/// Pins one entry, or takes its pin away. Once more is fine.
pub fn pin(options: &PinOptions) -> anyhow::Result<ExitStatus> {
    let picked = match pick(&options.wanted) {
        Ok(picked) => picked,
        Err(none) => {
            say(&none.to_string());
            return Ok(none.status());
        }
    };
    let name = shown(&picked.name);
    let store = match Store::open(&picked.folder) {
        Ok(store) if is_entry_name(&picked.name) => store,
        Ok(_) => {
            say(&format!("`{name}` is no name of an entry"));
            return Ok(ExitStatus::NothingMatched);
        }
        Err(trouble) => {
            say(&trouble.to_string());
            return Ok(status(&trouble));
        }
    };
    let (done, said) = if options.pin {
        let new = store
            .pin(&picked.name)
            .with_context(|| format!("cannot pin `{name}`"))?;
        (new, ["Pinned", "was pinned already"])
    } else {
        let gone = store
            .unpin(&picked.name)
            .with_context(|| format!("cannot unpin `{name}`"))?;
        (gone, ["Unpinned", "was not pinned"])
    };
    let text = if done {
        format!("{} {name}\n", said[0])
    } else {
        format!("{name} {}\n", said[1])
    };
    answer(text).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}
