//! The reader of answers as a whole: recorded failures, any chunks, hostile text.

mod corpus;
mod hostile;
mod score;
