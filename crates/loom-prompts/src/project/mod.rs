//! What a project says about itself: files of instructions, and skills. All of it is data of lower
//! rank than the task. Here is what is chosen and how much of it; who reads the files, and who has
//! agreed to which skill, is elsewhere.

mod notes;
mod skill;

pub use notes::{NOTE_FILES, ProjectNote, note_places, within};
pub use skill::{Skill, SkillError, SkillLine, parse_skill};

pub(crate) use notes::{notes_tokens, notes_view, shrink_notes};
pub(crate) use skill::{shrink_skills, skills_view};
