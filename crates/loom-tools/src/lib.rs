//! loom-tools
