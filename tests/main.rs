//! Tests that cross crates: layers, documents against code, and whole tasks on the real engine.

#![cfg(test)]

mod context;
mod documents;
mod layers;
mod lift;
mod mcp;
mod reverts;
mod servers;
mod tasks;
mod world;
