//! loom-kernel
