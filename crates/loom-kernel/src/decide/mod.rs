pub use loom_events::Time;
