//! loom-sim
