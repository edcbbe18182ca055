//! What must hold, told as short scenes at a [`Desk`](crate::desk::Desk). By phase.

mod attempt;
mod by_hand;
mod disputes;
mod executions;
mod flow;
mod growth;
mod ladder;
mod learning;
mod merge;
mod planning;
mod questions;
mod queue;
mod recovery;
mod stopping;
mod table;
mod tools;
