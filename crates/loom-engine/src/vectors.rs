//! Memory by meaning: vectors of the user's own embedding model, where one is set. They are made beside
//! the work, never waited for, and only add to what words have found. Whatever is wrong with the model
//! costs nothing but them.
//!
//! What went into a prompt or an answer is recorded there, so a replay needs none of it.

use crate::broken::chain;
use crate::shared::Shared;
use crate::sideline::Sideline;
use loom_events::MemoryEntry;
use loom_prompts::clip_chars;
use loom_router::{CallError, Haste, Router};
use loom_state::{
    MemoryQuery, MemoryRow, NewVector, ReadError, SimilarQuery, Unembedded, Vector, merge,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Entries that are added to those that words found for a prompt: it has room for a few.
pub(crate) const ADDED: usize = 3;

/// How close an entry must be to what is sought. Below it, models find everything like everything.
const CLOSE: f32 = 0.5;

/// How long whoever searches waits for the vector of what is sought. A model that is loaded needs some
/// ten milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long the model is left alone after it failed; each time in a row it is twice as long.
const FIRST_REST: Duration = Duration::from_secs(60);

/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(15 * 60);

/// Entries of one call.
const BATCH: usize = 16;

/// Characters of an entry or a query that are embedded: small models take a few hundred tokens.
const MOST_CHARS: usize = 1_000;

/// Characters with which one that is refused is tried last.
const LEAST_CHARS: usize = 125;

/// Memory by meaning, as it is set up.
#[derive(Default)]
pub(crate) struct Vectors {
    model: Option<Embedder>,
    /// Says that there may be entries without vectors.
    news: Notify,
    health: Mutex<Health>,
}

/// The model that makes vectors.
struct Embedder {
    /// Name of its entry.
    name: String,
    /// What its vectors are kept under: another id makes others.
    made_by: String,
}

/// How the model has been.
#[derive(Default)]
struct Health {
    /// Until when it is left alone.
    rests: Option<Instant>,
    failures: u32,
}

impl Vectors {
    /// By the model of this name, if there is to be one.
    pub(crate) fn new(name: Option<&str>, router: &Router) -> Self {
        let model = name.and_then(|name| {
            let entry = router.entry(name)?;
            Some(Embedder {
                name: name.to_owned(),
                made_by: entry.model.clone().unwrap_or_else(|| name.to_owned()),
            })
        });
        Self {
            model,
            ..Self::default()
        }
    }

    /// Says that something was noted.
    pub(crate) fn wake(&self) {
        self.news.notify_one();
    }

    /// What words find, and behind it at most so many entries more that mean the like.
    ///
    /// # Errors
    /// [`ReadError`] of what words find; without vectors it is all there is.
    pub(crate) async fn search(
        &self,
        shared: &Shared,
        query: MemoryQuery,
        more: impl FnOnce(usize) -> usize,
    ) -> Result<Vec<MemoryRow>, ReadError> {
        let found = shared.journal.search_memory(query.clone()).await?;
        let more = more(found.len());
        let (Some(model), Some(text)) = (&self.model, &query.text) else {
            return Ok(found);
        };
        if more == 0 || text.trim().is_empty() {
            return Ok(found);
        }
        let Some(vector) = self.of_query(model, shared, text).await else {
            return Ok(found);
        };
        let similar = SimilarQuery {
            model: model.made_by.clone(),
            vector,
            least: CLOSE,
            within: MemoryQuery {
                // Those that words found may be among them.
                limit: found.len() + more,
                text: None,
                ..query
            },
        };
        match shared.journal.similar_memory(similar).await {
            Ok(similar) => Ok(merge(found, similar, more)),
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "the vectors of the memory could not be read"
                );
                Ok(found)
            }
        }
    }

    /// The vector of what is sought; none while the model is left alone, or when it does not answer in
    /// time.
    async fn of_query(&self, model: &Embedder, shared: &Shared, text: &str) -> Option<Vector> {
        if self.rest().is_some() {
            return None;
        }
        let mut text = clip_chars(text, MOST_CHARS);
        shared.redactor.string(&mut text);
        let never = CancellationToken::new();
        let texts = [text];
        let asked = shared.router.embed(&model.name, &texts, Haste::Now, &never);
        let vector = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(vectors)) => vectors.first().and_then(|raw| Vector::new(raw)),
            Ok(Err(error)) => {
                self.failed(model, &chain(&error));
                return None;
            }
            Err(_) => {
                self.failed(model, "get an answer in time");
                return None;
            }
        };
        match &vector {
            Some(_) => self.answered(model),
            None => self.failed(model, "use its vectors: they have no direction"),
        }
        vector
    }

    /// How long it is still left alone.
    fn rest(&self) -> Option<Duration> {
        let until = self.health().rests?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Leaves it alone for a while; says so once until it answers again.
    fn failed(&self, model: &Embedder, why: &str) {
        let mut health = self.health();
        let rest = FIRST_REST.saturating_mul(1 << health.failures.min(10));
        health.failures = health.failures.saturating_add(1);
        health.rests = Some(Instant::now() + rest.min(LONGEST_REST));
        if health.failures == 1 {
            tracing::warn!(
                model = model.name,
                why,
                "the memory is searched by words only: the embedding model failed"
            );
        }
    }

    fn answered(&self, model: &Embedder) {
        let mut health = self.health();
        if std::mem::take(&mut *health).failures > 0 {
            tracing::info!(model = model.name, "the embedding model answers again");
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts what makes vectors of what was noted, where there is a model. What has none yet is looked at at
/// once; what has none at the end gets them from the next process.
pub(crate) fn start(shared: Arc<Shared>) -> Sideline {
    Sideline::start("what makes vectors of the memory", |ending| {
        run(shared, ending)
    })
}

async fn run(shared: Arc<Shared>, ending: CancellationToken) {
    let Some(model) = &shared.vectors.model else {
        return;
    };
    // Entries of which it makes none, whatever is left of them.
    let mut without = BTreeSet::new();
    loop {
        let news = shared.vectors.news.notified();
        let more = match shared.vectors.rest() {
            None => batch(model, &shared, &mut without, &ending).await,
            Some(_) => false,
        };
        if more {
            continue;
        }
        let rest = shared.vectors.rest();
        let wait = async {
            match rest {
                Some(left) => tokio::time::sleep(left).await,
                None => news.await,
            }
        };
        tokio::select! {
            () = ending.cancelled() => return,
            () = wait => {}
        }
    }
}

/// Makes vectors of some entries. False when there are no more, or none can be made now.
async fn batch(
    model: &Embedder,
    shared: &Shared,
    without: &mut BTreeSet<u64>,
    ending: &CancellationToken,
) -> bool {
    let vectors = &shared.vectors;
    let most = BATCH + without.len();
    let waiting = match shared.journal.unembedded(&model.made_by, most).await {
        Ok(waiting) => waiting,
        Err(error) => {
            vectors.failed(model, &chain(&error));
            return false;
        }
    };
    let waiting: Vec<Unembedded> = waiting
        .into_iter()
        .filter(|one| !without.contains(&one.number))
        .take(BATCH)
        .collect();
    if waiting.is_empty() {
        return false;
    }
    let texts: Vec<String> = waiting.iter().map(|one| text(&one.entry)).collect();
    let mut made = Vec::new();
    let ask = async |texts: &[String]| {
        let asked = shared
            .router
            .embed(&model.name, texts, Haste::Sometime, ending);
        asked.await
    };
    match ask(&texts).await {
        Ok(raw) => made.extend(raw.into_iter().map(|raw| Vector::new(&raw))),
        Err(CallError::Cancelled { .. }) => return false,
        Err(error) if !is_of_the_text(&error) => {
            vectors.failed(model, &chain(&error));
            return false;
        }
        // One that is too long for it is no reason to leave out the others.
        Err(_) => {
            for mut text in texts {
                made.push(loop {
                    match ask(std::slice::from_ref(&text)).await {
                        Ok(raw) => break raw.first().and_then(|raw| Vector::new(raw)),
                        Err(CallError::Cancelled { .. }) => return false,
                        Err(error) if !is_of_the_text(&error) => {
                            vectors.failed(model, &chain(&error));
                            return false;
                        }
                        Err(error) => {
                            let chars = text.chars().count();
                            if chars / 2 < LEAST_CHARS {
                                tracing::debug!(error = chain(&error), "a note has no vector");
                                break None;
                            }
                            text = clip_chars(&text, chars / 2);
                        }
                    }
                });
            }
        }
    }
    // A model that refuses every text is no model that makes vectors.
    if made.iter().all(Option::is_none) {
        vectors.failed(model, "get a vector of any text");
        return false;
    }
    let mut kept = Vec::new();
    for (one, vector) in waiting.into_iter().zip(made) {
        let number = one.number;
        match vector {
            Some(vector) => kept.push(NewVector { number, vector }),
            None => {
                without.insert(number);
            }
        }
    }
    match shared.journal.keep_vectors(&model.made_by, kept).await {
        Ok(()) => {
            vectors.answered(model);
            true
        }
        Err(error) => {
            vectors.failed(model, &chain(&error));
            false
        }
    }
}

/// Whether the server may have refused one text rather than failed.
const fn is_of_the_text(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Refused { .. }
            | CallError::Overflow { .. }
            | CallError::Busy { status: 500, .. }
    )
}

/// What of an entry is embedded.
fn text(entry: &MemoryEntry) -> String {
    let text = match entry.detail.trim() {
        "" => entry.summary.clone(),
        detail => format!("{}\n{detail}", entry.summary),
    };
    clip_chars(&text, MOST_CHARS)
}
