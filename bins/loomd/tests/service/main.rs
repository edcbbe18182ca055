//! The service over real HTTP, on a real engine; only the model behind it is simulated.

#![cfg(test)]

mod access;
mod answers;
mod conflicts;
mod deaths;
mod examples;
mod first_loom;
mod learning;
mod logs;
mod outside;
mod reach;
mod restart;
mod routes;
mod secrets;
mod stream;
mod support;
mod transfer;
