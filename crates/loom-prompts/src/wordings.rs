//! Other wordings of the executor's template: files `executor.NAME.yaml` beside the one that replaces it.
//! Which of them a step gets is not decided here.

use crate::ExecutorInput;
use crate::prompts::read_override;
use crate::template::{Rules, Source, Template, TemplateError};
use std::collections::BTreeMap;
use std::path::Path;

/// Wordings that can be compared: with more of them each is tried too seldom to say anything.
const MOST: usize = 8;

/// Longest name of one.
const NAME: usize = 40;

/// Roles whose templates have one wording only: what came of another one is seen by nobody.
const OTHERS: [&str; 6] = [
    "planner",
    "replanner",
    "checks",
    "verifier",
    "extractor",
    "rules",
];

/// Reads and checks the wordings in a directory, by their names.
pub(crate) fn wordings(
    dir: Option<&Path>,
    rules: &Rules,
) -> Result<BTreeMap<String, Template>, TemplateError> {
    let mut found = BTreeMap::new();
    let Some(dir) = dir else {
        return Ok(found);
    };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        // It replaces nothing either.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(source) => {
            let path = dir.to_owned();
            return Err(TemplateError::Read { path, source });
        }
    };
    let mut files: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    files.sort();
    for file in files {
        let stem = file.strip_suffix(".yaml");
        let Some((role, name)) = stem.and_then(|stem| stem.split_once('.')) else {
            continue;
        };
        let wrong = |why: &str| TemplateError::Wording {
            file: dir.join(&file).display().to_string(),
            why: why.to_owned(),
        };
        match role {
            "executor" => {}
            role if OTHERS.contains(&role) => {
                return Err(wrong(
                    "only the executor's template can have other wordings",
                ));
            }
            _ => continue,
        }
        if !is_name(name) {
            return Err(wrong(
                "a name has small letters, digits and `-`, and 40 of them at most",
            ));
        }
        if found.len() == MOST {
            return Err(wrong("there are 8 wordings already, which is the most"));
        }
        let Some(text) = read_override(&dir.join(&file))? else {
            continue;
        };
        let source = Source {
            file: text.file,
            text: text.text,
        };
        let called = format!("executor.{name}");
        let template = Template::load_as::<ExecutorInput>(&called, &source, rules)?;
        found.insert(name.to_owned(), template);
    }
    Ok(found)
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME).contains(&text.len()) && text.bytes().all(fits)
}
