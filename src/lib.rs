//! devstash: a script comes in, marked calls are found, the real interpreter runs it, results stay on disk.
//!
//! Data moves one way, in the order of this list; a stage may name the types of the stages before it, never of those
//! after. `docs/architecture.md` tells the story.

pub mod exit;

pub mod cli;
pub mod diagnostic;
pub mod duration;
pub mod nearest;
pub mod owner;
pub mod shown;
pub mod source;

pub mod config;
pub mod options;

pub mod discover;

pub mod syntax;

pub mod marker;

pub mod plan;

pub mod check;

pub mod runtime;

pub mod launch;

pub mod pump;

pub mod entry;
pub mod journal;
pub mod json;
pub mod manage;
pub mod store;

pub mod complete;
pub mod man;
