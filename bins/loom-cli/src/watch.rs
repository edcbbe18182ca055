//! Follows a running task to its end: shows what happens, asks what must be asked, and leaves in
//! order on Ctrl-C.

use crate::ask::{Asker, Reply};
use crate::context::{Context, client_fault};
use crate::fault::Fault;
use crate::interrupt::Interrupts;
use crate::render::question;
use crate::service::Work;
use crate::show::Show;
use crate::ui::{Tone, Ui};
use futures_util::StreamExt as _;
use loom_client::wire::{AnswerRequest, PlanRequest};
use loom_client::{Client, ClientError, Followed};
use loom_engine::{Clock as _, SystemClock, TaskView};
use loom_events::{Event, TaskId};
use loomd::Service;
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
    work: &mut Work,
    service: &mut Service,
    view: &mut TaskView,
    show: &mut Show,
    interrupts: &mut Interrupts,
) -> Result<Watched, Fault> {
    let mut feed = service.client().follow(view.id, view.last_seq);
    let mut offline = false;
    let dir = context.data_dir()?;
    let mut asker = context.ui.attended.then(|| Asker::new(dir));
    let mut pictures = tokio::time::interval(PICTURE);
    pictures.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut liveness = Liveness::default();
    // What is asked already, no record will say.
    match asker.is_some() {
        true => ask(asker.as_mut(), &context.ui, show, view),
        false => say_open(&context.ui, show, view),
    }
    loop {
        let asking = asker.as_ref().is_some_and(Asker::is_busy);
        tokio::select! {
            biased;
            () = interrupts.next() => {
                show.clear();
                return Ok(Watched::Interrupted);
            }
            next = feed.next() => match next {
                Some(Ok(Followed::Record(record))) => {
                    liveness.heard();
                    view.apply(&record.envelope);
                    show.record(&mut context.ui, &record, view);
                    let calls = matches!(record.envelope.event, Event::ApprovalRequested { .. });
                    if work.rings() && (calls || record.envelope.event.is_terminal()) {
                        context.ui.ring();
                    }
                    if record.envelope.event.is_terminal() {
                        show.clear();
                        return Ok(Watched::Ended);
                    }
                    liveness.restarted(&record.envelope.event)?;
                    ask(asker.as_mut(), &context.ui, show, view);
                }
                Some(Ok(Followed::Live(live))) => show.live(&live),
                Some(Ok(Followed::Online)) => {
                    offline = false;
                    show.clear();
                    context.ui.note(Tone::Dim, "the service answers again");
                }
                Some(Ok(Followed::Offline(error))) => {
                    show.clear();
                    if work.revive(context, service, view.id).await? {
                        offline = false;
                        feed = service.client().follow(view.id, view.last_seq);
                        context.ui.note(Tone::Dim, went_on(service));
                    } else if !std::mem::replace(&mut offline, true) {
                        let text = format!("trying again: cannot {}", crate::fault::chain(&error));
                        context.ui.note(Tone::Caught, &text);
                    }
                }
                Some(Err(error)) => return Err(client_fault(error)),
                None if view.status.is_final() => return Ok(Watched::Ended),
                None => return Err(Fault::from(anyhow::anyhow!("the journal of the task ended before the task did"))),
            },
            reply = answered(asker.as_mut(), &context.ui) => match reply {
                Some(reply) => {
                    let sent = send(service.client(), view.id, reply).await;
                    let taken = take(sent, &context.ui)?;
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
                liveness.check(service.client(), view.id).await?;
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

/// Says what a task waits for to somebody who cannot be asked here.
fn say_open(ui: &Ui, show: &mut Show, view: &TaskView) {
    if matches!(show, Show::Json) || view.questions.is_empty() {
        return;
    }
    show.clear();
    for open in &view.questions {
        for (tone, text) in question(open, SystemClock.now()) {
            ui.note(tone, &text);
        }
    }
    let task = view.id.short();
    let hint =
        format!("answer with  loom approve {task}  loom reject {task}  or  loom answer {task}");
    ui.labelled("hint", &hint);
}

/// Where a task goes on whose service has gone.
const fn went_on(service: &Service) -> &'static str {
    match service.is_carried() {
        true => "the process that worked on it has gone; it goes on in this one",
        false => "the process that worked on it has gone; it goes on in another one",
    }
}

async fn send(client: &Client, task: TaskId, reply: Reply) -> Result<(), ClientError> {
    match reply {
        Reply::Answer { question, response } => {
            let request = AnswerRequest {
                question: Some(question),
                response,
            };
            client.answer(task, &request).await?;
        }
        Reply::Plan(plan) => {
            client.edit_plan(task, &PlanRequest { plan }).await?;
        }
    }
    Ok(())
}

async fn answered(asker: Option<&mut Asker>, ui: &Ui) -> Option<Reply> {
    match asker {
        Some(asker) => asker.answered(ui).await,
        None => std::future::pending().await,
    }
}

/// Whether an answer was taken. One that came too late or makes no sense is said, and asked for
/// again if it is still wanted; anything else ends the watch.
fn take(answer: Result<(), ClientError>, ui: &Ui) -> Result<bool, Fault> {
    match answer {
        Ok(()) => Ok(true),
        Err(
            error @ (ClientError::Refused { .. }
            | ClientError::Unreachable { .. }
            | ClientError::Silent { .. }),
        ) => {
            let text = format!("not taken: {}", crate::fault::chain(&error));
            ui.note(Tone::Caught, &text);
            Ok(false)
        }
        Err(error) => Err(client_fault(error)),
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

    async fn check(&mut self, client: &Client, task: TaskId) -> Result<(), Fault> {
        if self.heard.elapsed() < QUIET {
            return Ok(());
        }
        self.heard();
        match client.task(&task.to_string()).await {
            Ok(task) if task.running || task.view.status.is_final() => Ok(()),
            Ok(left) => {
                match client.resume(left.task_id).await {
                    // It came to its end just now, or somebody else was faster.
                    Ok(_) | Err(ClientError::Refused { status: 409, .. }) => Ok(()),
                    Err(error) => Err(client_fault(error)),
                }
            }
            // The stream says so too, and goes on when it answers again.
            Err(ClientError::Unreachable { .. }) => Ok(()),
            Err(error) => Err(client_fault(error)),
        }
    }
}
