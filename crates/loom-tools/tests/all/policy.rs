//! The policy against recorded commands.
