//! Follows a running task to its end: shows what happens, asks what must be asked, and leaves in
//! order on Ctrl-C.

use crate::ask::Asker;
use crate::context::Context;
use crate::fault::Fault;
use crate::interrupt::Interrupts;
use crate::show::Show;
use crate::ui::{Tone, Ui};
use futures_util::StreamExt as _;
use loom_engine::{Clock as _, CommandError, Engine, Feed, SystemClock, TaskView};
use loom_events::{Event, TaskId};
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// Ten pictures a second: smooth for the eye, nothing for the machine.
const PICTURE: Duration = Duration::from_millis(100);

/// After so long without a record it is looked whether the task still runs. Asking costs nothing;
/// a model that thinks is quiet for minutes.
const QUIET: Duration = Duration::from_secs(5);

/// A runner that ends before its task is started again so often; after that something is broken.
const MAX_RESTARTS: u32 = 3;

/// What followed a task.
#[derive(Debug)]
pub(crate) enum Watched {
    /// It has ended.
    Ended,
    /// It was left unfinished on Ctrl-C.
    Interrupted,
}

/// Follows a task from where `view` stands. `view` is the task's view at the end.
pub(crate) async fn watch(
    context: &mut Context,
    engine: &Engine,
    view: &mut TaskView,
    show: &mut Show,
    interrupts: &mut Interrupts,
) -> Result<Watched, Fault> {
    let mut feed = engine.follow(view.id, view.last_seq);
    let dir = context.data_dir()?;
    let mut asker = context.ui.attended.then(|| Asker::new(dir));
    let mut pictures = tokio::time::interval(PICTURE);
    pictures.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut liveness = Liveness::default();
    loop {
        let asking = asker.as_ref().is_some_and(Asker::is_busy);
        tokio::select! {
            biased;
            () = interrupts.next() => {
                show.clear();
                return Ok(Watched::Interrupted);
            }
            next = feed.next() => match next {
                Some(Ok(Feed::Record(record))) => {
                    liveness.heard();
                    view.apply(&record.envelope);
                    show.record(&mut context.ui, &record, view);
                    if record.envelope.event.is_terminal() {
                        show.clear();
                        return Ok(Watched::Ended);
                    }
                    liveness.restarted(&record.envelope.event)?;
                    ask(asker.as_mut(), &context.ui, show, view);
                }
                Some(Ok(Feed::Live(live))) => show.live(&live),
                Some(Err(error)) => return Err(Fault::cannot(error)),
                None => return Err(Fault::from(anyhow::anyhow!("the journal of the task ended before the task did"))),
            },
            command = answered(asker.as_mut(), &context.ui) => match command {
                Some(command) => {
                    let taken = take(engine.command(view.id, command).await, &context.ui)?;
                    if !taken {
                        if let Some(asker) = &mut asker {
                            asker.refused();
                        }
                        ask(asker.as_mut(), &context.ui, show, view);
                    }
                }
                // Nobody can answer any more; what is asked waits for its deadline.
                None => asker = None,
            },
            _ = pictures.tick() => {
                if !asking {
                    show.tick(view, SystemClock.now());
                }
                liveness.check(engine, view.id).await?;
            }
        }
    }
}

/// Puts open questions on the screen; the picture makes room for them.
fn ask(asker: Option<&mut Asker>, ui: &Ui, show: &mut Show, view: &TaskView) {
    let Some(asker) = asker else { return };
    asker.update(view);
    if asker.is_busy() {
        show.clear();
        asker.show_next(ui);
    }
}

async fn answered(asker: Option<&mut Asker>, ui: &Ui) -> Option<loom_events::Command> {
    match asker {
        Some(asker) => asker.answered(ui).await,
        None => std::future::pending().await,
    }
}

/// Whether an answer was taken. One that came too late or makes no sense is said, and asked for
/// again if it is still wanted; anything else ends the watch.
fn take(answer: Result<(), CommandError>, ui: &Ui) -> Result<bool, Fault> {
    match answer {
        Ok(()) => Ok(true),
        Err(CommandError::Refused(refused)) => {
            ui.note(Tone::Caught, &format!("not taken: {refused}"));
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether the task is still being worked on: a feed alone would wait for ever.
#[derive(Debug)]
struct Liveness {
    heard: Instant,
    restarts: u32,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            heard: Instant::now(),
            restarts: 0,
        }
    }
}

impl Liveness {
    fn heard(&mut self) {
        self.heard = Instant::now();
    }

    fn restarted(&mut self, event: &Event) -> Result<(), Fault> {
        if matches!(event, Event::RunnerStarted { .. }) {
            self.restarts += 1;
        }
        match self.restarts > MAX_RESTARTS {
            true => Err(
                Fault::from(anyhow::anyhow!("the task stops again and again"))
                    .hint("LOOM_LOGGING__LEVEL=info shows why"),
            ),
            false => Ok(()),
        }
    }

    async fn check(&mut self, engine: &Engine, task: TaskId) -> Result<(), Fault> {
        if self.heard.elapsed() < QUIET {
            return Ok(());
        }
        self.heard();
        engine.resume(task).await.map_err(Fault::cannot)
    }
}
