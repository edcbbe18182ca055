//! loom-prompts
