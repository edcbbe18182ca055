//! The real binary in real directories, as a person in a shell or a script would use it.

mod support;

mod bad_input;
mod crash;
mod demo;
mod doctor;
mod models;
mod policy;
mod run;
mod undo;
