//! The rules as data. [`catalogue`] says what each is called, what it leads to and why; the other
//! files say what falls under it: [`programs`] and their [`commands`], [`wrappers`] that run
//! something else, [`settings`] that make other programs run code, [`places`] that hold secrets.
//!
//! What needs a look at operands (where a path leads, what is piped into what) is in the modules
//! beside this one; it names the rules from here. The sandbox is the boundary: these rules save the
//! user from surprises inside of it and from questions that need not be asked.

mod catalogue;
mod commands;
mod places;
mod programs;
mod settings;
mod wrappers;

pub(super) use catalogue::*;
pub(super) use commands::{COMMANDS, HARMLESS};
pub(super) use places::{DOCUMENTS, HOME_SECRETS, SOCKETS, SOURCES, SYSTEM_SECRETS};
pub(super) use programs::{OFFLINE, PROGRAMS, TEXT_ONLY};
pub(super) use settings::{CODE_VARIABLES, GIT_CODE_KEYS, HARMLESS_PROGRAMS, PROGRAM_VARIABLES};
pub(super) use wrappers::{COMMAND_OPTIONS, RUNNERS, WRAPPERS};
