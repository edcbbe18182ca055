//! loom-verify
