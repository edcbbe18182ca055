//! What Ollama says of its models in its own protocol. Pure.

use super::FoundModel;
use super::recognise::{Answer, found, number, parameters, text};
use crate::{Calls, Capabilities, Thinking};
use loom_dialect::{ThinkingSwitch, Traits};
use serde_json::Value;

/// Models that are asked about one by one: what a person keeps. Of a larger collection the rest is
/// known by its list.
pub(super) const MAX_SHOWN: usize = 24;

/// The models of `GET /api/tags`, with what `GET /api/ps` says is loaded.
pub(super) fn models(tags: Option<&Answer>, loaded: Option<&Answer>) -> Vec<FoundModel> {
    let list = |answer: Option<&Answer>| {
        let json = answer.and_then(Answer::json);
        let models = json.and_then(|json| json.get("models")?.as_array().cloned());
        models.unwrap_or_default()
    };
    let loaded = list(loaded);
    let model = |model: &Value| {
        let id = text(model, "/model").or_else(|| text(model, "/name"));
        let same =
            |other: &&Value| other["model"] == model["model"] && other["name"] == model["name"];
        let running = loaded.iter().find(same);
        let capabilities = Capabilities {
            server: Some("Ollama".into()),
            window: running.and_then(|running| number(running, "/context_length")),
            loaded: Some(running.is_some()),
            parameters: text(model, "/details/parameter_size").and_then(|size| parameters(&size)),
            swaps: true,
            ..Capabilities::default()
        };
        found(id, capabilities)
    };
    list(tags).iter().filter_map(model).collect()
}

/// Adds what `POST /api/show` says of each, in the same order, and drops what cannot talk.
pub(super) fn learn(models: &mut Vec<FoundModel>, shown: &[Option<Answer>]) {
    let mut shown = shown.iter();
    models.retain_mut(|model| {
        let json = shown.next().and_then(|answer| answer.as_ref()?.json());
        json.is_none_or(|json| one(model, &json))
    });
}

/// False when the model cannot talk.
fn one(model: &mut FoundModel, shown: &Value) -> bool {
    let known = &mut model.capabilities;
    if let Some(info) = shown["model_info"].as_object() {
        let architecture = info.get("general.architecture").and_then(Value::as_str);
        let window = architecture.and_then(|name| info.get(&format!("{name}.context_length")));
        known.trained_window = window.and_then(|window| window.as_u64()?.try_into().ok());
        let exact = info.get("general.parameter_count").and_then(Value::as_u64);
        known.parameters = exact.or(known.parameters);
    }
    let Some(can) = shown["capabilities"].as_array() else {
        return true;
    };
    let can = |what: &str| can.iter().any(|one| one == what);
    known.calls = if can("tools") {
        Calls::Structured
    } else {
        Calls::None
    };
    known.thinking = match (can("thinking"), Traits::of(&model.id).thinking) {
        (false, _) => Thinking::None,
        (true, ThinkingSwitch::Always | ThinkingSwitch::Effort) => Thinking::Always,
        (true, _) => Thinking::Switchable,
    };
    can("completion")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn says(body: &Value) -> Answer {
        Answer {
            status: 200,
            body: body.to_string().into_bytes(),
            ..Answer::default()
        }
    }

    #[test]
    fn its_models_are_joined_from_three_answers_and_what_cannot_talk_is_left_out() {
        let model = |name: &str, size: &str| json!({"name": name, "model": name, "details": {"parameter_size": size}});
        let tags = says(
            &json!({"models": [model("qwen3:8b", "8.2B"), model("gemma3:4b", "4.3B"), model("words", "137M")]}),
        );
        let loaded = says(
            &json!({"models": [{"name": "qwen3:8b", "model": "qwen3:8b", "context_length": 4096}]}),
        );
        let mut models = models(Some(&tags), Some(&loaded));
        let shown = [
            Some(says(
                &json!({"capabilities": ["completion", "tools", "thinking"], "model_info":
                {"general.architecture": "qwen3", "qwen3.context_length": 40960, "general.parameter_count": 8_190_735_360_u64}}),
            )),
            None,
            Some(says(&json!({"capabilities": ["embedding"]}))),
        ];
        learn(&mut models, &shown);
        assert_eq!(models.len(), 2);
        let first = &models[0].capabilities;
        assert_eq!(
            (first.window, first.trained_window),
            (Some(4096), Some(40960))
        );
        assert_eq!(
            (first.calls, first.thinking),
            (Calls::Structured, Thinking::Switchable)
        );
        assert_eq!(first.parameters, Some(8_190_735_360));
        let second = &models[1].capabilities;
        assert_eq!(
            (second.loaded, second.calls, second.parameters),
            (Some(false), Calls::Unknown, Some(4_300_000_000))
        );
    }
}
