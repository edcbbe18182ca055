//! The router against real HTTP: a scripted server for every fault, and a real one where installed.

mod discovery;
mod failures;
mod json;
mod llama_server;
mod routing;
mod server;
mod streaming;
