//! The public API as its callers use it, on real trees and with real processes.

// Marked as tests for the lints, which know only modules and functions that are.
#[cfg(test)]
#[cfg(feature = "docker")]
mod docker;
#[cfg(test)]
mod fork_merges;
#[cfg(test)]
mod forked_git;
#[cfg(test)]
mod forks;
#[cfg(test)]
mod hard_cases;
#[cfg(test)]
mod merges;
#[cfg(test)]
mod patch_trees;
#[cfg(test)]
mod patches;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod sandboxes;
#[cfg(test)]
mod services;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod undo;
