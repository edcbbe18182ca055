//! A real llama-server.
