//! `write_file`.

use super::change::{Wanted, change, changed_files, never};
use super::content::{self, NoText, Places};
use super::{argument, blocking, count, elision, spec};
use crate::seen::{Known, short_hash};
use crate::tool::{CallOutcome, ToolOutput, refusal};
use crate::{Call, ShellSettings, Tool};
use loom_events::{Class, ToolSpec};
use loom_workspace::{Edit, Location, Scratch};
use serde_json::{Value, json};

pub(super) struct WriteFile(ToolSpec);

impl Default for WriteFile {
    fn default() -> Self {
        Self(spec(
            "write_file",
            "Create a file or replace all of its content. An existing file must have been read \
             before. Write the whole text, without placeholders. For small changes use edit_file.",
            json!({
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "content": {"type": "string"}
                },
                "required": ["path", "content"]
            }),
        ))
    }
}

#[async_trait::async_trait]
impl Tool for WriteFile {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn class(&self, _: &Value, _: &ShellSettings) -> Class {
        Class::Hashed
    }

    fn summary(&self, arguments: &Value) -> String {
        let lines = argument(arguments, "content").lines().count();
        format!(
            "write {} ({})",
            argument(arguments, "path"),
            count(lines, "line")
        )
    }

    async fn run(&self, call: &Call<'_>) -> CallOutcome {
        match write(call).await {
            Ok(output) => output.into(),
            Err(outcome) => outcome,
        }
    }
}

async fn write(call: &Call<'_>) -> Result<ToolOutput, CallOutcome> {
    let path = argument(call.arguments, "path");
    let new = argument(call.arguments, "content");
    content::ask_for_secrets(call, path, || format!("write {path}:\n{new}"))?;
    let places = Places::of(call)?;
    let (reader, wanted) = (places.clone(), path.to_owned());
    let old = match blocking(move || reader.read(&wanted)).await? {
        Ok(old) => Some(old),
        Err(error) if error.is_missing() => None,
        // A picture is not edited as text; whoever wants another one removes it first.
        Err(error @ NoText::Binary { .. }) => {
            return Err(ToolOutput::negative(format!("{error}; delete it first")).into());
        }
        Err(error) => return Err(ToolOutput::negative(error.to_string()).into()),
    };
    if let Some(old) = old.as_ref().filter(|old| !old.text.is_empty()) {
        check_known(call, path, &old.key, &old.hash)?;
    }
    let old_text = old.as_ref().map_or("", |old| old.text.as_str());
    check_whole(old_text, new)?;
    let hash = old.as_ref().map(|old| old.hash.as_str());
    store(call, &places, path, hash, new).await.map(|changed| {
        let what = match (&old, changed) {
            (_, 0) if old.is_some() => "has this content already",
            (None, _) => "created",
            (Some(_), _) => "replaced",
        };
        let lines = count(new.lines().count(), "line");
        let hash = short_hash(new.as_bytes());
        ToolOutput {
            ok: true,
            text: format!("{path} {what}: {lines}, {} bytes, hash {hash}\n", new.len()),
            summary: format!("{path} {what}: {lines}"),
            touched: true,
            files_changed: changed,
            ..ToolOutput::default()
        }
    })
}

/// Writes the whole text and remembers it as seen; returns how many files changed. `before` is the
/// hash of the content that the text was made from, none when there was no file.
pub(super) async fn store(
    call: &Call<'_>,
    places: &Places,
    path: &str,
    before: Option<&str>,
    text: &str,
) -> Result<u32, CallOutcome> {
    let hash = short_hash(text.as_bytes());
    if let Location::Scratch(name) = Location::of(path) {
        let (dir, name) = (places.scratch().to_owned(), name.to_owned());
        let bytes = text.as_bytes().to_vec();
        let written = blocking(move || {
            let scratch = Scratch::open(&dir).map_err(|error| error.to_string())?;
            scratch
                .write(&name, &bytes)
                .map_err(|error| error.to_string())
        });
        written.await?.map_err(ToolOutput::negative)?;
        call.context.seen.note(path, &hash);
        return Ok(0);
    }
    let wanted = Wanted {
        edit: Edit::Write {
            path: path.to_owned(),
            bytes: text.as_bytes().to_vec(),
        },
        action: format!("write {path}:\n{text}"),
        ask: never,
        expected: Some(before.map(str::to_owned)),
    };
    let changes = change(call, wanted).await?;
    if let Ok(key) = places.workspace.resolve(path) {
        call.context.seen.note(&key, &hash);
    }
    Ok(changed_files(&changes))
}

fn check_known(call: &Call<'_>, path: &str, key: &str, hash: &str) -> Result<(), CallOutcome> {
    let message = match call.context.seen.knows(key, hash) {
        Known::Yes => return Ok(()),
        Known::Not => format!(
            "`{path}` exists and you have not read it. Nothing was written. Call read_file first; \
             then use edit_file for a change, or write_file to replace it"
        ),
        Known::Outdated => format!(
            "`{path}` has changed since you last read it. Nothing was written. Call read_file again"
        ),
    };
    Err(refusal("unread_file", message).into())
}

/// Refuses text that is not whole.
pub(super) fn check_whole(old: &str, new: &str) -> Result<(), CallOutcome> {
    if let Some(mark) = loom_redact::first_new_mark(old, new) {
        let message = format!(
            "your text has `{mark}`, which stands for a secret that you are not shown. Nothing was \
             written, since it would have replaced the secret. Use edit_file for the lines around it, \
             or let the program read the secret from a variable of its environment"
        );
        return Err(refusal("redacted_text", message).into());
    }
    let Some((line, text)) = elision::newly_elided(old, new) else {
        return Ok(());
    };
    let message = format!(
        "line {line} of your text is a placeholder: `{text}`. Nothing was written, since it would \
         have removed what it stands for. Write out the whole text, or use edit_file for the part \
         that changes"
    );
    Err(refusal("elided_text", message).into())
}
