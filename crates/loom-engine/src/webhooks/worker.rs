//! The worker that sends what waits. It runs beside the tasks: a receiver that is slow or dead takes
//! from nobody but itself.

use super::Webhooks;
use super::send::{Message, Sent};
use crate::shared::Shared;
use crate::sideline::Sideline;
use loom_events::{EffectId, Event, TaskId, Time};
use loom_state::{Delivery, DeliveryState, DeliveryTried, ReadError, RowStatus};
use loom_view::{Live, Signal};
use serde_json::Value;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Messages that are looked at at a time: a receiver that was down for a day does not hide others.
const LOOKED_AT: usize = 1_000;

/// Messages that are sent at the same time, and how many of them to one receiver.
const AT_ONCE: usize = 8;
const AT_ONCE_TO_ONE: usize = 2;

/// The longest wait between two tries.
const MAX_WAIT: Duration = Duration::from_secs(60 * 60);

/// How long the outbox is left alone when it could not be read, and the longest sleep in any case: the
/// clock of the machine may jump.
const NAP: Duration = Duration::from_secs(60);

/// What became of a message is kept for so long after its last try: as long as somebody may look for
/// the reason why a receiver was not told.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How often old messages are forgotten.
const TIDY: Duration = Duration::from_secs(6 * 60 * 60);

/// How long a process that ends waits for what it has just said. The rest is sent by the next one.
const FAREWELL: Duration = Duration::from_secs(3);

/// Starts it. What waits from an earlier process is sent at once, when it is due; what is on its way at
/// the end is sent again by the next one.
pub(crate) fn start(shared: Arc<Shared>) -> Sideline {
    Sideline::start("the worker of webhooks", |ending| run(shared, ending))
}

async fn run(shared: Arc<Shared>, ending: CancellationToken) {
    let mut busy = Busy::default();
    let mut tidied = Time::EPOCH;
    loop {
        let now = shared.clock.now();
        if now.since(tidied) >= TIDY {
            tidied = now;
            forget(&shared, now).await;
        }
        let news = shared.outbox.notified();
        let nap = busy.look(&shared).await;
        tokio::select! {
            () = ending.cancelled() => break,
            () = news => {}
            () = tokio::time::sleep(nap) => {}
            () = busy.next() => {}
        }
    }
    let farewell = async {
        busy.look(&shared).await;
        while !busy.jobs.is_empty() {
            busy.next().await;
        }
    };
    // Nobody hears of those that take longer now.
    let _late = tokio::time::timeout(FAREWELL, farewell).await;
}

/// Forgets messages that nobody will ask for any more.
async fn forget(shared: &Shared, now: Time) {
    let kept = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
    let before = Time::from_millis(now.as_millis().saturating_sub(kept));
    if let Err(error) = shared.journal.forget_deliveries(before).await {
        tracing::warn!(%error, "old messages to receivers were not forgotten");
    }
}

/// What is on its way.
#[derive(Default)]
struct Busy {
    jobs: JoinSet<String>,
    /// Id → receiver.
    sending: HashMap<String, String>,
}

impl Busy {
    /// Looks at the outbox, sends what is due, and says how long to wait for the next.
    async fn look(&mut self, shared: &Arc<Shared>) -> Duration {
        match shared.journal.waiting_deliveries(LOOKED_AT).await {
            Ok(waiting) => self.start(waiting, shared),
            Err(error) => {
                tracing::warn!(%error, "webhooks wait: the outbox could not be read");
                NAP
            }
        }
    }

    fn start(&mut self, waiting: Vec<Delivery>, shared: &Arc<Shared>) -> Duration {
        let now = shared.clock.now();
        for delivery in waiting {
            if delivery.due > now {
                return delivery.due.since(now).min(NAP);
            }
            if self.sending.len() >= AT_ONCE {
                break;
            }
            let to_it = self.sending.values().filter(|url| **url == delivery.url);
            if self.sending.contains_key(&delivery.id) || to_it.count() >= AT_ONCE_TO_ONE {
                continue;
            }
            self.sending
                .insert(delivery.id.clone(), delivery.url.clone());
            let shared = Arc::clone(shared);
            self.jobs.spawn(async move {
                let id = delivery.id.clone();
                try_once(delivery, &shared).await;
                id
            });
        }
        NAP
    }

    /// Waits for one to end; for ever when there is none.
    async fn next(&mut self) {
        match self.jobs.join_next().await {
            Some(Ok(id)) => drop(self.sending.remove(&id)),
            // Which one it was is not known: all are looked at again.
            Some(Err(died)) => {
                tracing::error!(%died, "sending a webhook died");
                self.sending.clear();
            }
            None => std::future::pending().await,
        }
    }
}

/// Sends a message and notes what came of it. A process that dies in between sends it again, with the
/// same id.
async fn try_once(delivery: Delivery, shared: &Shared) {
    let at = shared.clock.now();
    let sent = match message(&delivery, shared, at).await {
        Ok(message) => shared.webhooks.send(message).await,
        Err(why) => Sent::Failed(why),
    };
    let tried = shared.webhooks.tried(&delivery, sent, shared.clock.now());
    let signal = Signal::WebhookDelivered {
        delivery: tried.id.clone(),
        delivered: tried.state == DeliveryState::Delivered,
        tries: tried.tries,
        outcome: tried.outcome.clone(),
    };
    if tried.state == DeliveryState::GivenUp {
        let (task, seq) = (delivery.task, delivery.seq);
        tracing::warn!(%task, %seq, why = tried.outcome, "a webhook was given up");
    }
    if let Err(error) = shared.journal.record_delivery(tried).await {
        // It stays due, so it is sent again; the receiver knows it by its id.
        tracing::warn!(%error, "what came of a webhook was not noted");
        tokio::time::sleep(NAP).await;
    }
    let live = Live {
        task_id: delivery.task,
        effect: EffectId(delivery.seq),
        signal,
    };
    let _nobody_watches = shared.live.send(Arc::new(live));
}

async fn message<'a>(
    delivery: &'a Delivery,
    shared: &Shared,
    at: Time,
) -> Result<Message<'a>, String> {
    let before = loom_events::Seq(delivery.seq.0.saturating_sub(1));
    let records = shared.journal.read(delivery.task, before, 1).await;
    let records = records.map_err(|error| format!("the event could not be read: {error}"))?;
    let record = records.first().ok_or("the event is not there")?;
    let mut body = serde_json::to_value(record)
        .map_err(|error| format!("the event could not be written: {error}"))?;
    if let Some(status) = ended(&record.envelope.event) {
        let sums = sums(delivery.task, shared, status).await;
        let sums = sums.map_err(|error| format!("the task could not be read: {error}"))?;
        if let Some(data) = body["data"].as_object_mut() {
            for (name, sum) in sums {
                // What the event says itself counts.
                data.entry(name).or_insert(sum);
            }
        }
        body["status"] = status.into();
    }
    // Once more: some of what is kept is exact, see decision 0017.
    shared.redactor.value(&mut body);
    let task = format!("{}/tasks/{}", shared.base_url(), delivery.task);
    body["links"] = serde_json::json!({ "task": task });
    Ok(Message {
        id: &delivery.id,
        event: record.envelope.event.name(),
        url: &delivery.url,
        body: body.to_string().into_bytes(),
        at,
    })
}

/// What a receiver is told of a task that has ended, so that it need not ask: the first Loom's do not.
async fn sums(
    task: TaskId,
    shared: &Shared,
    status: &'static str,
) -> Result<[(&'static str, Value); 4], ReadError> {
    let goal = shared.journal.task(task).await?.map(|row| row.goal);
    let steps = shared.journal.subtasks(task).await?;
    let newest = steps.iter().map(|step| step.plan_version).max();
    let count = |is: fn(RowStatus) -> bool| {
        let current = steps
            .iter()
            .filter(|step| Some(step.plan_version) == newest);
        current.filter(|step| is(step.status)).count()
    };
    let failed = |status| matches!(status, RowStatus::Failed | RowStatus::Blocked);
    Ok([
        ("status", status.into()),
        ("goal", goal.into()),
        (
            "subtasks_completed",
            count(|status| status == RowStatus::Completed).into(),
        ),
        ("subtasks_failed", count(failed).into()),
    ])
}

/// How a task stands after its last event, in the word of the API.
fn ended(event: &Event) -> Option<&'static str> {
    match event.is_terminal() {
        true => event.name().strip_prefix("task_"),
        false => None,
    }
}

impl Webhooks {
    /// What a try makes of a message.
    fn tried(&self, delivery: &Delivery, sent: Sent, now: Time) -> DeliveryTried {
        let tries = delivery.tries + 1;
        let (state, outcome) = match sent {
            Sent::Delivered(outcome) => (DeliveryState::Delivered, outcome),
            Sent::Hopeless(outcome) => (DeliveryState::GivenUp, outcome),
            Sent::Failed(outcome) if tries >= self.tries => (DeliveryState::GivenUp, outcome),
            Sent::Failed(outcome) => (DeliveryState::Waiting, outcome),
        };
        DeliveryTried {
            id: delivery.id.clone(),
            state,
            tries,
            due: now.after(wait(self.first_retry, tries, &delivery.id)),
            outcome,
            at: now,
        }
    }
}

/// How long to wait after so many tries: four times longer each time, between half and one and a half
/// of that, so that what failed together does not come back together.
fn wait(first: Duration, tries: u32, id: &str) -> Duration {
    let longer = 4_u32.saturating_pow(tries.saturating_sub(1));
    let wait = first.saturating_mul(longer).min(MAX_WAIT);
    let mut hasher = DefaultHasher::new();
    (id, tries).hash(&mut hasher);
    let share = u32::try_from(hasher.finish() % 1_000).unwrap_or(0);
    wait / 2 + wait / 1_000 * share
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_events::Seq;

    fn delivery(tries: u32) -> Delivery {
        Delivery {
            id: "a".into(),
            task: TaskId::from_uuid(uuid::Uuid::nil()),
            seq: Seq(3),
            url: "https://a.example/".into(),
            state: DeliveryState::Waiting,
            tries,
            due: Time::EPOCH,
            outcome: String::new(),
            updated: Time::EPOCH,
        }
    }

    #[test]
    fn waits_grow_differ_and_are_bounded() {
        let first = Duration::from_secs(5);
        for tries in 1..12 {
            let middle = first
                .saturating_mul(4_u32.saturating_pow(tries - 1))
                .min(MAX_WAIT);
            for id in ["a", "b", "c"] {
                let wait = wait(first, tries, id);
                assert!(
                    wait >= middle / 2 && wait <= middle * 3 / 2,
                    "{tries}: {wait:?}"
                );
            }
            assert_ne!(wait(first, tries, "a"), wait(first, tries, "b"));
        }
    }

    #[test]
    fn a_message_is_tried_at_least_five_times_and_then_given_up() {
        let webhooks = Webhooks::default();
        let failed = || Sent::Failed("answered 500".into());
        let state = |tries| {
            webhooks
                .tried(&delivery(tries), failed(), Time::EPOCH)
                .state
        };
        for tries in 0..4 {
            assert_eq!(state(tries), DeliveryState::Waiting);
        }
        assert_eq!(state(webhooks.tries - 1), DeliveryState::GivenUp);
    }

    #[test]
    fn what_is_hopeless_is_given_up_at_once_and_what_is_there_is_not_tried_again() {
        let webhooks = Webhooks::default();
        let tried = |sent| webhooks.tried(&delivery(0), sent, Time::EPOCH);
        assert_eq!(
            tried(Sent::Hopeless("x".into())).state,
            DeliveryState::GivenUp
        );
        let delivered = tried(Sent::Delivered("answered 204".into()));
        assert_eq!(
            (delivered.state, delivered.tries),
            (DeliveryState::Delivered, 1)
        );
    }
}
