//! What is shown, as pure functions from events and views to text: nothing here writes or waits.

mod doctor;
mod models;
mod narrate;
mod question;
mod report;
mod status;
mod survey;
#[cfg(test)]
mod testing;
mod tools;
mod tree;

pub(crate) use doctor::examination;
pub(crate) use models::{finding_lines, judging_line, judging_words, model_table};
pub(crate) use narrate::{Catch, Line, Narrator};
pub(crate) use question::{Asking, answer, on_expiry, question};
pub(crate) use report::{exit, report, result_json};
pub(crate) use status::{Listed, status, taken_back, task_table};
pub(crate) use survey::survey;
pub(crate) use tools::{own_tool_lines, server_lines};
pub(crate) use tree::{Moment, tree};
