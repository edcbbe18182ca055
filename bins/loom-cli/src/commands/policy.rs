//! `loom policy`: what would become of a command line, and why. Nothing is run.

use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::{Tone, clean, wrap};
use clap::Args;
use loom_tools::policy::{Decision, Judgement, Where};
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `loom policy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  loom policy git push origin main
  loom policy 'cd web && npm install | tee log.txt'
  loom policy --json 'rm -rf ~'

Nothing is run. One argument is a line for the shell; several are the words of one command. Your own \
rules are `[[policy.rules]]` in the configuration.")]
pub(crate) struct PolicyArgs {
    /// The command line
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    command: Vec<String>,
    /// The directory that it would work in
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    workspace: PathBuf,
    /// As for a task that may use the network
    #[arg(long)]
    network: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &PolicyArgs, context: &mut Context) -> Outcome {
    let policy = context.load(&[])?.config.policy();
    let policy = policy.map_err(|error| Fault::from(error).exit(Exit::Usage))?;
    let workspace = context.here.absolute(&arguments.workspace);
    // The directory need not be there; a command only has to be judged.
    let workspace = workspace.canonicalize().unwrap_or(workspace);
    let place = Where {
        workspace: Some(&workspace),
        network: arguments.network,
    };
    let line = line(&arguments.command);
    let judgement = policy.judge(&line, &place);
    match arguments.json {
        true => print_json(context, &line, &judgement),
        false => print(context, &line, &judgement),
    }
    Ok(Exit::Done)
}

fn print_json(context: &mut Context, line: &str, judgement: &Judgement) {
    let value = json!({
        "command": line,
        "decision": judgement.decision.name(),
        "rules": judgement.rules,
        "reason": judgement.reason,
        "network": judgement.network,
    });
    context.ui.raw(&format!("{value}\n"));
}

fn print(context: &mut Context, line: &str, judgement: &Judgement) {
    let (tone, what) = match judgement.decision {
        Decision::Allow => (Tone::Good, "it runs in the sandbox without a question"),
        Decision::Ask => (
            Tone::Caught,
            "it runs after you agreed to exactly this line",
        ),
        Decision::Deny => (Tone::Bad, "it does not run"),
    };
    let reason = clean(&judgement.reason);
    let reason = match context.ui.columns() {
        Some(columns) => wrap(&reason, columns),
        None => vec![reason],
    };
    context.ui.line(Tone::Plain, &clean(line));
    let decision = format!("{}: {what}", judgement.decision.name());
    context.ui.line(tone, &decision);
    for text in reason.iter().filter(|text| !text.is_empty()) {
        context.ui.line(Tone::Plain, text);
    }
    if !judgement.rules.is_empty() {
        let rules = format!("rules: {}", judgement.rules.join(", "));
        context.ui.line(Tone::Dim, &rules);
    }
}

/// One argument is a line; several are words that the user's shell has already taken apart, so each
/// is one word again.
fn line(arguments: &[String]) -> String {
    match arguments {
        [line] => line.clone(),
        words => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            words.join(" ")
        }
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn several_words_stay_the_words_of_one_command() {
        let line = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            super::line(&words)
        };
        assert_eq!(line(&["a | b"]), "a | b");
        assert_eq!(
            line(&["echo", "a | b", "it's", ""]),
            r"echo 'a | b' 'it'\''s' ''"
        );
        assert_eq!(line(&["git", "-C", "x", "push"]), "git -C x push");
    }
}
