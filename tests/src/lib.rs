//! Holds the tests of this package together; everything is in `main.rs` beside it.
