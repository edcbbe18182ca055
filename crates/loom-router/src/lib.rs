//! loom-router
