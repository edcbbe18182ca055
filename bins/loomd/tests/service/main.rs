//! The service over real HTTP, on a real engine; only the model behind it is simulated.

#![cfg(test)]

mod access;
mod conflicts;
mod reach;
mod restart;
mod routes;
mod stream;
mod support;
