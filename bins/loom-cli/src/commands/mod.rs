//! One file for each command: its arguments, its help, what it does.

pub(crate) mod acp;
mod acting;
mod again;
pub(crate) mod answer;
pub(crate) mod approve;
pub(crate) mod cancel;
pub(crate) mod changes;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod fork;
pub(crate) mod gc;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod learning;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod mcp;
pub(crate) mod models;
pub(crate) mod pause;
pub(crate) mod policy;
pub(crate) mod prompt;
pub(crate) mod rate;
pub(crate) mod reject;
pub(crate) mod replay;
pub(crate) mod resume;
pub(crate) mod retry;
pub(crate) mod revert;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod service;
pub(crate) mod status;
pub(crate) mod steer;
pub(crate) mod token;
pub(crate) mod tools;
pub(crate) mod trust;
pub(crate) mod tui;

use crate::cli::Command;
use crate::context::Context;
use crate::fault::Outcome;

/// Runs the command that was typed.
pub(crate) async fn dispatch(command: Command, context: &mut Context) -> Outcome {
    match command {
        Command::Run(arguments) => run::run(arguments, context).await,
        Command::Demo(arguments) => demo::run(arguments, context).await,
        Command::Init(arguments) => init::run(arguments, context).await,
        Command::Status(arguments) => status::run(arguments, context).await,
        Command::Gc(arguments) => gc::run(&arguments, context).await,
        Command::List(arguments) => list::run(&arguments, context).await,
        Command::Logs(arguments) => logs::run(&arguments, context).await,
        Command::Changes(arguments) => changes::run(&arguments, context).await,
        Command::Diff(arguments) => diff::run(&arguments, context).await,
        Command::Rate(arguments) => rate::run(arguments, context).await,
        Command::Revert(arguments) => revert::run(arguments, context).await,
        Command::Approve(arguments) => approve::run(&arguments, context).await,
        Command::Reject(arguments) => reject::run(arguments, context).await,
        Command::Answer(arguments) => answer::run(arguments, context).await,
        Command::Steer(arguments) => steer::run(arguments, context).await,
        Command::Pause(arguments) => pause::run(&arguments, context).await,
        Command::Prompt(arguments) => prompt::run(&arguments, context).await,
        Command::Export(arguments) => export::run(&arguments, context).await,
        Command::Import(arguments) => import::run(&arguments, context).await,
        Command::Token(arguments) => token::run(&arguments, context),
        Command::Cancel(arguments) => cancel::run(arguments, context).await,
        Command::Resume(arguments) => resume::run(arguments, context).await,
        Command::Retry(arguments) => retry::run(arguments, context).await,
        Command::Fork(arguments) => fork::run(arguments, context).await,
        Command::Models(arguments) => models::run(&arguments, context).await,
        Command::Tools(arguments) => tools::run(&arguments, context).await,
        Command::Learning(arguments) => learning::run(arguments, context).await,
        Command::ResetLearning(arguments) => learning::reset(&arguments, context).await,
        Command::Replay(arguments) => replay::run(&arguments, context).await,
        Command::Doctor(arguments) => doctor::run(&arguments, context).await,
        Command::Completions(arguments) => completions::run(&arguments, context),
        Command::Man(arguments) => man::run(&arguments, context),
        Command::Serve(arguments) => serve::run(arguments, context).await,
        Command::Service(arguments) => service::run(&arguments, context).await,
        Command::Tui(arguments) => tui::run(arguments, context).await,
        Command::Mcp(arguments) => mcp::run(arguments, context).await,
        Command::Acp(arguments) => acp::run(arguments, context).await,
        Command::Trust(arguments) => trust::run(&arguments, context),
        Command::Policy(arguments) => policy::run(&arguments, context),
        Command::Config(arguments) => config::run(&arguments, context),
    }
}
