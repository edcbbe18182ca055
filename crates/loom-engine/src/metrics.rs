//! Figures for whoever watches over an engine: counted from events as they are committed, since the
//! engine was opened. Nothing decides by them.

use loom_events::{Event, Usage};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// The figures at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Tasks that work now.
    pub running: u64,
    /// Tasks that wait for another one.
    pub queued: u64,
    /// Tasks that were begun.
    pub begun: u64,
    /// Tasks that ended, by how: `completed`, `failed`, `cancelled`.
    pub ended: BTreeMap<&'static str, u64>,
    /// Questions that were put to a human.
    pub questions: u64,
    /// Answered calls of models, by the name of the model entry.
    pub models: BTreeMap<String, ModelFigures>,
    /// Calls of models that gave no answer.
    pub failed_model_calls: u64,
    /// Tokens that were spent on work other than the answers in `models`: verdicts and memory.
    pub other_tokens: u64,
    /// Calls of tools that were begun, by tool.
    pub tools: BTreeMap<String, u64>,
    /// Calls of tools that did not do what they were asked.
    pub negative_tool_calls: u64,
}

/// The figures of one model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelFigures {
    /// Calls that it answered.
    pub calls: u64,
    /// Tokens of the prompts, cached ones included.
    pub prompt_tokens: u64,
    /// Tokens that the server took from its cache.
    pub cached_tokens: u64,
    /// Tokens that it wrote.
    pub completion_tokens: u64,
    /// Milliseconds to the first token, of all calls of the executor together.
    pub first_token_ms: u64,
    /// Milliseconds to the end, of all calls of the executor together.
    pub total_ms: u64,
}

/// What is counted as it happens.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<Metrics>);

impl Counts {
    /// Counts an event that was committed.
    pub(crate) fn note(&self, event: &Event) {
        self.lock().note(event);
    }

    /// The figures, with how many tasks work and wait now.
    pub(crate) fn metrics(&self, (running, queued): (u64, u64)) -> Metrics {
        Metrics {
            running,
            queued,
            ..self.lock().clone()
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Metrics> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Metrics {
    fn note(&mut self, event: &Event) {
        match event {
            Event::TaskCreated(_) => self.begun += 1,
            Event::TaskCompleted(_) => self.end("completed"),
            Event::TaskFailed { .. } => self.end("failed"),
            Event::TaskCancelled { .. } => self.end("cancelled"),
            Event::ApprovalRequested { .. } => self.questions += 1,
            Event::ModelCallCompleted { reply, .. } => {
                let model = self.answered(&reply.model, reply.usage);
                model.first_token_ms += reply.latency.first_token_ms;
                model.total_ms += reply.latency.total_ms;
            }
            Event::PlanProposed { usage, model, .. } => drop(self.answered(model, *usage)),
            Event::ModelCallFailed { .. } => self.failed_model_calls += 1,
            Event::VerificationPassed { verdict, .. }
            | Event::VerificationFailed { verdict, .. }
            | Event::VerificationInconclusive { verdict, .. } => {
                self.other_tokens += verdict.usage.total();
            }
            Event::ExtractionFinished { usage, .. } => self.other_tokens += usage.total(),
            Event::ToolCallStarted { tool, .. } => {
                *self.tools.entry(tool.clone()).or_default() += 1;
            }
            Event::ToolCallCompleted { result, .. } if !result.ok => {
                self.negative_tool_calls += 1;
            }
            _ => {}
        }
    }

    fn end(&mut self, how: &'static str) {
        *self.ended.entry(how).or_default() += 1;
    }

    fn answered(&mut self, model: &str, usage: Usage) -> &mut ModelFigures {
        let figures = self.models.entry(model.to_owned()).or_default();
        figures.calls += 1;
        figures.prompt_tokens += usage.prompt;
        figures.cached_tokens += usage.cached;
        figures.completion_tokens += usage.completion;
        figures
    }

    /// The figures in the text format of Prometheus, version 0.0.4.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let mut text = Exposition::default();
        text.family("loom_tasks", "gauge", "Tasks by what they do now.");
        text.sample("loom_tasks", &[("status", "running")], self.running);
        text.sample("loom_tasks", &[("status", "queued")], self.queued);
        text.one(
            "loom_tasks_begun_total",
            "Tasks that were begun.",
            self.begun,
        );
        let ended = "loom_tasks_ended_total";
        text.family(ended, "counter", "Tasks that ended, by how.");
        for (how, count) in &self.ended {
            text.sample(ended, &[("outcome", how)], *count);
        }
        let questions = "Questions that were put to a human.";
        text.one("loom_questions_total", questions, self.questions);
        self.models(&mut text);
        let failed = "Calls of models without an answer.";
        text.one(
            "loom_model_calls_failed_total",
            failed,
            self.failed_model_calls,
        );
        let other = "Tokens of verdicts and memory.";
        text.one("loom_other_tokens_total", other, self.other_tokens);
        let tools = "loom_tool_calls_total";
        text.family(tools, "counter", "Calls of tools that were begun.");
        for (tool, count) in &self.tools {
            text.sample(tools, &[("tool", tool)], *count);
        }
        let negative = "Calls of tools that did not do what they were asked.";
        text.one(
            "loom_tool_calls_negative_total",
            negative,
            self.negative_tool_calls,
        );
        text.0
    }

    fn models(&self, text: &mut Exposition) {
        let calls = "loom_model_calls_total";
        text.family(calls, "counter", "Answered calls of models.");
        for (model, figures) in &self.models {
            text.sample(calls, &[("model", model)], figures.calls);
        }
        let tokens = "loom_tokens_total";
        text.family(tokens, "counter", "Tokens of answered calls.");
        for (model, figures) in &self.models {
            for (kind, count) in [
                ("prompt", figures.prompt_tokens),
                ("cached", figures.cached_tokens),
                ("completion", figures.completion_tokens),
            ] {
                text.sample(tokens, &[("model", model), ("kind", kind)], count);
            }
        }
        for (name, help, of) in [
            (
                "loom_model_first_token_milliseconds_total",
                "Time to the first token, of all calls of the executor together.",
                (|figures| figures.first_token_ms) as fn(&ModelFigures) -> u64,
            ),
            (
                "loom_model_milliseconds_total",
                "Time to the end, of all calls of the executor together.",
                |figures| figures.total_ms,
            ),
        ] {
            text.family(name, "counter", help);
            for (model, figures) in &self.models {
                text.sample(name, &[("model", model)], of(figures));
            }
        }
    }
}

/// Text in the making.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn one(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.sample(name, &[], value);
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        match labels.is_empty() {
            true => self.line(format_args!("{name} {value}")),
            false => self.line(format_args!("{name}{{{}}} {value}", labels.join(","))),
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("BUG: text can be written to a string");
    }
}

/// A label as the format wants it.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::Summary;

    #[test]
    fn what_is_counted_is_shown_with_what_happens_now() {
        let counts = Counts::default();
        counts.note(&Event::TaskCompleted(Summary::default()));
        counts.note(&Event::TaskPaused);
        let usage = Usage {
            prompt: 7,
            completion: 2,
            ..Usage::default()
        };
        counts.0.lock().unwrap().answered("a \"model\"", usage);
        let metrics = counts.metrics((2, 1));
        assert_eq!((metrics.running, metrics.queued), (2, 1));
        let text = metrics.prometheus();
        for line in [
            "loom_tasks{status=\"running\"} 2",
            "loom_tasks_ended_total{outcome=\"completed\"} 1",
            "loom_tokens_total{model=\"a \\\"model\\\"\",kind=\"prompt\"} 7",
            "# TYPE loom_tool_calls_total counter",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
    }

    #[test]
    fn every_sample_is_of_a_family_that_was_announced_once() {
        let text = Metrics::default().prometheus();
        let families: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .filter_map(|rest| rest.split(' ').next())
            .collect();
        let mut once = families.clone();
        once.dedup();
        assert_eq!(families, once);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        for sample in samples {
            let name = sample.split(['{', ' ']).next().unwrap();
            assert!(families.contains(&name), "{sample}");
        }
    }
}
