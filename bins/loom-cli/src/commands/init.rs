//! `loom init`: writes down the models that were found, to be looked at and changed.

use crate::cli::ModelChoice;
use crate::context::Context;
use crate::fault::{Exit, Fault, Outcome};
use crate::models::{self, HOW_TO_START, survey};
use crate::ui::{Tone, clean};
use anyhow::Context as _;
use clap::Args;
use loom_engine::Config;
use loom_router::ModelEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

/// Arguments of `loom init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Looks on the usual ports of this machine, or at --server, and writes what it finds into the \
configuration file. A file that is there is never changed: with --print you see what would be \
written.

Examples:
  loom init
  loom init --server http://192.168.1.7:11434
  loom init --print")]
pub(crate) struct InitArgs {
    /// A server to look at instead of the usual ports
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Print the file instead of writing it
    #[arg(long)]
    print: bool,
    /// Print the models as one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: InitArgs, context: &mut Context) -> Outcome {
    let file = context.data_dir()?.join(Config::FILE_NAME);
    if !arguments.print && file.exists() {
        let text = format!("{} is there already", file.display());
        return Err(Fault::usage(text).hint("edit it, or see what would be new: loom init --print"));
    }
    let choice = ModelChoice {
        server: arguments.server,
        model: None,
    };
    let facts = models::facts(context).await;
    let (asked, _) = survey(&Config::default(), &choice, context, &facts).await?;
    let entries: Vec<ModelEntry> = asked
        .into_iter()
        .filter(|one| one.down.is_none())
        .map(|one| one.model.entry)
        .collect();
    if entries.is_empty() {
        return Err(Fault::usage("no model server was found on this machine").hint(HOW_TO_START));
    }
    let models = named(&entries);
    let text = written(&models)?;
    if !arguments.print {
        write(&file, &text)?;
    }
    if arguments.json {
        let written = (!arguments.print).then_some(&file);
        let value = serde_json::json!({ "written_to": written, "models": models });
        context.ui.raw(&format!("{value}\n"));
        return Ok(Exit::Done);
    }
    if arguments.print {
        context.ui.raw(&text);
        return Ok(Exit::Done);
    }
    for entry in &entries {
        let roles: Vec<_> = entry.roles.iter().map(|role| role.name()).collect();
        let line = format!("{} for {}", clean(&entry.name), roles.join(", "));
        context.ui.line(Tone::Plain, &line);
    }
    let text = format!("written to {}", file.display());
    context.ui.line(Tone::Good, &text);
    context
        .ui
        .note(Tone::Hint, "see what Loom makes of it: loom doctor");
    Ok(Exit::Done)
}

/// Never over a file that somebody else has made in the meantime.
fn write(file: &Path, text: &str) -> Result<(), Fault> {
    let dir = file.parent().unwrap_or(Path::new("."));
    let place = || format!("write {}", file.display());
    std::fs::create_dir_all(dir).with_context(place)?;
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file);
    match made {
        Ok(mut made) => Ok(made.write_all(text.as_bytes()).with_context(place)?),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(Fault::usage(format!("{} is there already", file.display())))
        }
        Err(error) => Err(anyhow::Error::new(error).context(place()).into()),
    }
}

/// Models by the names that they get in the file.
type Named<'a> = BTreeMap<String, Written<'a>>;

#[derive(serde::Serialize)]
struct File<'a> {
    models: &'a Named<'a>,
}

#[derive(serde::Serialize)]
struct Written<'a> {
    provider: &'a str,
    base_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    roles: Vec<&'static str>,
    tier: u8,
}

fn named(entries: &[ModelEntry]) -> Named<'_> {
    let mut models = BTreeMap::new();
    let mut names = BTreeSet::new();
    for entry in entries {
        let written = Written {
            provider: entry.provider.name(),
            base_url: &entry.base_url,
            model: entry.model.as_deref(),
            roles: entry.roles.iter().map(|role| role.name()).collect(),
            tier: entry.tier.into(),
        };
        models.insert(name(&entry.name, &mut names), written);
    }
    models
}

/// The file, ready to be read back.
fn written(models: &Named<'_>) -> Result<String, Fault> {
    let body = toml::to_string(&File { models }).context("write the configuration")?;
    Ok(format!(
        "# What answered on this machine. Roles and tiers are guesses by size: change them as you like.\n\
         # `loom config show --origin` shows everything else that is in effect.\n\n{body}"
    ))
}

/// A name that a table can have without quotes.
fn name(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = wanted.chars().map(plain).collect();
    let name = name
        .split('-')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    let name = if name.is_empty() {
        "model".to_owned()
    } else {
        name
    };
    let mut unique = name.clone();
    let mut n = 2;
    while !taken.insert(unique.clone()) {
        unique = format!("{name}-{n}");
        n += 1;
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_engine::Sources;
    use std::path::PathBuf;

    #[test]
    fn what_is_written_is_read_back_as_the_same_models() {
        let entries = [
            ModelEntry::new("qwen3:8b", "http://127.0.0.1:11434"),
            ModelEntry::new("Qwen3 8B", "http://127.0.0.1:8080/v1"),
            ModelEntry::new("qwen3-8b", "http://127.0.0.1:8000/v1"),
        ];
        let dir = tempfile::tempdir().unwrap();
        let file: PathBuf = dir.path().join("loom.toml");
        write(&file, &written(&named(&entries)).unwrap()).unwrap();
        let sources = Sources {
            data_dir: Some(dir.path()),
            file: None,
            env: &BTreeMap::new(),
            flags: &[],
        };
        let config = Config::load(&sources).unwrap().config;
        let read = config.model_entries(&BTreeMap::new()).unwrap();
        let names: Vec<_> = read.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["qwen3-8b", "qwen3-8b-2", "qwen3-8b-3"]);
        let mut urls: Vec<_> = read.iter().map(|entry| entry.base_url.as_str()).collect();
        urls.sort_unstable();
        assert!(urls[0].contains("11434"), "{urls:?}");
        assert!(write(&file, "").is_err(), "a file that is there stays");
    }
}
