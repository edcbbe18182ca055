//! Tests that cross crates: layers, documents against code, and whole tasks on the real engine.

#![cfg(test)]

mod again;
mod archetypes;
mod by_hand;
mod context;
mod documents;
mod executions;
mod extraction;
mod forks;
mod held_out;
mod hostile;
mod layers;
mod learning;
mod lift;
mod manner;
mod mcp;
mod own_checks;
mod plans;
mod prefix;
mod project;
mod queue;
mod reverts;
mod secrets;
mod servers;
mod tasks;
mod vectors;
mod webhooks;
mod wordings;
mod world;
