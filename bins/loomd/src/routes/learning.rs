//! What was learned from finished tasks: shown, given away, forgotten; and what a human says of one.

use super::taken;
use crate::fault::Fault;
use crate::http::{Call, Given, Json};
use loom_client::wire::{
    Forgotten, LearnedAdjustment, LearnedPlan, LearnedPreference, LearnedRecord, LearningExport,
    LearningShown, LessonShown, RateRequest, Taken,
};
use loom_engine::{Learned, Rating};

pub(crate) async fn show(call: Call) -> Result<Json<LearningShown>, Fault> {
    Ok(Json(shown(call.app.engine.learned().await)))
}

pub(crate) async fn export(call: Call) -> Result<Json<LearningExport>, Fault> {
    let lessons = call.app.engine.lessons().await;
    let lessons = lessons.map_err(|error| Fault::internal(&error))?;
    let lessons = lessons.into_iter().map(|lesson| LessonShown {
        section: lesson.section,
        name: lesson.name,
        value: lesson.value,
        last: lesson.last,
    });
    Ok(Json(LearningExport {
        lessons: lessons.collect(),
    }))
}

pub(crate) async fn rate(call: Call<(), Given<RateRequest>>) -> Result<Json<Taken>, Fault> {
    let task = call.task().await?;
    let RateRequest { right, subtasks } = call.body.0;
    let rating = Rating { right, subtasks };
    let results = call.app.engine.rate(task, &rating).await;
    let results = results.map_err(|error| Fault::from(error).of(task))?;
    let said = match results {
        1 => "what you say of 1 result is kept".to_owned(),
        n => format!("what you say of {n} results is kept"),
    };
    Ok(Json(taken(&call.app, task, &said).await?))
}

pub(crate) async fn forget(call: Call) -> Result<Json<Forgotten>, Fault> {
    let forgotten = call.app.engine.forget_lessons().await;
    let forgotten = forgotten.map_err(|error| Fault::internal(&error))?;
    Ok(Json(Forgotten { forgotten }))
}

fn shown(learned: Learned) -> LearningShown {
    LearningShown {
        enabled: learned.enabled,
        attempts: learned.attempts,
        adjustments: learned
            .adjustments
            .into_iter()
            .map(|(about, why)| LearnedAdjustment { about, why })
            .collect(),
        changes: learned.changes,
        records: learned
            .records
            .into_iter()
            .map(|record| LearnedRecord {
                kind: record.kind,
                model: record.model,
                tier: record.tier,
                seen: record.seen,
                passed: record.passed,
                again: record.again,
                expected: record.expected,
                millis: record.millis,
                tokens: record.tokens,
                last: record.last,
            })
            .collect(),
        preferences: learned
            .preferences
            .into_iter()
            .map(|(text, seen, last)| LearnedPreference { text, seen, last })
            .collect(),
        plans: learned
            .plans
            .into_iter()
            .map(|plan| LearnedPlan {
                goal: plan.goal,
                steps: plan.steps,
                seen: plan.seen,
                last: plan.last,
            })
            .collect(),
    }
}
