//! What a project brings along for those who work in it: files of instructions, and skills.
//!
//! Both are bytes from strangers. Instructions are shown as material of low rank, and nobody has to
//! agree to that. A skill is offered by name and followed at length, so a project's skill is offered
//! only after its owner has agreed to exactly its bytes ([`Skills::agree`]); without that it is not
//! even named to a model. What is chosen, and how much of it, is in `loom-prompts`.

mod agreed;
mod notes;
mod skill_dir;
mod skills;

pub use agreed::AgreedError;
pub use skills::{SkillInfo, SkillStanding, SkillSurvey, Skills};

pub(crate) use notes::{files_of, read_notes};

use crate::broken::Broken;
use crate::effects::Cx;
use loom_prompts::{ProjectNote, SkillLine};

/// What a prompt is given of the project.
#[derive(Default)]
pub(crate) struct Material {
    pub(crate) notes: Vec<ProjectNote>,
    pub(crate) skills: Vec<SkillLine>,
    /// What of the notes was left out, in words.
    pub(crate) left_out: Vec<String>,
    /// Skills that nobody has agreed to.
    pub(crate) unagreed: usize,
}

/// Reads what the project says about work on these files.
pub(crate) async fn material(files: Vec<String>, cx: &Cx) -> Result<Material, Broken> {
    let mut material = Material::default();
    if cx.shared.project.notes {
        let found = cx
            .files("the project's notes could not be read", move |workspace| {
                Ok(read_notes(workspace, &files))
            })
            .await?;
        (material.notes, material.left_out) = loom_prompts::within(found.unwrap_or_default());
    }
    if cx.shared.project.skills {
        let survey = survey(cx).await?;
        material.unagreed = survey.unagreed();
        material.skills = survey.usable().map(SkillInfo::line).collect();
    }
    Ok(material)
}

/// The skills of the task's own directory, whatever fork an effect works in.
async fn survey(cx: &Cx) -> Result<SkillSurvey, Broken> {
    let skills = cx.shared.skills.clone();
    let root = cx.place.workspace.as_ref().map(|w| w.path().to_owned());
    tokio::task::spawn_blocking(move || skills.survey(root.as_deref()))
        .await
        .map_err(|died| Broken::environment("the skills could not be looked at", &died))
}
