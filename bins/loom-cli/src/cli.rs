//! The command line: what can be typed, with one honest line and an example each. What a command
//! does is in its own file of `commands/`.

use crate::commands;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const AFTER: &str = "\
Exit codes: 0 completed, 1 failed, 2 usage, configuration or input, 3 cancelled or interrupted,
            4 needs a human and none is here.

Start here:  loom demo
";

/// The same few colours as everywhere else.
const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Loom takes a goal and a directory, works on it with models on your own machine, and brings back
/// a result that was checked.
#[derive(Debug, Parser)]
#[command(name = "loom", version, after_help = AFTER, styles = STYLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// Where Loom keeps its own data [default: $LOOM_HOME, else the platform's place]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A configuration file on top of the one in the data directory
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Which model a task may use.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ModelChoice {
    /// A server to use instead of what is configured or found, such as http://127.0.0.1:8080/v1
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Use only this model, for every role: a name from `loom models`
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Work on a goal until its result is verified, or say honestly why not
    Run(commands::run::RunArgs),
    /// Show Loom at work on a small project; needs no model
    Demo(commands::demo::DemoArgs),
    /// Write down the models that answer on this machine
    Init(commands::init::InitArgs),
    /// Show where a task stands; without TASK the newest one
    Status(commands::status::StatusArgs),
    /// List tasks, the newest first
    List(commands::list::ListArgs),
    /// Show what happened in a task, line by line
    Logs(commands::logs::LogsArgs),
    /// List every change that a task made to files, in order
    Changes(commands::changes::ChangesArgs),
    /// Show what a task changed, as a patch
    Diff(commands::diff::DiffArgs),
    /// Put back what a task changed; what you changed since is left alone
    Revert(commands::revert::RevertArgs),
    /// Say of a finished task whether it is right, so that Loom learns how sure it can be
    Rate(commands::rate::RateArgs),
    /// Show what is kept to undo old tasks, or remove what is not needed any more
    Gc(commands::gc::GcArgs),
    /// Say yes to what a task asks
    Approve(commands::approve::ApproveArgs),
    /// Say no to what a task asks, and why
    Reject(commands::reject::RejectArgs),
    /// Answer a question of a task in words, or leave a stuck step out
    Answer(commands::answer::AnswerArgs),
    /// Give a running task an instruction
    Steer(commands::steer::SteerArgs),
    /// Let nothing new begin in a task
    Pause(commands::pause::PauseArgs),
    /// End an unfinished task; what is half done is put back
    Cancel(commands::cancel::CancelArgs),
    /// Go on with an unfinished task
    Resume(commands::resume::ResumeArgs),
    /// Try again what a task did not bring about, in a new task
    Retry(commands::retry::RetryArgs),
    /// Begin a new task at any event of another one
    Fork(commands::fork::ForkArgs),
    /// Show the models that Loom would use
    Models(commands::models::ModelsArgs),
    /// Show what of Loom works on this machine, and how to get the rest
    Doctor(commands::doctor::DoctorArgs),
    /// Show the tools that a model may call, and the servers they come from
    Tools(commands::tools::ToolsArgs),
    /// Show what finished tasks have taught, and what is done otherwise because of it
    Learning(commands::learning::LearningArgs),
    /// Forget everything that finished tasks have taught
    ResetLearning(commands::learning::ResetArgs),
    /// Show a finished task again from its journal, or check the journal
    Replay(commands::replay::ReplayArgs),
    /// Write a task into one file, without secrets
    Export(commands::export::ExportArgs),
    /// Take a task from such a file, to look at it
    Import(commands::import::ImportArgs),
    /// Show exactly what a model was sent for a step
    Prompt(commands::prompt::PromptArgs),
    /// Watch all work in the terminal, and step in with one key
    Tui(commands::tui::TuiArgs),
    /// Serve agents over the Model Context Protocol
    Mcp(commands::mcp::McpArgs),
    /// Serve an editor over the Agent Client Protocol
    Acp(commands::acp::AcpArgs),
    /// Run the service, for programs and other front ends
    Serve(commands::serve::ServeArgs),
    /// Let the machine run the service by itself
    Service(commands::service::ServiceArgs),
    /// Print the token that opens the service
    Token(commands::token::TokenArgs),
    /// Agree to skills of a project, so that models may use them
    Trust(commands::trust::TrustArgs),
    /// Show whether a command line would run, be asked for, or be refused
    Policy(commands::policy::PolicyArgs),
    /// Print what a shell needs to complete the command line
    Completions(commands::completions::CompletionsArgs),
    /// Print the manual, or write its pages into a directory
    Man(commands::man::ManArgs),
    /// Show the configuration and where each value comes from
    Config(commands::config::ConfigArgs),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_makes_sense_to_clap() {
        Cli::command().debug_assert();
    }

    /// Lines that were broken by hand come out ragged on a narrow terminal.
    #[test]
    fn the_sentences_of_help_are_broken_by_the_terminal() {
        let prose = |line: &str| !(line.is_empty() || line.starts_with(' ') || line.ends_with(':'));
        for command in Cli::command().get_subcommands() {
            let after = command.get_after_help().map(ToString::to_string);
            let after = after.unwrap_or_default();
            let lines: Vec<&str> = after.lines().collect();
            for pair in lines.windows(2) {
                let broken = pair.iter().all(|line| prose(line));
                assert!(!broken, "{}: {pair:?}", command.get_name());
            }
        }
    }

    #[test]
    fn every_command_has_one_line_of_help_and_an_example() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let about = command
                .get_about()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                !about.is_empty() && !about.contains('\n'),
                "{name}: {about}"
            );
            let after = command.get_after_help().map(ToString::to_string);
            let example = format!("loom {name}");
            assert!(
                after.is_some_and(|text| text.contains(&example)),
                "{name} has no example"
            );
        }
    }
}
