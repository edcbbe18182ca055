//! The HTTP API of Loom.

#![deny(missing_docs)]
