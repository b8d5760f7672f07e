//! A source in, its plan as the JSON document that the runtime reads out.

use std::path::PathBuf;

use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::plan::{self, Plan, PlanError};
use crate::source::Source;

#[derive(Serialize)]
#[serde(untagged)]
enum Document {
    Planned {
        #[serde(flatten)]
        plan: Plan,
        /// BLAKE2b-128 of the source's bytes: tells the runtime whether the file is still the one planned for.
        source: String,
    },
    /// The markers are switched off; what remains is to make `import devstash` work.
    Unedited {
        format: u32,
        sites: [u8; 0],
        source: String,
    },
    Unparsed {
        format: u32,
        sites: [u8; 0],
        /// Why our parser has refused the source.
        unparsed: String,
    },
}

/// The plan for the source that `path` names in messages and that reads `bytes`, and whether there is anything in
/// it for us. `digest` is that of the bytes. Faulty markers are the error.
pub fn of(path: PathBuf, bytes: Vec<u8>, digest: &str) -> Result<(Vec<u8>, bool), Vec<Diagnostic>> {
    let planned = match Source::decode(path, bytes) {
        Ok(source) => plan::plan(&source),
        Err(error) => Err(PlanError::Syntax {
            message: error.to_string(),
        }),
    };
    let mut has_sites = true;
    let document = match planned {
        Ok(plan) => {
            has_sites = !plan.is_empty();
            Document::Planned {
                plan,
                source: digest.to_owned(),
            }
        }
        // Whether to warn, only the interpreter can say: where it refuses the source too, it says so itself.
        Err(PlanError::Syntax { message }) => Document::Unparsed {
            format: 1,
            sites: [],
            unparsed: message,
        },
        Err(PlanError::Markers(found)) => return Err(found),
    };
    Ok((document.to_json(), has_sites))
}

/// The document for a script whose markers are switched off.
pub fn unedited(digest: &str) -> Vec<u8> {
    let document = Document::Unedited {
        format: 1,
        sites: [],
        source: digest.to_owned(),
    };
    document.to_json()
}

impl Document {
    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a plan has only text, numbers and lists of them")
    }
}
