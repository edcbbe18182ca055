//! Streams of events that go on where they were cut: each record exactly once and in order, however
//! often the service is restarted in between.

use crate::client::Client;
use crate::error::ClientError;
use crate::wire::{LAST_EVENT_ID, MODEL_DELTA, STREAM_CUT, STREAM_OPEN};
use eventsource_stream::{Event, EventStreamError, Eventsource as _};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use loom_events::{Record, Seq, TaskId};
use loom_view::Live;
use reqwest::{Method, StatusCode, header};
use std::time::Duration;

/// The service says something every few seconds, if only that it is there; after so long without it
/// the connection is dead, whatever the system believes.
const SILENCE: Duration = Duration::from_secs(45);

/// A stream begins at once, whatever is in it.
const ANSWER: Duration = Duration::from_secs(10);

/// The first pause before a stream is opened again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What comes out of a stream.
#[derive(Debug)]
pub enum Followed {
    /// An event of a task, each exactly once.
    Record(Box<Record>),
    /// Something that happens right now; may be missed.
    Live(Live),
    /// The stream was cut and is being opened again; nothing is lost by it.
    Offline(ClientError),
    /// It is open again.
    Online,
}

/// What is followed.
#[derive(Clone, Copy, Debug)]
enum What {
    Task(TaskId),
    All,
}

impl Client {
    /// Follows a task from after an event to its end. Goes on over restarts of the service; ends
    /// with the terminal event, or with an error that no waiting mends.
    pub fn follow(
        &self,
        task: TaskId,
        after: Seq,
    ) -> impl Stream<Item = Result<Followed, ClientError>> + Send + Unpin + 'static {
        self.stream(What::Task(task), Some(after.0))
    }

    /// Follows all tasks from after a record; none means from now on. Never ends by itself.
    pub fn follow_all(
        &self,
        after: Option<u64>,
    ) -> impl Stream<Item = Result<Followed, ClientError>> + Send + Unpin + 'static {
        self.stream(What::All, after)
    }

    fn stream(
        &self,
        what: What,
        last: Option<u64>,
    ) -> impl Stream<Item = Result<Followed, ClientError>> + Send + Unpin + 'static {
        let follower = Follower {
            client: self.clone(),
            what,
            last,
            open: None,
            cuts: 0,
            ended: false,
        };
        stream::unfold(follower, |mut follower| async move {
            let item = follower.next().await?;
            Some((item, follower))
        })
        .boxed()
    }
}

/// What comes, until nothing has for too long. The sign of life of a service is no event: only in the
/// bytes is it seen that a task which waits for somebody is followed all the same.
fn until_silent<T: Send + 'static>(coming: BoxStream<'static, T>) -> BoxStream<'static, T> {
    stream::unfold(coming, |mut coming| async move {
        let next = tokio::time::timeout(SILENCE, coming.next()).await;
        Some((next.ok()??, coming))
    })
    .boxed()
}

/// How a stream was opened.
enum Opened {
    First,
    Again,
    Over,
}

type Events = BoxStream<'static, Result<Event, EventStreamError<reqwest::Error>>>;

struct Follower {
    client: Client,
    what: What,
    /// The id of the last record that was given on.
    last: Option<u64>,
    open: Option<Events>,
    /// Times in a row that it could not be opened or was cut before it said anything.
    cuts: u32,
    ended: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Result<Followed, ClientError>> {
        loop {
            if self.ended {
                return None;
            }
            let Some(open) = &mut self.open else {
                match self.reopen().await {
                    Ok(Opened::Again) => return Some(Ok(Followed::Online)),
                    Ok(Opened::First) => continue,
                    Ok(Opened::Over) => return None,
                    Err(error) => return Some(self.cut(error)),
                }
            };
            let event = match open.next().await {
                Some(Ok(event)) => event,
                Some(Err(EventStreamError::Transport(lost))) => {
                    let lost = self.client.lost(lost);
                    return Some(self.cut(lost));
                }
                Some(Err(_)) => {
                    self.ended = true;
                    return Some(Err(self.strange("the stream does not consist of events")));
                }
                // Ended without a word, or silent: the connection is gone.
                None => {
                    self.open = None;
                    self.cuts += 1;
                    continue;
                }
            };
            match self.read(&event) {
                Ok(Some(followed)) => return Some(Ok(followed)),
                Ok(None) => {}
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
    }

    /// Opens the stream.
    async fn reopen(&mut self) -> Result<Opened, ClientError> {
        let again = self.cuts > 0;
        if again {
            let longer = FIRST_PAUSE.saturating_mul(1 << self.cuts.min(8).saturating_sub(1));
            tokio::time::sleep(longer.min(LONGEST_PAUSE)).await;
        }
        let request = match self.what {
            What::Task(task) => {
                let id = task.to_string();
                self.client.open(Method::GET, &["tasks", &id, "stream"])
            }
            What::All => self.client.open(Method::GET, &["events", "stream"]),
        };
        let mut request = request.header(header::ACCEPT, "text/event-stream");
        if let Some(last) = self.last {
            request = request.header(LAST_EVENT_ID, last.to_string());
        }
        let silent = || ClientError::Silent {
            url: self.client.url(),
        };
        let response = tokio::time::timeout(ANSWER, self.client.send(request));
        let response = response.await.map_err(|_| silent())??;
        match response.status() {
            StatusCode::OK => {}
            // Everything was given on, and nothing more will come.
            StatusCode::NO_CONTENT => {
                self.ended = true;
                return Ok(Opened::Over);
            }
            _ => return Err(self.client.refusal(response).await),
        }
        let bytes = until_silent(response.bytes_stream().boxed());
        self.open = Some(bytes.eventsource().boxed());
        Ok(match again {
            true => Opened::Again,
            false => Opened::First,
        })
    }

    /// Goes on trying, unless no waiting helps.
    fn cut(&mut self, error: ClientError) -> Result<Followed, ClientError> {
        self.open = None;
        self.cuts += 1;
        match error.may_pass() {
            true => Ok(Followed::Offline(error)),
            false => {
                self.ended = true;
                Err(error)
            }
        }
    }

    fn read(&mut self, event: &Event) -> Result<Option<Followed>, ClientError> {
        match event.event.as_str() {
            MODEL_DELTA => {
                self.cuts = 0;
                match serde_json::from_str(&event.data) {
                    Ok(live) => Ok(Some(Followed::Live(live))),
                    Err(error) => Err(self.strange(&error.to_string())),
                }
            }
            STREAM_CUT => {
                self.open = None;
                self.cuts += 1;
                Ok(None)
            }
            STREAM_OPEN => {
                self.cuts = 0;
                self.last = self.last.or_else(|| event.id.parse().ok());
                Ok(None)
            }
            _ => self.record(&event.data),
        }
    }

    fn record(&mut self, data: &str) -> Result<Option<Followed>, ClientError> {
        let record: Record =
            serde_json::from_str(data).map_err(|error| self.strange(&error.to_string()))?;
        self.cuts = 0;
        let id = match self.what {
            What::Task(_) => record.envelope.seq.0,
            What::All => record.id,
        };
        if self.last.is_some_and(|last| id <= last) {
            return Ok(None);
        }
        self.last = Some(id);
        if matches!(self.what, What::Task(_)) && record.envelope.event.is_terminal() {
            self.ended = true;
        }
        Ok(Some(Followed::Record(Box::new(record))))
    }

    fn strange(&self, what: &str) -> ClientError {
        ClientError::Strange {
            url: self.client.url(),
            what: what.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of a stream whose service says that it is there so often, and then something.
    async fn heard(each: Duration, times: usize) -> Vec<String> {
        let piece = move |at: usize| async move {
            tokio::time::sleep(each).await;
            let bytes: &[u8] = if at < times {
                b": alive\n\n"
            } else {
                b"data: done\n\n"
            };
            Ok::<_, std::convert::Infallible>(bytes)
        };
        let coming = stream::iter(0..=times).then(piece).boxed();
        let events = until_silent(coming).eventsource();
        events.map(|event| event.unwrap().data).collect().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_says_that_it_is_there_is_not_silent() {
        assert_eq!(heard(Duration::from_secs(4), 900).await, ["done"]);
        assert_eq!(heard(SILENCE * 2, 1).await, [""; 0]);
    }
}
