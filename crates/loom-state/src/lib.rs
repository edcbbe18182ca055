//! loom-state
