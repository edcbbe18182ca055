//! One file for each command: its arguments, its help, what it does.

mod again;
pub(crate) mod cancel;
pub(crate) mod changes;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod fork;
pub(crate) mod gc;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod models;
pub(crate) mod policy;
pub(crate) mod replay;
pub(crate) mod resume;
pub(crate) mod retry;
pub(crate) mod revert;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod tools;

use crate::cli::Command;
use crate::context::Context;
use crate::fault::Outcome;

/// Runs the command that was typed.
pub(crate) async fn dispatch(command: Command, context: &mut Context) -> Outcome {
    match command {
        Command::Run(arguments) => run::run(arguments, context).await,
        Command::Demo(arguments) => demo::run(arguments, context).await,
        Command::Status(arguments) => status::run(arguments, context).await,
        Command::Gc(arguments) => gc::run(&arguments, context).await,
        Command::List(arguments) => list::run(&arguments, context).await,
        Command::Logs(arguments) => logs::run(&arguments, context).await,
        Command::Changes(arguments) => changes::run(&arguments, context).await,
        Command::Diff(arguments) => diff::run(&arguments, context).await,
        Command::Revert(arguments) => revert::run(arguments, context).await,
        Command::Cancel(arguments) => cancel::run(arguments, context).await,
        Command::Resume(arguments) => resume::run(arguments, context).await,
        Command::Retry(arguments) => retry::run(arguments, context).await,
        Command::Fork(arguments) => fork::run(arguments, context).await,
        Command::Models(arguments) => models::run(&arguments, context).await,
        Command::Tools(arguments) => tools::run(&arguments, context).await,
        Command::Replay(arguments) => replay::run(&arguments, context).await,
        Command::Doctor(arguments) => doctor::run(&arguments, context).await,
        Command::Policy(arguments) => policy::run(&arguments, context),
        Command::Config(arguments) => config::run(&arguments, context),
    }
}
