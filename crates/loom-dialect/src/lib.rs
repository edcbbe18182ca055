//! What a model's output means.
//!
//! What lives here: what is known of each model family, the separation of thoughts, text and calls
//! in whatever form they come, the strict reading of arguments, and the fitting of arguments to a
//! tool's schema. Pure: no I/O, no clock, no async. What does not: talking to a server
//! (`loom-router`), running a tool (`loom-tools`).
//!
//! Start at [`read()`], then `scan` for the marks, `json` for values, `judge` for what may run.
//! [`Watcher`] sorts the pieces of a stream for people who watch, and never changes what [`read()`]
//! says.
//!
//! **Invariant:** nothing here guesses at a meaning. A call is read as it was meant, or it is
//! refused with a code and a message that the model can act on. What had to be inferred runs only
//! with a tool that changes nothing.
#![deny(missing_docs)]

mod arguments;
mod bare;
mod block;
mod cursor;
mod delta;
mod draft;
mod envelope;
mod family;
mod glm;
mod harmony;
mod ids;
mod interpret;
mod json;
mod judge;
mod literal;
mod marks;
mod names;
mod object;
mod offer;
mod python;
mod raw;
mod refuse;
mod renderings;
mod said;
mod scan;
mod structured;
mod tags;
mod thought;
mod tokens;
mod watch;

pub use arguments::Arguments;
pub use delta::{Delta, DeltaSink, Discard};
pub use draft::{Call, Item, Refused};
pub use family::{Family, IdForm, Keeps, TemplateArgument, ThinkingSwitch, Traits};
pub use interpret::{Interpretation, Reading, read};
pub use names::{nearest, strip};
pub use object::read_object;
pub use raw::{RawAnswer, RawArguments, RawCall};
pub use said::classify;
pub use watch::Watcher;
