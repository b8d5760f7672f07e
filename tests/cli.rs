//! The command as its user meets it: words typed and an environment in; what is started, said and returned out.
//!
//! Tests about *what is started* use interpreters made of three lines of shell that tell how they were called. Tests
//! about what a script sees compare with plain Python, whichever `DEVSTASH_PYTHON` names or `python3` is; where there is
//! none they say so and pass.

#[path = "cli/home.rs"]
mod home;
#[path = "cli/interpreter.rs"]
mod interpreter;
#[path = "cli/line.rs"]
mod line;
#[path = "cli/script.rs"]
mod script;
#[path = "cli/world.rs"]
mod world;
