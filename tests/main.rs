//! Tests that cross crates: layers, documents against code, and whole tasks on the real engine.

#![cfg(test)]

mod again;
mod context;
mod documents;
mod forks;
mod layers;
mod mcp;
mod queue;
mod reverts;
mod servers;
mod tasks;
mod world;
