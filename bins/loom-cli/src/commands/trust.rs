//! `loom trust`: which skills of a project models may use. A skill is agreed to as it is, to the byte.

use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use crate::ui::{Tone, clean, plural, wrap};
use clap::Args;
use loom_engine::{Clock as _, SkillInfo, SkillStanding, SkillSurvey, Skills, SystemClock};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `loom trust`.
#[derive(Debug, Args)]
#[command(after_help = "\
A skill (a directory with a SKILL.md) is instructions that a model follows. Those of a project are text \
from whoever wrote it, so none is used before you agree to it here; when a file of it changes, you are \
asked again. Skills of your own are in `skills/` of the data directory and need no agreement.

Examples:
  loom trust                  show the skills of this directory, and ask
  loom trust ~/project --yes
  loom trust ~/project --only release-notes
  loom trust ~/project --revoke")]
pub(crate) struct TrustArgs {
    /// The project
    #[arg(default_value = ".", value_name = "DIR")]
    project: PathBuf,
    /// Only the skill of this name; may be given more than once
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Agree without a question
    #[arg(long, conflicts_with = "revoke")]
    yes: bool,
    /// Agree no longer
    #[arg(long)]
    revoke: bool,
    /// Print what there is as one line of JSON, and change nothing
    #[arg(long, conflicts_with_all = ["yes", "revoke"])]
    json: bool,
}

pub(super) fn run(arguments: &TrustArgs, context: &mut Context) -> Outcome {
    let project = context.here.absolute(&arguments.project);
    if !project.is_dir() {
        let shown = project.display();
        return Err(Fault::usage(format!("{shown} is not a directory")));
    }
    let skills = Skills::of(&context.data_dir()?);
    let survey = skills.survey(Some(&project));
    if let Some(missing) = arguments.only.iter().find(|name| !has(&survey, name)) {
        return Err(Fault::usage(format!("there is no skill `{missing}` here")));
    }
    if arguments.json {
        print_json(context, &survey);
        return Ok(Exit::Done);
    }
    print(context, &survey);
    let meant = |skill: &&SkillInfo| {
        skill.standing != SkillStanding::Own
            && (arguments.only.is_empty() || arguments.only.contains(&skill.name))
    };
    let meant: Vec<SkillInfo> = survey.skills.iter().filter(meant).cloned().collect();
    match arguments.revoke {
        true => revoke(&skills, &project, &meant, context),
        false => agree(arguments.yes, &skills, (&project, &meant), context),
    }
}

fn has(survey: &SkillSurvey, name: &str) -> bool {
    survey.skills.iter().any(|skill| skill.name == name)
}

fn revoke(skills: &Skills, project: &Path, meant: &[SkillInfo], context: &mut Context) -> Outcome {
    skills.withdraw(project, meant).map_err(Fault::cannot)?;
    let text = "none of the project's skills that were meant is used any more";
    context.ui.line(Tone::Plain, text);
    Ok(Exit::Done)
}

fn agree(
    yes: bool,
    skills: &Skills,
    (project, meant): (&Path, &[SkillInfo]),
    context: &mut Context,
) -> Outcome {
    let usable = |skill: &&SkillInfo| !skill.standing.is_usable();
    let new: Vec<SkillInfo> = meant.iter().filter(usable).cloned().collect();
    if new.is_empty() {
        return Ok(Exit::Done);
    }
    let count = plural(new.len(), "skill");
    if !yes {
        if !context.ui.attended {
            let fault = Fault::usage(format!("nobody is here to agree to {count}"));
            return Err(fault
                .hint("look at them, then: loom trust DIR --yes")
                .exit(Exit::NeedsHuman));
        }
        let question = format!("Let models use {count} as shown? [y/N] ");
        context.ui.note(Tone::Hint, &question);
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        if !matches!(line.trim().to_lowercase().as_str(), "y" | "yes") {
            context.ui.line(Tone::Plain, "nothing was agreed to");
            return Ok(Exit::Done);
        }
    }
    let now = SystemClock.now();
    skills.agree(project, &new, now).map_err(Fault::cannot)?;
    let text = format!("agreed to {count}, as it is now");
    context.ui.line(Tone::Good, &text);
    Ok(Exit::Done)
}

fn print(context: &mut Context, survey: &SkillSurvey) {
    if survey.skills.is_empty() && survey.unusable.is_empty() {
        context.ui.line(Tone::Plain, "there are no skills here");
    }
    let columns = context.ui.columns().unwrap_or(100);
    for skill in &survey.skills {
        let (tone, standing) = match skill.standing {
            SkillStanding::Own => (Tone::Good, "your own"),
            SkillStanding::Agreed => (Tone::Good, "agreed"),
            SkillStanding::Changed => (Tone::Caught, "changed since you agreed"),
            SkillStanding::New => (Tone::Caught, "not agreed"),
        };
        let line = format!("{}: {standing}", skill.name);
        context.ui.line(tone, &line);
        for text in wrap(&clean(&skill.description), columns.saturating_sub(2)) {
            context.ui.line(Tone::Plain, &format!("  {text}"));
        }
        let place = clean(&skill.place);
        let files = match skill.files.len() {
            0 => String::new(),
            many => format!(", {} beside it", plural(many, "file")),
        };
        let digits = &skill.hash[..12];
        let line = format!("  {place}/SKILL.md{files} ({digits})");
        context.ui.line(Tone::Dim, &line);
    }
    for (place, why) in &survey.unusable {
        let line = format!("{}: no skill, since {}", clean(place), clean(why));
        context.ui.line(Tone::Dim, &line);
    }
}

fn print_json(context: &mut Context, survey: &SkillSurvey) {
    let standing = |standing| match standing {
        SkillStanding::Own => "own",
        SkillStanding::Agreed => "agreed",
        SkillStanding::Changed => "changed",
        SkillStanding::New => "new",
    };
    let skills = survey.skills.iter().map(|skill| {
        json!({
            "name": skill.name,
            "description": skill.description,
            "place": skill.place,
            "files": skill.files,
            "hash": skill.hash,
            "standing": standing(skill.standing),
        })
    });
    let unusable = survey
        .unusable
        .iter()
        .map(|(place, why)| json!({"place": place, "why": why}));
    let value = json!({
        "skills": skills.collect::<Vec<_>>(),
        "unusable": unusable.collect::<Vec<_>>(),
    });
    context.ui.raw(&format!("{value}\n"));
}
