//! The models that a command uses, and the line that says which and why.

use crate::cli::ModelChoice;
use crate::context::Context;
use crate::fault::Fault;
use crate::ui::{Tone, clean, count};
use loom_engine::Config;
use loom_events::Role;
use loom_router::{Discovered, Usable};
use loomd::setup::models as setup;

pub(crate) use setup::{Asked, Facts, HOW_TO_START, Known, Model, place_sentence};

/// The models that are to be used.
pub(crate) struct Models(setup::Models);

/// The models that are to be used.
pub(crate) async fn choose(
    config: &Config,
    choice: &ModelChoice,
    context: &Context,
) -> Result<Models, Fault> {
    let facts = facts(context).await;
    let chosen = setup::choose(config, &meant(choice), &context.here.env, &facts).await;
    chosen.map(Models).map_err(Fault::setup)
}

/// Every model that a command could use, with what is known of it; nothing is refused here.
pub(crate) async fn survey(
    config: &Config,
    choice: &ModelChoice,
    context: &Context,
    facts: &Facts,
) -> Result<(Vec<Asked>, Vec<Discovered>), Fault> {
    let asked = setup::survey(config, &meant(choice), &context.here.env, facts).await;
    asked.map_err(Fault::setup)
}

/// What probes have found out.
pub(crate) async fn facts(context: &Context) -> Facts {
    match context.reader() {
        Ok(reader) => Facts::load(reader.as_ref()).await,
        Err(_) => {
            tracing::warn!("what probes found out cannot be read, since the journal cannot");
            Facts::default()
        }
    }
}

fn meant(choice: &ModelChoice) -> setup::Choice {
    setup::Choice {
        server: choice.server.clone(),
        model: choice.model.clone(),
    }
}

impl Models {
    /// Each with what is known of it.
    pub(crate) fn usable(self) -> Vec<Usable> {
        self.0.usable()
    }

    /// Says in one line which models are used and why these, and what ought to be known of them.
    pub(crate) fn announce(&self, context: &Context) {
        context.ui.note(Tone::Dim, &self.sentence());
        for model in &self.0.models {
            for note in &model.notes {
                let text = format!("{}: {note}", model.entry.name);
                context.ui.labelled("note", &text);
            }
        }
    }

    fn sentence(&self) -> String {
        let used: Vec<_> = self.0.models.iter().map(in_use).collect();
        format!("using {}; {}", used.join(", "), self.0.why)
    }
}

/// A model with its roles, and what its first call will meet.
fn in_use(model: &Model) -> String {
    let entry = &model.entry;
    let roles = if entry.roles.len() == Role::ALL.len() {
        "everything".to_owned()
    } else {
        let names: Vec<_> = entry.roles.iter().map(|role| role.name()).collect();
        names.join("+")
    };
    let mut about: Vec<_> = model
        .known
        .server
        .iter()
        .map(|server| clean(server))
        .collect();
    if let Some(window) = model.window() {
        about.push(format!("window {}", count(u64::from(window))));
    }
    if model.known.loaded == Some(false) {
        about.push("loaded by the first call".to_owned());
    }
    let about = match about.is_empty() {
        true => String::new(),
        false => format!(" ({})", about.join(", ")),
    };
    format!("{} for {roles}{about}", clean(&entry.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_router::{Capabilities, ModelEntry};

    fn model(name: &str, roles: &[Role]) -> Model {
        let entry = ModelEntry {
            roles: roles.to_vec(),
            ..ModelEntry::new(name, "http://h/v1")
        };
        Model::new(entry, Capabilities::default())
    }

    #[test]
    fn one_line_says_which_models_are_used_and_why() {
        let mut small = model("qwen3:8b", &[Role::Executor, Role::Extractor]);
        small.known.loaded = Some(false);
        small.known.server = Some("Ollama 0.12.3".into());
        let mut all = model("big", &Role::ALL);
        all.entry.context_length = Some(32768);
        let models = Models(setup::Models {
            models: vec![small, all],
            why: "found on the usual ports",
        });
        assert_eq!(
            models.sentence(),
            "using qwen3:8b for executor+extractor (Ollama 0.12.3, loaded by the first call), big for everything (window 32,768); found on the usual ports"
        );
    }
}
