//! Messages to receivers outside: made with the events that they report, and what became of them.
//! Who receives what, and how it is sent, is not known here.

use loom_events::{Seq, TaskId, Time};
use serde::{Deserialize, Serialize};

/// A message to be made with a batch of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its id: the same over all tries.
    pub id: String,
    /// The event of the batch that it reports.
    pub seq: Seq,
    /// Where it goes. There may be a secret in it.
    pub url: String,
    /// When it may be sent for the first time.
    pub due: Time,
}

/// A message and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id.
    pub id: String,
    /// The task.
    pub task: TaskId,
    /// The event that it reports.
    pub seq: Seq,
    /// Where it goes. There may be a secret in it.
    pub url: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: u32,
    /// When it may be tried next.
    pub due: Time,
    /// What came of the last try, in a sentence; empty before the first.
    pub outcome: String,
    /// When that was written.
    pub updated: Time,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be sent.
    Waiting,
    /// The receiver has it.
    Delivered,
    /// It was tried as often as it may be.
    GivenUp,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTried {
    /// The message.
    pub id: String,
    /// Where it stands now.
    pub state: DeliveryState,
    /// How often it was tried, this one included.
    pub tries: u32,
    /// When it may be tried next.
    pub due: Time,
    /// What came of it, in a sentence.
    pub outcome: String,
    /// When.
    pub at: Time,
}

impl NewDelivery {
    /// As it begins.
    pub(crate) fn begun(self, task: TaskId) -> Delivery {
        Delivery {
            id: self.id,
            task,
            seq: self.seq,
            url: self.url,
            state: DeliveryState::Waiting,
            tries: 0,
            due: self.due,
            outcome: String::new(),
            updated: self.due,
        }
    }
}
