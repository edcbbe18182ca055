//! What a model's output means.
//!
//! What lives here: what is known of each model family, the separation of thoughts, text and calls
//! in whatever form they come, the strict reading of arguments, and the fitting of arguments to a
//! tool's schema. Pure: no I/O, no clock, no async. What does not: talking to a server
//! (`loom-router`), running a tool (`loom-tools`).
//!
//! Start at [`interpret`]. [`Watcher`] sorts the pieces of a stream for people who watch, and never
//! changes what [`interpret`] says.
//!
//! **Invariant:** nothing here guesses at a meaning. A call is read as it was meant, or it is
//! refused with a code and a message that the model can act on.
#![deny(missing_docs)]

mod arguments;
mod delta;
mod family;
mod ids;
mod interpret;
mod names;
mod raw;
mod read;
mod strict;
mod text_call;
mod think;

pub use arguments::Arguments;
pub use delta::{Delta, DeltaSink, Discard};
pub use family::{Family, IdForm, Keeps, TemplateArgument, ThinkingSwitch, Traits};
pub use interpret::{Reading, interpret};
pub use names::{nearest, strip};
pub use raw::{RawAnswer, RawArguments, RawCall};
pub use strict::parse as parse_strictly;
pub use text_call::fenced;
pub use think::Watcher;
