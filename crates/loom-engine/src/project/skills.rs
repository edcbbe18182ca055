//! Where skills are, and which of them may be used.

use super::agreed::{Agreed, AgreedError};
use super::skill_dir::{SKILL_FILE, SkillDir};
use loom_events::Time;
use loom_prompts::SkillLine;
use loom_tools::SkillFile;
use std::path::{Path, PathBuf};

/// Where projects keep skills, by custom; of two of one name the first is meant.
const PLACES: [&str; 3] = [".agents/skills", ".claude/skills", ".github/skills"];

/// The user's own skills, in the data directory.
const OWN: &str = "skills";

/// What was agreed to, in the data directory.
const AGREED: &str = "agreed-skills.json";

/// Skills looked at in one place; a catalogue shows fewer.
const MAX_SKILLS: usize = 100;

/// The skills of one data directory and of the projects that are worked on.
#[derive(Clone, Debug)]
pub struct Skills {
    own: PathBuf,
    agreed: PathBuf,
}

/// One skill that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkillInfo {
    /// Its name.
    pub name: String,
    /// What it is for, on one line.
    pub description: String,
    /// Its directory: relative to the project, or absolute for one of the user's own.
    pub place: String,
    /// Names exactly its content.
    pub hash: String,
    /// Files in it beside its instructions.
    pub files: Vec<String>,
    /// Whether it may be used.
    pub standing: SkillStanding,
}

/// Whether a skill may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkillStanding {
    /// It is the user's own.
    Own,
    /// It is a project's, and its owner has agreed to it as it is.
    Agreed,
    /// It is a project's, and was agreed to before it was changed.
    Changed,
    /// It is a project's, and nobody has agreed to it.
    New,
}

impl SkillStanding {
    /// Whether it may be used.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Own | Self::Agreed)
    }
}

impl SkillInfo {
    pub(super) fn line(&self) -> SkillLine {
        SkillLine {
            name: self.name.clone(),
            description: self.description.clone(),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkillSurvey {
    /// The skills, the user's own first; each name once.
    pub skills: Vec<SkillInfo>,
    /// Directories that look like skills and are none, and why.
    pub unusable: Vec<(String, String)>,
}

impl SkillSurvey {
    /// Those that may be used.
    pub fn usable(&self) -> impl Iterator<Item = &SkillInfo> {
        self.skills
            .iter()
            .filter(|skill| skill.standing.is_usable())
    }

    /// How many nobody has agreed to.
    #[must_use]
    pub fn unagreed(&self) -> usize {
        self.skills.len() - self.usable().count()
    }
}

/// A skill with its files.
struct Whole {
    info: SkillInfo,
    body: String,
    dir: SkillDir,
}

impl Skills {
    /// Those of a data directory.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self {
            own: data_dir.join(OWN),
            agreed: data_dir.join(AGREED),
        }
    }

    /// Every skill there is for work in a directory, and whether it may be used. When what was agreed
    /// to cannot be read, nothing is agreed to.
    #[must_use]
    pub fn survey(&self, project: Option<&Path>) -> SkillSurvey {
        let (skills, unusable) = self.whole(project);
        SkillSurvey {
            skills: skills.into_iter().map(|whole| whole.info).collect(),
            unusable,
        }
    }

    /// Agrees to skills of a project as they are, by hash.
    ///
    /// # Errors
    /// [`AgreedError`]; then nothing has changed.
    pub fn agree(&self, project: &Path, skills: &[SkillInfo], at: Time) -> Result<(), AgreedError> {
        let mut agreed = Agreed::read(&self.agreed)?;
        let project = &resolved(project);
        for skill in skills {
            agreed.add(&skill.hash, &skill.name, project, at);
        }
        agreed.write(&self.agreed)
    }

    /// Takes that back.
    ///
    /// # Errors
    /// As [`Self::agree`].
    pub fn withdraw(&self, project: &Path, skills: &[SkillInfo]) -> Result<(), AgreedError> {
        let mut agreed = Agreed::read(&self.agreed)?;
        let project = &resolved(project);
        for skill in skills {
            agreed.remove(&skill.hash, &skill.name, project);
        }
        agreed.write(&self.agreed)
    }

    /// What a model is shown of a skill. It is looked at anew each time: one that was changed since it
    /// was offered may not be used any more.
    pub(crate) fn file(&self, project: Option<&Path>, name: &str, file: Option<&str>) -> SkillFile {
        let (skills, _) = self.whole(project);
        let usable = || {
            skills
                .iter()
                .filter(|whole| whole.info.standing.is_usable())
        };
        let Some(found) = usable().find(|whole| whole.info.name == name) else {
            return SkillFile::NoSkill {
                known: usable().map(|whole| whole.info.name.clone()).collect(),
            };
        };
        let files = found.dir.others();
        let text = match file {
            None | Some(SKILL_FILE) => Some(found.body.clone()),
            Some(file) => found.dir.text(file),
        };
        match text {
            Some(text) => SkillFile::Text { text, files },
            None => SkillFile::NoFile { files },
        }
    }

    fn whole(&self, project: Option<&Path>) -> (Vec<Whole>, Vec<(String, String)>) {
        let agreed = Agreed::read(&self.agreed).unwrap_or_else(|error| {
            tracing::warn!(
                error = crate::broken::chain(&error),
                "what was agreed to cannot be read, so no skill of a project is used"
            );
            Agreed::default()
        });
        let mut found = Found::default();
        found.look(&self.own, &self.own.display().to_string(), &|_, _| {
            SkillStanding::Own
        });
        for place in PLACES {
            let Some((project, dir)) = project.and_then(|root| inside(root, place)) else {
                continue;
            };
            let standing =
                |name: &str, hash: &str| match (agreed.has(hash), agreed.had(name, &project)) {
                    (true, _) => SkillStanding::Agreed,
                    (false, true) => SkillStanding::Changed,
                    (false, false) => SkillStanding::New,
                };
            found.look_beneath(&project, &dir, place, &standing);
        }
        (found.skills, found.unusable)
    }
}

/// The one name under which a project is known here.
fn resolved(project: &Path) -> PathBuf {
    project
        .canonicalize()
        .unwrap_or_else(|_| project.to_owned())
}

/// A directory of the project, links resolved; none when it is not there or leads out.
fn inside(root: &Path, place: &str) -> Option<(PathBuf, PathBuf)> {
    let root = root.canonicalize().ok()?;
    let dir = root.join(place).canonicalize().ok()?;
    dir.starts_with(&root).then_some((root, dir))
}

/// What was found so far.
#[derive(Default)]
struct Found {
    skills: Vec<Whole>,
    unusable: Vec<(String, String)>,
}

/// The standing of a skill by its name and hash.
type Standing<'a> = &'a dyn Fn(&str, &str) -> SkillStanding;

impl Found {
    fn look(&mut self, dir: &Path, shown: &str, standing: Standing<'_>) {
        let Ok(root) = dir.canonicalize() else {
            return;
        };
        self.look_beneath(&root, &root, shown, standing);
    }

    /// Looks at every directory of `dir`; none may lead out of `root`.
    fn look_beneath(&mut self, root: &Path, dir: &Path, shown: &str, standing: Standing<'_>) {
        let Ok(entries) = std::fs::read_dir(dir) else {
            return;
        };
        let mut names: Vec<String> = entries
            .flatten()
            .take(MAX_SKILLS)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        for name in names {
            let place = format!("{shown}/{name}");
            let Ok(path) = dir.join(&name).canonicalize() else {
                continue;
            };
            if !path.join(SKILL_FILE).is_file() {
                continue;
            }
            if !path.starts_with(root) {
                let why = "it leads out of the project".to_owned();
                self.unusable.push((place, why));
                continue;
            }
            match whole(&path, &place, standing) {
                Err(why) => self.unusable.push((place, why)),
                Ok(whole) => {
                    let known = |other: &Whole| other.info.name == whole.info.name;
                    if !self.skills.iter().any(known) {
                        self.skills.push(whole);
                    }
                }
            }
        }
    }
}

fn whole(path: &Path, place: &str, standing: Standing<'_>) -> Result<Whole, String> {
    let dir = SkillDir::read(path)?;
    let skill = dir.skill()?;
    let hash = dir.hash();
    Ok(Whole {
        info: SkillInfo {
            standing: standing(&skill.name, &hash),
            name: skill.name,
            description: skill.description,
            place: place.to_owned(),
            hash,
            files: dir.others(),
        },
        body: skill.body,
        dir,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            std::fs::create_dir(place.project()).unwrap();
            place
        }

        fn project(&self) -> PathBuf {
            self.0.path().join("project")
        }

        fn skills(&self) -> Skills {
            Skills::of(&self.0.path().join("data"))
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }

        fn skill(&self, dir: &str, name: &str, body: &str) {
            let text = format!("---\nname: {name}\ndescription: Does {name}.\n---\n{body}\n");
            self.write(&format!("{dir}/SKILL.md"), &text);
        }

        fn survey(&self) -> SkillSurvey {
            self.skills().survey(Some(&self.project()))
        }

        fn standing(&self) -> Vec<(String, SkillStanding)> {
            let skills = self.survey().skills.into_iter();
            skills.map(|skill| (skill.name, skill.standing)).collect()
        }

        fn read(&self, name: &str, file: Option<&str>) -> SkillFile {
            self.skills().file(Some(&self.project()), name, file)
        }
    }

    fn known(names: &[&str]) -> SkillFile {
        SkillFile::NoSkill {
            known: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_skill_of_a_project_is_not_used_until_somebody_agrees_to_exactly_its_bytes() {
        let place = Place::new();
        place.skill("project/.claude/skills/tidy", "tidy", "Tidy up.");
        place.write("project/.claude/skills/tidy/form.md", "A form.");
        assert_eq!(place.standing(), [("tidy".to_owned(), SkillStanding::New)]);
        assert_eq!(place.read("tidy", None), known(&[]));

        let found = place.survey().skills;
        place
            .skills()
            .agree(&place.project(), &found, Time::EPOCH)
            .unwrap();
        assert_eq!(
            place.standing(),
            [("tidy".to_owned(), SkillStanding::Agreed)]
        );
        let files = vec!["form.md".to_owned()];
        let text = "Tidy up.".to_owned();
        assert_eq!(place.read("tidy", None), SkillFile::Text { text, files });
        let SkillFile::Text { text, .. } = place.read("tidy", Some("form.md")) else {
            unreachable!("it is there");
        };
        assert_eq!(text, "A form.");

        place.write("project/.claude/skills/tidy/form.md", "Another form.");
        assert_eq!(
            place.standing(),
            [("tidy".to_owned(), SkillStanding::Changed)]
        );
        assert_eq!(place.read("tidy", None), known(&[]));

        place.write("project/.claude/skills/tidy/form.md", "A form.");
        place.skills().withdraw(&place.project(), &found).unwrap();
        assert_eq!(place.standing(), [("tidy".to_owned(), SkillStanding::New)]);
    }

    #[test]
    fn the_users_own_need_no_agreement_and_go_before_those_of_a_project() {
        let place = Place::new();
        place.skill("data/skills/tidy", "tidy", "My way.");
        place.skill("project/.agents/skills/tidy", "tidy", "Their way.");
        place.skill("project/.agents/skills/other", "other", "Theirs.");
        assert_eq!(
            place.standing(),
            [
                ("tidy".to_owned(), SkillStanding::Own),
                ("other".to_owned(), SkillStanding::New)
            ]
        );
        assert!(
            matches!(place.read("tidy", None), SkillFile::Text { text, .. } if text == "My way.")
        );
        assert_eq!(place.read("other", None), known(&["tidy"]));
    }

    #[test]
    fn what_was_agreed_to_and_cannot_be_read_agrees_to_nothing() {
        let place = Place::new();
        place.skill("project/.agents/skills/tidy", "tidy", "Tidy up.");
        let found = place.survey().skills;
        place
            .skills()
            .agree(&place.project(), &found, Time::EPOCH)
            .unwrap();
        place.write("data/agreed-skills.json", "{\"skills\": [");
        assert_eq!(place.standing(), [("tidy".to_owned(), SkillStanding::New)]);
        let error = place.skills().agree(&place.project(), &found, Time::EPOCH);
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("agreed-skills.json")
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_inside_of_the_project_is_followed_and_one_out_of_it_is_not() {
        use std::os::unix::fs::symlink;
        let place = Place::new();
        place.skill("project/.agents/skills/tidy", "tidy", "Tidy up.");
        place.skill("elsewhere/out", "out", "Out.");
        let claude = place.project().join(".claude/skills");
        std::fs::create_dir_all(&claude).unwrap();
        symlink("../../.agents/skills/tidy", claude.join("tidy")).unwrap();
        symlink("../../../elsewhere/out", claude.join("out")).unwrap();
        let survey = place.survey();
        assert_eq!(survey.skills.len(), 1);
        assert_eq!(
            survey.unusable,
            [(
                ".claude/skills/out".to_owned(),
                "it leads out of the project".to_owned()
            )]
        );
    }

    #[test]
    fn what_is_no_skill_is_named_with_the_reason() {
        let place = Place::new();
        place.write("project/.claude/skills/bad/SKILL.md", "no front");
        place.write("project/.claude/skills/notes/README.md", "no skill");
        let survey = place.survey();
        assert_eq!(survey.skills, []);
        assert_eq!(survey.unusable.len(), 1);
        assert!(survey.unusable[0].1.contains("`---`"), "{survey:?}");
    }

    #[test]
    fn without_a_project_there_are_the_users_own() {
        let place = Place::new();
        place.skill("data/skills/tidy", "tidy", "My way.");
        assert_eq!(place.skills().survey(None).skills.len(), 1);
    }
}
