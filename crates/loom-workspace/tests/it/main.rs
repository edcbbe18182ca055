//! The public API as its callers use it, on real trees and with real processes.

// Marked as tests for the lints, which know only modules and functions that are.
#[cfg(test)]
#[cfg(feature = "docker")]
mod docker;
#[cfg(test)]
mod patches;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod undo;
