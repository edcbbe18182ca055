//! Commands of planned checks: run in the same sandbox and under the same policy as the model's.

use super::Cx;
use loom_tools::{CheckCommand, CheckRun, run_check};
use loom_verify::{CheckRunner, Ended, Seen};
use loom_workspace::RunStatus;
use std::time::Duration;

/// Runs checks where an effect works.
pub(super) struct Checks<'a>(&'a Cx);

impl<'a> Checks<'a> {
    pub(super) const fn new(cx: &'a Cx) -> Self {
        Self(cx)
    }
}

#[async_trait::async_trait]
impl CheckRunner for Checks<'_> {
    async fn run(&self, line: &str, timeout: Duration) -> Seen {
        let cx = self.0;
        let not_run = |why: String| Seen {
            ended: Ended::NotRun(why),
            output: String::new(),
            duration: Duration::ZERO,
            degraded: Vec::new(),
        };
        let Some(workspace) = &cx.workspace else {
            return not_run("the task has no workspace".to_owned());
        };
        let label = cx.label();
        let line = cx.inward_line(line);
        let command = CheckCommand {
            line: &line,
            workspace,
            scratch: &cx.scratch,
            timeout,
            shell: &cx.shell,
            label: &label,
        };
        match run_check(&command, &cx.signals.cancel).await {
            CheckRun::NotRun(why) => not_run(why),
            CheckRun::Finished(finished) => Seen {
                ended: match finished.status {
                    RunStatus::Exit(code) => Ended::Exit(code),
                    RunStatus::Signal(signal) => Ended::Signal(signal),
                    RunStatus::TimedOut => Ended::TimedOut,
                    // The limit kills as the system does.
                    RunStatus::OutOfMemory => Ended::Signal(9),
                    RunStatus::Cancelled => Ended::NotRun("it was interrupted".to_owned()),
                },
                output: cx.outward(finished.output),
                duration: finished.duration,
                degraded: finished.put_back,
            },
        }
    }
}
