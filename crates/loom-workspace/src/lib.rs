//! loom-workspace
