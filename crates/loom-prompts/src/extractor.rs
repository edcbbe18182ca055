//! What an extractor is told when a subtask has ended.

use crate::budget::{Input, shorten};
use crate::tokens::{clip_chars, clip_tokens, estimate_tokens};
use loom_events::{Role, SubtaskSpec};
use minijinja::{Value, context};

/// Everything that goes into an extractor prompt: recorded facts, never the conversation.
#[derive(Clone, Debug)]
pub struct ExtractorInput {
    /// The goal of the task.
    pub goal: String,
    /// The subtask that ended.
    pub subtask: SubtaskSpec,
    /// One line for each tool call, in order: what was called and what came of it.
    pub steps: Vec<String>,
    /// Files changed, one line each.
    pub changes: Vec<String>,
    /// The executor's last words. A claim.
    pub answer: String,
    /// Checks with what was seen, one line each.
    pub checks: Vec<String>,
    /// Tokens that the prompt may cost; none means no bound.
    pub budget: Option<u64>,
}

impl ExtractorInput {
    /// An input with only what is always there.
    #[must_use]
    pub fn new(goal: impl Into<String>, subtask: SubtaskSpec) -> Self {
        Self {
            goal: goal.into(),
            subtask,
            steps: Vec::new(),
            changes: Vec::new(),
            answer: String::new(),
            checks: Vec::new(),
            budget: None,
        }
    }
}

/// The goal is background here; this much of it says what the task is about.
const GOAL_TOKENS: u64 = 200;

/// Longest line of a list: one call, one file, one check.
const LINE_CHARS: usize = 200;

impl Input for ExtractorInput {
    const ROLE: Role = Role::Extractor;
    const NAME: &'static str = "extractor";
    const PARTS: &'static [&'static str] =
        &["role", "constraints", "output_format", "subtask", "facts"];
    const STABLE: &'static [&'static str] = &[];

    fn context(&self) -> Value {
        let lines = |list: &[String]| -> Vec<String> {
            list.iter()
                .map(|line| clip_chars(line, LINE_CHARS))
                .collect()
        };
        context! {
            goal => clip_tokens(&self.goal, GOAL_TOKENS),
            title => self.subtask.title.as_str(),
            description => self.subtask.description.as_str(),
            steps => lines(&self.steps),
            changes => lines(&self.changes),
            checks => lines(&self.checks),
            answer => self.answer.as_str(),
        }
    }

    fn budget(&self) -> Option<u64> {
        self.budget
    }

    fn shrink(&mut self, excess: u64) -> Option<String> {
        if let Some(answer) = shorten(&self.answer, excess) {
            self.answer = answer;
            return Some("executor's answer: cut".to_owned());
        }
        // The last calls say how it ended, so the first ones go.
        let longest = [&mut self.steps, &mut self.changes, &mut self.checks]
            .into_iter()
            .max_by_key(|list| list.len())?;
        let mut saved = 0;
        let mut dropped = 0;
        while saved < excess && dropped < longest.len() {
            saved += estimate_tokens(&clip_chars(&longest[dropped], LINE_CHARS)) + 1;
            dropped += 1;
        }
        longest.drain(..dropped);
        (dropped > 0).then(|| format!("record of the work: {dropped} lines left out"))
    }

    fn samples() -> [Self; 2] {
        [
            crate::samples::extractor(),
            crate::samples::bare_extractor(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use crate::{Prompts, samples};

    #[test]
    fn a_long_record_is_cut_from_its_beginning() {
        let mut input = samples::extractor();
        input.steps = (0..500)
            .map(|n| format!("read_file part-{n}: ok"))
            .collect();
        input.budget = Some(1_500);
        let rendered = Prompts::builtin().unwrap().extractor(&input).unwrap();
        let text = format!("{:?}", rendered.messages);
        assert!(text.contains("part-499:") && !text.contains("part-0:"));
        assert!(
            rendered
                .trimmed
                .iter()
                .any(|what| what.contains("lines left out"))
        );
    }
}
