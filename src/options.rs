//! (being written; the shapes for `manage`, final:)
//!
//! ```text
//! pub struct ListOptions  { pub cache_dir: PathBuf /* absolute */, pub ttl: Option<duration::Ttl> }
//! pub struct ClearOptions { pub cache_dir: PathBuf /* absolute */, pub selection: Selection, pub dry_run: bool }
//! pub enum Selection { All, Pattern(OsString) }     // `clear` without a selector never reaches `manage`
//! pub fn cache_dir(given: Option<OsString>) -> PathBuf …
//! exit::ExitStatus { Success = 0, NothingMatched = 1, Usage = 2, NoInterpreter = 127 }
//! ```
