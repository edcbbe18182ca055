//! The public API as its callers use it, on real trees and with real processes.

mod patches;
mod processes;
mod support;
mod tools;
mod undo;
