//! What each server tells of itself and of its model, without asking the model anything.

use super::OpenAiCompatible;
use crate::size::parameters;
use crate::{CallError, Calls, Capabilities, ListedModel, Provider, Thinking};
use loom_dialect::{Family, Traits};
use serde_json::Value;

impl OpenAiCompatible {
    /// Of a server that has nothing but a list.
    pub(super) async fn describe_by_list(&self) -> Result<Capabilities, CallError> {
        let listed = self.list().await?;
        let model = self.own(listed);
        Ok(Capabilities {
            window: model.as_ref().and_then(|model| model.context_length),
            parameters: model.as_ref().and_then(|model| model.parameters),
            ..self.known(model.as_ref().map(|model| model.id.as_str()))
        })
    }

    /// From `/props`. In router mode those are the model's own only once it is loaded: asking for them
    /// before would load it, and push another one out.
    pub(super) async fn describe_llama_cpp(&self) -> Result<Capabilities, CallError> {
        let mut props: Value = self.http.get(self.http.root_url("props")).await?;
        let lists: Value = self.http.get(self.http.url("models")).await?;
        let lines = lists.get("data").and_then(Value::as_array);
        let line = lines.and_then(|lines| lines.iter().find(|line| self.is_own(line)));
        let line = line.or_else(|| lines?.first());
        let status = line.and_then(|line| text(line, "/status/value"));
        let loaded = status.is_none_or(|status| status == "loaded");
        let routes = text(&props, "/role") == Some("router");
        if routes
            && loaded
            && let Some(id) = &self.http.place.id
        {
            let url = format!("{}?model={}", self.http.root_url("props"), escaped(id));
            props = self.http.get(url).await?;
        }
        let meta = |name: &str| number(line?, &format!("/meta/{name}"));
        let window = number(&props, "/default_generation_settings/n_ctx").or_else(|| meta("n_ctx"));
        let id = line.and_then(|line| text(line, "/id"));
        let template = text(&props, "/chat_template");
        Ok(Capabilities {
            server: text(&props, "/build_info").map(|build| format!("llama-server {build}")),
            window: window.and_then(window_of),
            trained_window: meta("n_ctx_train")
                .or_else(|| number(line?, "/context_length"))
                .and_then(window_of),
            slots: number(&props, "/total_slots").and_then(window_of),
            loaded: Some(loaded),
            parameters: meta("n_params"),
            calls: template.map_or(Calls::Unknown, |template| {
                calls_by(template, props.get("chat_template_caps"))
            }),
            thinking: template.map_or(Thinking::Unknown, thinking_by),
            schema: Some(true),
            forced_calls: Some(true),
            counts_tokens: true,
            picks_slot: true,
            swaps: routes,
            ..self.known(id)
        })
    }

    /// From the newer of its two lists, else from the older one.
    pub(super) async fn describe_lm_studio(&self) -> Result<Capabilities, CallError> {
        let newer: Result<Value, _> = self.http.get(self.http.root_url("api/v1/models")).await;
        let (list, at, is_newer) = match newer {
            Ok(list) if list.get("models").is_some() => (list, "models", true),
            _ => {
                let url = self.http.root_url("api/v0/models");
                (self.http.get(url).await?, "data", false)
            }
        };
        let line = list.get(at).and_then(Value::as_array);
        let Some(line) = line.and_then(|lines| lines.iter().find(|line| self.is_own(line))) else {
            return self.describe_by_list().await;
        };
        let uses_tools = if is_newer {
            line.pointer("/capabilities/trained_for_tool_use") == Some(&Value::Bool(true))
        } else {
            let list = line.get("capabilities").and_then(Value::as_array);
            list.is_some_and(|list| list.iter().any(|item| item == "tool_use"))
        };
        let (window, loaded) = if is_newer {
            let instance = line.pointer("/loaded_instances/0");
            let window = instance.and_then(|instance| number(instance, "/config/context_length"));
            (window, instance.is_some())
        } else {
            let loaded = text(line, "/state") == Some("loaded");
            (number(line, "/loaded_context_length"), loaded)
        };
        Ok(Capabilities {
            server: Some("LM Studio".into()),
            window: window.and_then(window_of),
            trained_window: number(line, "/max_context_length").and_then(window_of),
            loaded: Some(loaded),
            parameters: text(line, "/params_string").and_then(parameters),
            calls: if uses_tools {
                Calls::Structured
            } else {
                Calls::Unknown
            },
            schema: Some(true),
            swaps: true,
            ..self.known(self.http.place.id.as_deref())
        })
    }

    /// From its list, and its version where it has the path.
    pub(super) async fn describe_vllm(&self) -> Result<Capabilities, CallError> {
        let by_list = self.describe_by_list().await?;
        let version: Result<Value, _> = self.http.get(self.http.root_url("version")).await;
        let version = version.ok();
        let version = version
            .as_ref()
            .and_then(|version| text(version, "/version"));
        Ok(Capabilities {
            server: Some(
                version.map_or_else(|| "vLLM".to_owned(), |version| format!("vLLM {version}")),
            ),
            loaded: Some(true),
            schema: Some(true),
            counts_tokens: true,
            ..by_list
        })
    }

    /// What the model's name says; the list's where the entry has none.
    fn known(&self, listed: Option<&str>) -> Capabilities {
        let mut traits = self.http.settings.traits;
        if traits.family == Family::Unknown
            && let Some(id) = listed
        {
            traits = Traits::of(id);
        }
        Capabilities {
            family: Some(traits.family).filter(|family| *family != Family::Unknown),
            ..Capabilities::default()
        }
    }

    fn own(&self, listed: Vec<ListedModel>) -> Option<ListedModel> {
        match &self.http.place.id {
            Some(id) => listed.into_iter().find(|model| model.id == *id),
            None => listed.into_iter().next(),
        }
    }

    /// Whether a line of a list is about the model of the entry.
    fn is_own(&self, line: &Value) -> bool {
        let names = ["/id", "/key"].map(|name| text(line, name));
        let instance = text(line, "/loaded_instances/0/id");
        match &self.http.place.id {
            Some(id) => names.contains(&Some(id)) || instance == Some(id),
            None => true,
        }
    }
}

/// A template that never mentions tools leaves them out without a word.
fn calls_by(template: &str, caps: Option<&Value>) -> Calls {
    let supports = caps.and_then(|caps| caps.get("supports_tools")?.as_bool());
    match supports.unwrap_or_else(|| template.contains("tools")) {
        true => Calls::Structured,
        false => Calls::InText,
    }
}

fn thinking_by(template: &str) -> Thinking {
    let switches = ["enable_thinking", "thinking_budget", "reasoning_effort"];
    if switches.iter().any(|switch| template.contains(switch)) {
        Thinking::Switchable
    } else if template.contains("<think>") || template.contains("[THINK]") {
        Thinking::Always
    } else {
        Thinking::None
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

fn number(value: &Value, pointer: &str) -> Option<u64> {
    value
        .pointer(pointer)?
        .as_u64()
        .filter(|number| *number > 0)
}

fn window_of(tokens: u64) -> Option<u32> {
    u32::try_from(tokens).ok()
}

/// An id as part of a query.
fn escaped(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
    id.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_tells_whether_the_model_calls_and_thinks() {
        let qwen = "{% if tools %}…{% if enable_thinking %}<think>";
        assert_eq!(calls_by(qwen, None), Calls::Structured);
        assert_eq!(thinking_by(qwen), Thinking::Switchable);
        assert_eq!(calls_by("{{ messages }}", None), Calls::InText);
        assert_eq!(thinking_by("{{ messages }}"), Thinking::None);
        assert_eq!(thinking_by("<think>\n"), Thinking::Always);
        let caps = serde_json::json!({"supports_tools": false});
        assert_eq!(calls_by(qwen, Some(&caps)), Calls::InText);
    }

    #[test]
    fn an_id_in_a_query_stays_one_value() {
        assert_eq!(escaped("a/b:c&d e"), "a/b:c%26d%20e");
    }
}
