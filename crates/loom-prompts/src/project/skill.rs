//! Skills: instructions for one kind of work. A prompt has a catalogue of them, a line each; the body
//! is read when it is wanted.

use crate::budget::drop_last;
use crate::fence::mute;
use crate::tokens::{clip_chars, estimate_tokens};
use minijinja::{Value, context};
use serde::Deserialize;

/// Longest name, as the format has it.
const MAX_NAME_CHARS: usize = 64;

/// Characters of a description in the catalogue: enough to tell whether it fits. The format allows
/// 1,024, which would make a catalogue of ten dearer than a whole step.
const MAX_DESCRIPTION_CHARS: usize = 250;

/// Skills in a catalogue: about as much as a tool's description each, so this many cost what all
/// tools together do.
const MAX_SKILLS: usize = 24;

/// A skill as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skill {
    /// Its name: small letters, digits and hyphens.
    pub name: String,
    /// What it is for, on one line.
    pub description: String,
    /// What to do.
    pub body: String,
}

/// A line of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkillLine {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
}

/// Says why a file is no skill.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkillError {
    /// It does not begin with `---`, or that part has no end.
    #[error("it does not begin with a part between two lines `---`")]
    NoFrontMatter,
    /// That part is not what it should be.
    #[error("its first part cannot be read: {0}")]
    FrontMatter(String),
    /// The name cannot be one.
    #[error("its name `{0}` is not made of at most 64 small letters, digits and hyphens")]
    Name(String),
    /// It does not say what it is for.
    #[error("its description is empty")]
    NoDescription,
    /// It says nothing.
    #[error("it has no text after its first part")]
    NoBody,
}

/// What the first part of a skill must say; more is allowed, and of no concern here.
#[derive(Deserialize)]
struct FrontMatter {
    name: String,
    description: String,
}

/// Reads a `SKILL.md`.
///
/// # Errors
/// [`SkillError`], one clear sentence each.
pub fn parse_skill(text: &str) -> Result<Skill, SkillError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (front, body) = split(text).ok_or(SkillError::NoFrontMatter)?;
    let front: FrontMatter = serde_yaml::from_str(front)
        .map_err(|error| SkillError::FrontMatter(clip_chars(&error.to_string(), 200)))?;
    let name_fits = |name: &str| {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=MAX_NAME_CHARS).contains(&name.len()) && name.chars().all(letter)
    };
    if !name_fits(&front.name) {
        return Err(SkillError::Name(clip_chars(&front.name, 80)));
    }
    let description = clip_chars(&front.description, MAX_DESCRIPTION_CHARS);
    if description.is_empty() {
        return Err(SkillError::NoDescription);
    }
    let body = body.trim();
    if body.is_empty() {
        return Err(SkillError::NoBody);
    }
    Ok(Skill {
        name: front.name,
        description,
        body: body.to_owned(),
    })
}

/// What is between the first two lines `---`, and what follows.
fn split(text: &str) -> Option<(&str, &str)> {
    let is_rule = |line: &str| line.trim_end() == "---";
    let mut at = 0;
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().filter(|line| is_rule(line))?;
    at += first.len();
    let begin = at;
    for line in lines {
        if is_rule(line) {
            return Some((&text[begin..at], &text[at + line.len()..]));
        }
        at += line.len();
    }
    None
}

/// What a template is given of the catalogue.
pub(crate) fn skills_view(skills: &[SkillLine]) -> Vec<Value> {
    let view = |skill: &SkillLine| {
        context! {
            name => skill.name.as_str(),
            description => mute(&clip_chars(&skill.description, MAX_DESCRIPTION_CHARS)),
        }
    };
    skills.iter().take(MAX_SKILLS).map(view).collect()
}

/// Leaves out skills from the end of the catalogue.
pub(crate) fn shrink_skills(skills: &mut Vec<SkillLine>, excess: u64) -> Option<String> {
    skills.truncate(MAX_SKILLS);
    let left = skills.len();
    let cost = |skill: &SkillLine| estimate_tokens(&skill.description) + 8;
    let dropped = drop_last(skills, excess, cost)?;
    Some(format!("skills: {dropped} of {left} left out"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "---\nname: release-notes\ndescription: Writes release notes.\nlicense: MIT\n---\n\n# How\nRead the log.\n";

    #[test]
    fn name_description_and_body_are_read_and_the_rest_is_of_no_concern() {
        let skill = parse_skill(GOOD).unwrap();
        assert_eq!(skill.name, "release-notes");
        assert_eq!(skill.description, "Writes release notes.");
        assert_eq!(skill.body, "# How\nRead the log.");
        let windows = GOOD.replace('\n', "\r\n");
        assert_eq!(parse_skill(&windows).unwrap().name, "release-notes");
    }

    #[test]
    fn what_is_no_skill_says_why() {
        let because = |text: &str| parse_skill(text).unwrap_err().to_string();
        assert_eq!(parse_skill("# How"), Err(SkillError::NoFrontMatter));
        assert_eq!(
            parse_skill("---\nname: x\n"),
            Err(SkillError::NoFrontMatter)
        );
        assert!(because("---\nname: x\n---\nbody").contains("description"));
        let named = |name: &str| GOOD.replace("release-notes", name);
        assert!(because(&named("../../etc")).contains("`../../etc`"));
        assert!(because(&named(&"a".repeat(65))).contains("at most 64"));
        assert_eq!(
            parse_skill(&GOOD.replace("Writes release notes.", "''")),
            Err(SkillError::NoDescription)
        );
        assert_eq!(
            parse_skill("---\nname: x\ndescription: y\n---\n \n"),
            Err(SkillError::NoBody)
        );
    }

    #[test]
    fn a_description_is_one_short_line() {
        let text = GOOD.replace(
            "Writes release notes.",
            &format!("|\n  a\n  {}", "b ".repeat(500)),
        );
        let skill = parse_skill(&text).unwrap();
        assert!(!skill.description.contains('\n'));
        assert!(skill.description.chars().count() <= MAX_DESCRIPTION_CHARS);
    }
}
