//! [`Crowds`]: all who follow the same thing share what they are sent.
//!
//! One reader of the journal goes ahead of each crowd: it makes bytes of what happens, gathers them, and
//! gives the same [`Piece`] to everybody, so that a follower more costs a write more and nothing else. Who
//! joins, or was too slow for the pieces that are kept, reads the journal by himself until he is
//! abreast. **Invariant:** a follower has each record exactly once: a piece says after what it begins,
//! and is given only to who has come exactly there.

use super::gather::{Gather, Weight};
use super::word::{Word, one};
use crate::app::App;
use axum::body::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use loom_engine::Feed;
use loom_events::{Seq, TaskId};
use loom_state::ReadError;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::task::TaskTracker;

/// Pieces that wait for the slowest follower: some seconds of a busy task. Whoever is slower reads the
/// journal again.
const KEPT: usize = 32;

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    /// One task.
    Task {
        task: TaskId,
        /// Also the text of models while it is written.
        live: bool,
    },
    /// All tasks.
    All,
}

impl Topic {
    /// What happens, after a place.
    fn feed(self, app: &App, after: u64) -> BoxStream<'static, Result<Feed, ReadError>> {
        match self {
            Self::Task { task, live } => {
                let feed = app.engine.follow(task, Seq(after));
                feed.filter(move |item| ready(live || !matches!(item, Ok(Feed::Live(_)))))
                    .boxed()
            }
            Self::All => {
                let records = app.engine.follow_all(after);
                records.map(|item| item.map(Feed::Record)).boxed()
            }
        }
    }

    /// The same, without what is said in passing.
    const fn records(self) -> Self {
        match self {
            Self::Task { task, .. } => Self::Task { task, live: false },
            Self::All => Self::All,
        }
    }

    fn say(self, item: &Feed, app: &App) -> Said {
        let record = match item {
            Feed::Record(record) => record,
            Feed::Live(signal) => {
                return Said {
                    place: None,
                    word: Word::live(signal, &app.shown),
                };
            }
        };
        let (place, word) = match self {
            Self::Task { .. } => (record.envelope.seq.0, Word::of_task(record, &app.shown)),
            Self::All => (record.id, Word::of_all(record, &app.shown)),
        };
        let place = Some(place);
        Said { place, word }
    }
}

/// What is said of something, and the place that is reached with it; none with what is said in passing.
struct Said {
    place: Option<u64>,
    word: Word,
}

impl Weight for Said {
    fn bytes(&self) -> usize {
        self.word.bytes()
    }
}

/// The crowds of a service.
#[derive(Default)]
pub(crate) struct Crowds {
    open: Mutex<HashMap<Topic, Crowd>>,
    ahead: TaskTracker,
}

/// Those who follow one thing.
struct Crowd {
    pieces: broadcast::Sender<Arc<Piece>>,
    /// The place of the last record that they were given.
    reached: u64,
}

/// Some of what happened, as it is written.
struct Piece {
    /// The place before it.
    after: u64,
    /// The place that is reached with it; the same, if there is no record in it.
    last: u64,
    written: Bytes,
    /// Whether nothing comes after it.
    is_last: bool,
}

impl Piece {
    /// Nothing, if the journal could not be read: then each follower finds that out by himself.
    fn of(after: u64, said: Vec<Result<Said, ReadError>>) -> Option<Self> {
        let said: Vec<Said> = said.into_iter().collect::<Result<_, _>>().ok()?;
        let last = said.iter().filter_map(|said| said.place).next_back();
        let written: Vec<Bytes> = said.iter().map(|said| said.word.written.clone()).collect();
        Some(Self {
            after,
            last: last.unwrap_or(after),
            written: one(&written),
            is_last: said.iter().any(|said| said.word.is_last),
        })
    }
}

impl Crowds {
    /// Waits until nobody goes ahead any more, once the service stops.
    pub(crate) async fn ended(&self) {
        self.ahead.close();
        self.ahead.wait().await;
    }

    /// A place in a crowd, and where the crowd is. One that is not there yet begins after `reached`.
    fn join(app: &Arc<App>, topic: Topic, reached: u64) -> (u64, broadcast::Receiver<Arc<Piece>>) {
        match app.crowds.open().entry(topic) {
            Entry::Occupied(crowd) => (crowd.get().reached, crowd.get().pieces.subscribe()),
            Entry::Vacant(place) => {
                let (pieces, followed) = broadcast::channel(KEPT);
                app.crowds
                    .ahead
                    .spawn(ahead(Arc::clone(app), topic, pieces.clone(), reached));
                place.insert(Crowd { pieces, reached });
                (reached, followed)
            }
        }
    }

    /// Gives a crowd what comes next; false if nobody is there, and then the crowd is gone.
    fn give(&self, topic: Topic, piece: Piece) -> bool {
        let mut open = self.open();
        let Some(crowd) = open.get_mut(&topic) else {
            return false;
        };
        // Both at once: whoever joins begins either before this piece or after it.
        crowd.reached = piece.last;
        let given = crowd.pieces.send(Arc::new(piece)).is_ok();
        if !given {
            open.remove(&topic);
        }
        given
    }

    /// Whether a crowd that somebody left is gone.
    fn is_left(&self, topic: Topic) -> bool {
        let mut open = self.open();
        let left = open
            .get(&topic)
            .is_none_or(|crowd| crowd.pieces.receiver_count() == 0);
        if left {
            open.remove(&topic);
        }
        left
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Topic, Crowd>> {
        // Nothing panics while it is held.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Goes ahead of a crowd until it is over or everybody has left.
async fn ahead(
    app: Arc<App>,
    topic: Topic,
    pieces: broadcast::Sender<Arc<Piece>>,
    mut reached: u64,
) {
    let (sayer, pauser) = (Arc::clone(&app), Arc::clone(&app));
    let said = topic
        .feed(&app, reached)
        .map(move |item| item.map(|item| topic.say(&item, &sayer)));
    let mut said = Gather::new(said, move |bytes| pauser.pause(bytes));
    loop {
        let together = tokio::select! {
            biased;
            () = app.stop.cancelled() => None,
            () = pieces.closed() => match app.crowds.is_left(topic) {
                true => return,
                false => continue,
            },
            together = said.next() => together,
        };
        let Some(piece) = together.and_then(|together| Piece::of(reached, together)) else {
            break;
        };
        reached = piece.last;
        let is_last = piece.is_last;
        if !app.crowds.give(topic, piece) {
            return;
        }
        if is_last {
            break;
        }
    }
    app.crowds.open().remove(&topic);
}

/// Follows something by oneself, to its end: for what has happened already.
pub(super) fn read(
    app: &Arc<App>,
    topic: Topic,
    after: u64,
) -> impl Stream<Item = Result<Word, ReadError>> + Send + 'static {
    let feed = topic.feed(app, after);
    let app = Arc::clone(app);
    feed.map(move |item| item.map(|item| topic.say(&item, &app).word))
}

/// Follows something after a place, with all others who do. `reached` is a place that the journal has reached for certain.
pub(super) fn follow(
    app: &Arc<App>,
    topic: Topic,
    after: u64,
    reached: u64,
) -> impl Stream<Item = Result<Word, ReadError>> + Send + 'static {
    let (reached, pieces) = Crowds::join(app, topic, reached);
    let mut follower = Follower {
        app: Arc::clone(app),
        topic,
        at: after,
        pieces,
        way: Way::Abreast,
    };
    if after < reached {
        follower.way = follower.alone(Some(reached));
    }
    stream::unfold(follower, |mut follower| async move {
        let word = follower.next().await?;
        Some((word, follower))
    })
}

struct Follower {
    app: Arc<App>,
    topic: Topic,
    /// The place of the last record that was given.
    at: u64,
    pieces: broadcast::Receiver<Arc<Piece>>,
    way: Way,
}

/// How a follower goes on.
enum Way {
    /// With the crowd.
    Abreast,
    /// By himself, as far as a place, or to the end.
    Alone {
        feed: BoxStream<'static, Result<Feed, ReadError>>,
        until: Option<u64>,
    },
}

impl Follower {
    /// The way to a place, or to the end. What is said in passing until then, the crowd says or nobody.
    fn alone(&self, until: Option<u64>) -> Way {
        let topic = match until {
            Some(_) => self.topic.records(),
            None => self.topic,
        };
        Way::Alone {
            feed: topic.feed(&self.app, self.at),
            until,
        }
    }

    async fn next(&mut self) -> Option<Result<Word, ReadError>> {
        loop {
            match &mut self.way {
                Way::Alone { until, .. } if until.is_some_and(|until| self.at >= until) => {
                    self.way = Way::Abreast;
                }
                Way::Alone { feed, .. } => {
                    let item = match feed.next().await? {
                        Ok(item) => item,
                        Err(error) => return Some(Err(error)),
                    };
                    let Said { place, word } = self.topic.say(&item, &self.app);
                    self.at = place.unwrap_or(self.at);
                    return Some(Ok(word));
                }
                Way::Abreast => match self.pieces.recv().await {
                    Ok(piece) if piece.after == self.at => {
                        self.at = piece.last;
                        return Some(Ok(Word {
                            written: piece.written.clone(),
                            is_last: piece.is_last,
                        }));
                    }
                    Ok(piece) if piece.last <= self.at => {}
                    Ok(piece) => self.way = self.alone(Some(piece.last)),
                    // The next piece says what is missing.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => self.way = self.alone(None),
                },
            }
        }
    }
}
