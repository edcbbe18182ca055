//! loom-engine
