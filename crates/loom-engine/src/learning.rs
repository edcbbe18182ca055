//! What was learned, kept and asked: the book is in memory, its lines are in the journal's database.
//! What it says to a task is recorded there as a fact ([`Adjustment`]); nothing of a task is decided
//! from the book itself.

use crate::broken::chain;
use crate::engine::Engine;
use crate::rate::Rated;
use crate::shared::Shared;
use loom_events::{
    Adjusted, Adjustment, Event, Plan, Record, Role, Seq, SubtaskId, SubtaskSpec, TaskId,
    TaskSettings, Tier, Time,
};
use loom_learning::{Book, Choice, Harvest, Kind, Line, Seen, Turnout, Wording, reverted};
use loom_redact::Redactor;
use loom_state::{AppendError, Journal, Lesson, ReadError, Taught, Teacher};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Plans that a planner is shown: a second one shows what they have in common.
const PLANS: usize = 2;

/// Wishes of the user that are repeated: more than that is noise in every prompt.
const PREFERENCES: usize = 5;

/// Records read at a time.
const PAGE: usize = 1_000;

/// What was learned.
pub(crate) struct Learning {
    book: Mutex<Book>,
}

/// What was learned, for people and programs, as it would be used now.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Learned {
    /// Whether tasks use it, where they do not say otherwise.
    pub enabled: bool,
    /// Attempts that were seen in all.
    pub attempts: u32,
    /// What is done otherwise because of it: what it is about, and why.
    pub adjustments: Vec<(String, String)>,
    /// Models that do now what they did not do before, a sentence each.
    pub changes: Vec<String>,
    /// How models did at kinds of work.
    pub records: Vec<LearnedRecord>,
    /// What the user asked for, how often, and when last; the most frequent first.
    pub preferences: Vec<(String, u32, Time)>,
    /// Plans that brought their goal about.
    pub plans: Vec<LearnedPlan>,
}

/// How a model did at a kind of work.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LearnedRecord {
    /// The kind.
    pub kind: String,
    /// The model entry.
    pub model: String,
    /// The tier that was asked for.
    pub tier: Tier,
    /// Steps that it was tried at.
    pub seen: u32,
    /// Those that it brought about at its first attempt.
    pub passed: u32,
    /// Further attempts at steps that it had failed at.
    pub again: u32,
    /// The share that is expected to pass now: older attempts count less.
    pub expected: f64,
    /// Milliseconds of an attempt, on average.
    pub millis: u64,
    /// Tokens of an attempt, on average.
    pub tokens: u64,
    /// The last one.
    pub last: Time,
}

/// A plan that brought its goal about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LearnedPlan {
    /// The goal, shortened.
    pub goal: String,
    /// Titles of its steps.
    pub steps: Vec<String>,
    /// How often it did.
    pub seen: u32,
    /// When last.
    pub last: Time,
}

impl Learned {
    /// Where there is no data directory yet: what the first tasks are done with.
    #[must_use]
    pub fn nothing(settings: &TaskSettings) -> Self {
        let caution = Book::default().caution(&[], None, settings);
        let caution = caution.filter(|_| settings.learning);
        Self {
            enabled: settings.learning,
            adjustments: caution
                .map(|caution| ("caution".to_owned(), caution.why))
                .into_iter()
                .collect(),
            ..Self::default()
        }
    }
}

impl Learning {
    /// Reads what was learned. A line of another build is left out, and costs only itself.
    pub(crate) async fn open(journal: &dyn Journal) -> Result<Self, ReadError> {
        let lessons = journal.lessons().await?;
        let (book, unread) = Book::from_lines(lessons.into_iter().map(line));
        for error in unread {
            tracing::warn!(error = chain(&error), "something learned was left out");
        }
        Ok(Self {
            book: Mutex::new(book),
        })
    }

    /// Learns from a task that has ended. Nothing of that is the task's concern: what goes wrong is
    /// logged, and the lesson is lost.
    pub(crate) async fn harvest(&self, shared: &Shared, task: TaskId) {
        match self.try_harvest(shared, task).await {
            Ok(true) => {}
            Ok(false) => tracing::debug!(%task, "the task has taught before"),
            Err(error) => {
                tracing::warn!(%task, error = chain(&*error), "nothing was learned from a task");
            }
        }
    }

    async fn try_harvest(
        &self,
        shared: &Shared,
        task: TaskId,
    ) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
        let mut records: Vec<Record> = Vec::new();
        loop {
            let after = records.last().map_or(Seq::ZERO, |r| r.envelope.seq);
            let page = shared.journal.read(task, after, PAGE).await?;
            if page.is_empty() {
                break;
            }
            // Of what happened to files nothing is learned, and there is much of it.
            let says = |record: &Record| {
                !matches!(
                    record.envelope.event,
                    Event::FileChanged { .. } | Event::ForkChanged { .. }
                )
            };
            let last = page.last().map(|record| record.envelope.seq);
            records.extend(
                page.into_iter()
                    .filter(|r| says(r) || Some(r.envelope.seq) == last),
            );
        }
        let Some(mut harvest) = Harvest::of(&records) else {
            return Ok(false);
        };
        without_secrets(&mut harvest, &shared.redactor);
        // Held until it is stored: two tasks that end at once teach one after the other.
        let mut book = self.book.lock().await;
        let mut taught = book.clone();
        taught.learn(&harvest);
        let change = difference((&book, &taught), Teacher::Task(task), harvest.at);
        let new = shared.journal.keep_lessons(change).await?;
        if new {
            *book = taught;
        }
        Ok(new)
    }

    /// Learns from a human who has taken back what subtasks of a task had done: it had passed, and was
    /// not what was wanted. As with a task, what goes wrong is logged.
    pub(crate) async fn taken_back(
        &self,
        shared: &Shared,
        records: &[Record],
        subtasks: &BTreeSet<SubtaskId>,
    ) {
        let Some(harvest) = Harvest::of(records) else {
            return;
        };
        let now = shared.clock.now();
        for subtask in subtasks {
            let mut book = self.book.lock().await;
            let mut taught = book.clone();
            if let Some(accepted) = harvest.accepted(subtask) {
                taught.take_back(accepted);
            }
            if let Some(result) = harvest.that_count().find(|one| one.subtask == *subtask) {
                let seen = reverted(book.known_of(harvest.task, result));
                taught.look(harvest.task, result, seen, now);
            }
            if taught == *book {
                continue;
            }
            let by = Teacher::Revert(harvest.task, subtask.clone());
            let change = difference((&book, &taught), by, now);
            match shared.journal.keep_lessons(change).await {
                Ok(true) => *book = taught,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%subtask, error = chain(&error), "nothing was learned from a revert");
                }
            }
        }
    }

    /// Learns from a human who says of results of a task whether they are right.
    pub(crate) async fn looked_at(
        &self,
        shared: &Shared,
        harvest: &Harvest,
        said: impl FnOnce(&Book, Time) -> Vec<(Turnout, Seen)>,
    ) -> Result<usize, AppendError> {
        let now = shared.clock.now();
        let mut book = self.book.lock().await;
        let mut taught = book.clone();
        let said = said(&book, now);
        for (result, seen) in &said {
            taught.look(harvest.task, result, *seen, now);
        }
        taught.reconsider(now);
        let change = difference((&book, &taught), Teacher::Human, now);
        shared.journal.keep_lessons(change).await?;
        *book = taught;
        Ok(said.len())
    }

    /// What was said of the results of a task.
    pub(crate) async fn said_of(&self, task: TaskId) -> Vec<Rated> {
        let book = self.book.lock().await;
        let said = book.said_of(task).map(|(subtask, right, at)| Rated {
            subtask: subtask.clone(),
            right,
            at,
        });
        said.collect()
    }

    /// What a task is told before its first plan is made.
    pub(crate) async fn before_plan(
        &self,
        shared: &Shared,
        goal: &str,
        settings: &TaskSettings,
    ) -> Vec<Adjustment> {
        let book = self.book.lock().await;
        let mut said: Vec<Adjustment> = book
            .caution(&choices(shared), judge(shared).as_deref(), settings)
            .into_iter()
            .chain(book.calibration(shared.clock.now()))
            .collect();
        let plans = book.similar(goal, PLANS);
        if !plans.is_empty() {
            let goals: Vec<String> = plans
                .iter()
                .map(|plan| format!("“{}” ({})", plan.goal, times(plan.seen)))
                .collect();
            said.push(Adjustment {
                why: format!(
                    "the planner is shown how goals like this one were reached: {}",
                    goals.join(", ")
                ),
                what: Adjusted::Plans {
                    plans: plans.iter().map(|plan| plan.outline()).collect(),
                },
            });
        }
        let texts: Vec<String> = book
            .preferences(goal, PREFERENCES)
            .into_iter()
            .map(str::to_owned)
            .collect();
        if !texts.is_empty() {
            said.push(Adjustment {
                why: format!(
                    "models are told what you asked for in earlier tasks: {}",
                    texts
                        .iter()
                        .map(|text| format!("“{text}”"))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
                what: Adjusted::Preferences { texts },
            });
        }
        said
    }

    /// The steps of a plan that are better begun with a larger model than they would be.
    pub(crate) async fn of_plan(
        &self,
        shared: &Shared,
        plan: &Plan,
        begins_at: impl Fn(&SubtaskSpec) -> Tier,
    ) -> Vec<Adjustment> {
        let book = self.book.lock().await;
        let (choices, now) = (choices(shared), shared.clock.now());
        let advice = plan.subtasks.iter().filter_map(|spec| {
            let advice = book.starting_tier(Kind::of(spec), begins_at(spec), &choices, now)?;
            Some(Adjustment {
                why: format!("`{}` {}", spec.id, advice.why),
                what: Adjusted::StartingTier {
                    subtask: spec.id.clone(),
                    tier: advice.tier,
                },
            })
        });
        advice.collect()
    }

    /// In which wording a model is told a step, by its name (none is the usual one); nothing where
    /// there is only one. The same for the same step while nothing is learned.
    pub(crate) async fn wording(
        &self,
        shared: &Shared,
        task: TaskId,
        subtask: &SubtaskId,
        model: &str,
    ) -> Option<(Option<String>, Adjustment)> {
        let (usual, others) = wordings(shared);
        let book = self.book.lock().await;
        let draw = draw(task, subtask, model);
        let advice = book.wording(model, &usual, &others, draw, shared.clock.now())?;
        let adjustment = Adjustment {
            why: format!("`{subtask}` {}", advice.why),
            what: Adjusted::Wording {
                subtask: subtask.clone(),
                model: model.to_owned(),
                wording: advice.name.clone(),
            },
        };
        Some((advice.name, adjustment))
    }
}

/// The wordings that there are: the usual one, and others.
fn wordings(shared: &Shared) -> (Wording, Vec<Wording>) {
    let usual = Wording {
        name: None,
        template: shared.prompts.version(Role::Executor).to_owned(),
    };
    let others = shared.prompts.wordings().map(|(name, template)| Wording {
        name: Some(name.to_owned()),
        template: template.to_owned(),
    });
    (usual, others.collect())
}

/// A number that is the same for the same step and model, and as good as random over all.
fn draw(task: TaskId, subtask: &SubtaskId, model: &str) -> u64 {
    let hash = blake3::hash(format!("{task}\n{subtask}\n{model}").as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(first)
}

impl Engine {
    /// What was learned, and what is done otherwise because of it.
    pub async fn learned(&self) -> Learned {
        let settings = &self.config().task;
        let now = self.shared.clock.now();
        let book = self.shared.learning.book.lock().await;
        Learned {
            enabled: settings.learning,
            attempts: book.seen(),
            adjustments: adjustments(&book, &self.shared, settings, now),
            changes: book
                .changes()
                .into_iter()
                .map(|change| change.why)
                .collect(),
            records: records(&book, now),
            preferences: book
                .corrections()
                .iter()
                .map(|one| (one.text.clone(), one.seen, one.last))
                .collect(),
            plans: book
                .plans()
                .iter()
                .map(|plan| LearnedPlan {
                    goal: plan.goal.clone(),
                    steps: plan.steps.iter().map(|step| step.title.clone()).collect(),
                    seen: plan.seen,
                    last: plan.last,
                })
                .collect(),
        }
    }

    /// Everything that was learned, as it is stored.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn lessons(&self) -> Result<Vec<Lesson>, ReadError> {
        self.shared.journal.lessons().await
    }

    /// Forgets everything that was learned, and says how many things that were. Tasks that have ended
    /// teach no second time.
    ///
    /// # Errors
    /// [`AppendError`]; then nothing is forgotten.
    pub async fn forget_lessons(&self) -> Result<u64, AppendError> {
        let mut book = self.shared.learning.book.lock().await;
        self.shared.journal.forget_lessons().await?;
        let known = std::mem::take(&mut *book).lines().len();
        Ok(u64::try_from(known).unwrap_or(u64::MAX))
    }
}

/// The model that looks at results.
fn judge(shared: &Shared) -> Option<String> {
    let tier = shared.top_tier(Role::Verifier);
    let selected = shared.router.select(Role::Verifier, tier).ok()?;
    Some(selected.name)
}

/// The executors by the tier that is asked for, the lowest first.
fn choices(shared: &Shared) -> Vec<Choice> {
    let tiers = [Tier::Small, Tier::Medium, Tier::Large];
    let choices = tiers.into_iter().filter_map(|tier| {
        let selected = shared.router.select(Role::Executor, tier).ok()?;
        let model = selected.name;
        Some(Choice { tier, model })
    });
    choices.collect()
}

fn adjustments(
    book: &Book,
    shared: &Shared,
    settings: &TaskSettings,
    now: Time,
) -> Vec<(String, String)> {
    // Where somebody only looks there are no models: those that were used last would be again.
    let choices = &match choices(shared) {
        none if none.is_empty() => book.lately(),
        some => some,
    };
    let caution = book.caution(choices, judge(shared).as_deref(), settings);
    let mut found: Vec<(String, String)> = caution
        .filter(|_| settings.learning)
        .map(|caution| ("caution".to_owned(), caution.why))
        .into_iter()
        .collect();
    let calibration = book.calibration(now);
    found.extend(calibration.map(|one| ("confidence".to_owned(), one.why)));
    let mut kinds: Vec<Kind> = book.tallies().map(|(key, _)| key.kind).collect();
    kinds.dedup();
    for kind in kinds {
        // What holds for the smallest is said once, not again for each tier above it.
        let advice = choices
            .iter()
            .find_map(|choice| book.starting_tier(kind, choice.tier, choices, now));
        found.extend(advice.map(|advice| (kind.to_string(), advice.why)));
    }
    let (usual, others) = wordings(shared);
    let mut models: Vec<&str> = choices.iter().map(|choice| choice.model.as_str()).collect();
    models.dedup();
    for model in models {
        let advice = book.best_wording(model, &usual, &others, now);
        found.extend(advice.map(|advice| (format!("a step for {model}"), advice.why)));
    }
    let repeated = book.corrections().iter().filter(|one| one.seen > 1);
    found.extend(repeated.map(|one| {
        let why = format!("you asked for this in {}", tasks(one.seen));
        (format!("“{}”", one.text), why)
    }));
    found
}

fn records(book: &Book, now: Time) -> Vec<LearnedRecord> {
    let records = book.tallies().map(|(key, tally)| {
        let each = u64::from(tally.attempts().max(1));
        LearnedRecord {
            kind: key.kind.to_string(),
            model: key.model.clone(),
            tier: key.tier,
            seen: tally.seen,
            passed: tally.seen_passed,
            again: tally.again,
            expected: tally.at(now).posterior(key.tier).mean(),
            millis: tally.millis / each,
            tokens: tally.tokens / each,
            last: tally.last,
        }
    });
    records.collect()
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

fn tasks(count: u32) -> String {
    match count {
        1 => "one task".to_owned(),
        n => format!("{n} tasks"),
    }
}

/// What is kept for long outlives the journal that it is from.
fn without_secrets(harvest: &mut Harvest, redactor: &Arc<Redactor>) {
    redactor.string(&mut harvest.goal);
    for text in &mut harvest.corrections {
        redactor.string(text);
    }
    let steps = harvest.plan.iter_mut().flat_map(|plan| &mut plan.subtasks);
    for spec in steps {
        redactor.string(&mut spec.title);
    }
}

/// What has to be written so that the one book becomes the other.
fn difference((before, after): (&Book, &Book), by: Teacher, at: Time) -> Taught {
    let named = |book: &Book| -> BTreeMap<(String, String), Lesson> {
        let lines = book.lines().into_iter().map(lesson);
        lines
            .map(|one| ((one.section.clone(), one.name.clone()), one))
            .collect()
    };
    let (before, after) = (named(before), named(after));
    let forgotten = before.keys().filter(|name| !after.contains_key(*name));
    Taught {
        by,
        at,
        forgotten: forgotten.cloned().collect(),
        kept: after
            .into_iter()
            .filter(|(name, lesson)| before.get(name) != Some(lesson))
            .map(|(_, lesson)| lesson)
            .collect(),
    }
}

fn lesson(line: Line) -> Lesson {
    Lesson {
        section: line.section,
        name: line.name,
        value: line.value,
        last: line.last,
    }
}

fn line(lesson: Lesson) -> Line {
    Line {
        section: lesson.section,
        name: lesson.name,
        value: lesson.value,
        last: lesson.last,
    }
}
