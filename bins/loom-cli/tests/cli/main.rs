//! The real binary in real directories, as a person in a shell or a script would use it.

mod support;

// Marked as tests for the lints, which know only modules and functions that are.
#[cfg(test)]
mod acp;
#[cfg(test)]
mod again;
#[cfg(test)]
mod answer;
mod bad_input;
#[cfg(test)]
mod crash;
mod demo;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod learning;
#[cfg(test)]
mod logs;
mod models;
mod policy;
mod run;
#[cfg(test)]
mod service;
#[cfg(test)]
mod transfer;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod undo;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod unit;
