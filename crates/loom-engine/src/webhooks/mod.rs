//! Reports to receivers outside: the end of a task, and each question. What is to be sent is written with
//! the event, in the same transaction; a worker beside the tasks sends it, and nobody waits for it.

mod address;
mod send;
mod settings;
mod sign;
mod worker;

pub use settings::{WebhookError, Webhooks};
pub(crate) use worker::start;

use loom_events::{Envelope, Event, Time};
use loom_state::NewDelivery;
use std::collections::BTreeSet;

impl Webhooks {
    /// The messages that report a batch of events. `callback` is the task's own receiver.
    pub(crate) fn reports(
        &self,
        events: &[Envelope],
        callback: Option<&str>,
        now: Time,
    ) -> Vec<NewDelivery> {
        let created = events.iter().find_map(|envelope| match &envelope.event {
            Event::TaskCreated(new) => new.callback_url.as_deref(),
            _ => None,
        });
        let receivers = self.urls.iter().map(String::as_str);
        let receivers: BTreeSet<&str> = receivers.chain(created).chain(callback).collect();
        if receivers.is_empty() {
            return Vec::new();
        }
        let reported = events.iter().filter(|e| self.is_reported(&e.event));
        let to_each = reported.flat_map(|envelope| {
            receivers.iter().map(|url| NewDelivery {
                id: uuid::Uuid::now_v7().to_string(),
                seq: envelope.seq,
                url: (*url).to_owned(),
                due: now,
            })
        });
        to_each.collect()
    }

    fn is_reported(&self, event: &Event) -> bool {
        self.events.iter().any(|name| name == event.name())
    }
}
