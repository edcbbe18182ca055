//! The words of Loom: ids, nouns, commands, events, effects and their encodings.
//!
//! A type enters only if it is journaled or on the wire. There is no I/O here, no clock and no
//! decision; start reading at [`Event`], then [`Work`] and [`Outcome`].

#![deny(missing_docs)]
#![warn(clippy::wildcard_enum_match_arm)]

mod change;
mod chat;
mod check;
mod command;
mod diff;
mod effect;
mod envelope;
mod event;
mod ids;
mod kind;
mod learning;
mod memory;
mod plan;
mod prompt;
mod question;
mod reason;
mod revert;
mod settings;
mod survey;
mod time;
mod verdict;

pub use change::{FileChange, FileKind, FileState, LineCount, Operation, Origin};
pub use chat::{
    Answer, CallRecord, Finish, Latency, Message, ModelReply, Refusal, Role, Said, ToolCall,
    ToolSpec, UnreadableCall, Usage,
};
pub use check::{Check, CountOp, Counted};
pub use command::{Command, Continued, Kept, NewTask};
pub use diff::{DiffStatus, FileDiff};
pub use effect::{
    CallClass, Class, Failure, FailureClass, Note, Outcome, Prepared, Proposal, Reconciled,
    SeenFile, ToolResult, Work,
};
pub use envelope::{
    DecodeError, EVENT_VERSION, EncodeError, Encoded, Envelope, Record, decode, encode,
    event_version,
};
pub use event::Event;
pub use ids::{
    AttemptId, BlobId, Digest, EffectId, IdError, PlanningId, QuestionId, Seq, SubtaskId, TaskId,
};
pub use learning::{Adjusted, Adjustment, Calibration, CalibrationPoint, Caution};
pub use memory::{Fact, MemoryEntry, MemoryKind};
pub use plan::{EditsTests, HeldOut, Plan, Size, SubtaskSpec, Tier};
pub use prompt::{PromptPart, PromptRecord};
pub use question::{OnExpiry, Question, Response, Risk, Scope, Subject};
pub use reason::{
    AttemptEnd, Compared, End, GivenAnswer, Limit, Nudge, PlanReason, SkippedBy, Standing, Summary,
    TakenBy,
};
pub use revert::{
    Choices, Conflict, ConflictKind, How, Offer, RevertReport, RevertRequest, RevertScope, Settle,
    Settled,
};
pub use settings::{
    ApprovalMode, Bands, Defences, Limits, Rung, TaskSettings, Unanswered, Verification, Voting,
};
pub use survey::{LeftOutGroup, Survey, WhyLeftOut};
pub use time::Time;
pub use verdict::{
    CheckPower, CheckResult, Confidence, ConfidencePart, CriterionResult, CriterionVerdict,
    Product, ProductFile, Verdict, VerdictResult, Vote,
};
