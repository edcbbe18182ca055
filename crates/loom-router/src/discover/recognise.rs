//! What kind of server gave these answers, and what they say of its models. Pure.

use super::{Absent, FoundModel};
use crate::{Calls, Capabilities, ProviderKind};
use serde_json::Value;

/// What `mlx_lm.server` calls the model that it was started with.
const MLX_DEFAULT: &str = "default_model";

/// One answer of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The `Server` header.
    pub(super) server: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body, when the server meant it and it is JSON.
    pub(super) fn json(&self) -> Option<Value> {
        (self.status == 200)
            .then(|| serde_json::from_slice(&self.body).ok())
            .flatten()
    }

    fn is_python_http_server(&self) -> bool {
        let server = self.server.as_deref();
        server.is_some_and(|server| server.starts_with("BaseHTTP/"))
    }
}

/// What a place answered to each question; `None` where it gave no answer at all.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// `GET /v1/models`.
    pub(super) list: Answer,
    /// `GET /props`, which llama-server has.
    pub(super) props: Option<Answer>,
    /// `GET /api/version`, which Ollama has.
    pub(super) version: Option<Answer>,
    /// `GET /api/v1/models`, or the older `/api/v0/models`, which LM Studio has.
    pub(super) lm_studio: Option<Answer>,
    /// `GET /version`, which vLLM has.
    pub(super) vllm: Option<Answer>,
}

/// What a server is and has.
#[derive(Debug, PartialEq)]
pub(super) struct Identity {
    pub(super) kind: ProviderKind,
    pub(super) server: Option<String>,
    pub(super) models: Vec<FoundModel>,
}

/// Whether the answer to `GET /v1/models` is that of a model server.
pub(super) fn is_model_server(list: &Answer) -> Result<(), Absent> {
    match list.status {
        401 | 403 => return Err(Absent::NeedsKey),
        503 if String::from_utf8_lossy(&list.body).contains("oading model") => {
            return Err(Absent::Loading);
        }
        200 => {}
        301..=308 => return Err(Absent::SomethingElse("it sends elsewhere".into())),
        status => {
            return Err(Absent::SomethingElse(format!(
                "it has no list of models (status {status})"
            )));
        }
    }
    // MLX without a model cache says nothing, successfully.
    if list.body.is_empty() && list.is_python_http_server() {
        return Ok(());
    }
    match list.json().as_ref().and_then(listed) {
        Some(_) => Ok(()),
        None => Err(Absent::SomethingElse(
            "its list of models is none".to_owned(),
        )),
    }
}

/// The models of an OpenAI-style list.
fn listed(list: &Value) -> Option<Vec<Value>> {
    match list.get("data").unwrap_or(list) {
        Value::Array(models) => Some(models.clone()),
        Value::Null if list.get("object")?.is_string() => Some(Vec::new()),
        _ => None,
    }
}

/// What the server is. The more particular answers are looked at first: every one of these servers
/// has the OpenAI-style list, too.
pub(super) fn recognise(answers: &Answers) -> Identity {
    let json = |answer: &Option<Answer>| answer.as_ref().and_then(Answer::json);
    let list = answers.list.json().as_ref().and_then(listed);
    let list = list.unwrap_or_default();
    if let Some(props) = json(&answers.props).filter(is_props) {
        return llama_server(&props, &list);
    }
    let version = |answer| text(&json(answer)?, "/version");
    if let Some(version) = version(&answers.version) {
        return Identity {
            kind: ProviderKind::Ollama,
            server: Some(format!("Ollama {version}")),
            models: Vec::new(),
        };
    }
    if let Some(models) = json(&answers.lm_studio).and_then(|models| lm_studio(&models)) {
        return Identity {
            kind: ProviderKind::LmStudio,
            server: Some("LM Studio".into()),
            models,
        };
    }
    let (kind, server) = if list.iter().any(|model| model["owned_by"] == "vllm") {
        let version = version(&answers.vllm);
        let server = version.map_or_else(|| "vLLM".into(), |version| format!("vLLM {version}"));
        (ProviderKind::Vllm, Some(server))
    } else if answers.list.is_python_http_server() {
        (ProviderKind::Mlx, Some("mlx_lm.server".into()))
    } else {
        (ProviderKind::OpenaiCompatible, None)
    };
    let model = |model: &Value| {
        let capabilities = Capabilities {
            server: server.clone(),
            // Its own list has only what it serves; the list of others may be longer.
            loaded: (kind == ProviderKind::Vllm).then_some(true),
            ..plain(model)
        };
        found(text(model, "/id"), capabilities)
    };
    let mut models: Vec<_> = list.iter().filter_map(model).collect();
    if kind == ProviderKind::Mlx {
        // A listed id that is not the one in memory makes it load that one.
        for model in &mut models {
            model.capabilities.swaps = true;
        }
        if models.is_empty() {
            models.extend(found(Some(MLX_DEFAULT.into()), Capabilities::default()));
        }
    }
    Identity {
        models,
        kind,
        server,
    }
}

fn is_props(props: &Value) -> bool {
    props["default_generation_settings"].is_object() || props["role"] == "router"
}

fn llama_server(props: &Value, list: &[Value]) -> Identity {
    let server = match text(props, "/build_info") {
        Some(build) => format!("llama-server {build}"),
        None => "llama-server".to_owned(),
    };
    let router = props["role"] == "router";
    let calls = match props["chat_template_caps"]["supports_tool_calls"].as_bool() {
        Some(true) => Calls::Structured,
        _ => Calls::Unknown,
    };
    let model = |model: &Value| {
        let plain = plain(model);
        let loaded = match text(model, "/status/value") {
            Some(state) => state == "loaded",
            None => true,
        };
        let capabilities = Capabilities {
            server: Some(server.clone()),
            window: number(props, "/default_generation_settings/n_ctx").or(plain.window),
            trained_window: number(model, "/meta/n_ctx_train"),
            slots: number(props, "/total_slots"),
            loaded: Some(loaded),
            calls,
            schema: Some(true),
            forced_calls: Some(true),
            counts_tokens: true,
            picks_slot: true,
            swaps: router,
            ..plain
        };
        found(text(model, "/id"), capabilities)
    };
    Identity {
        kind: ProviderKind::LlamaCpp,
        models: list.iter().filter_map(model).collect(),
        server: Some(server),
    }
}

/// The list of LM Studio, of today's form or of the older one; `None` when it is neither.
fn lm_studio(list: &Value) -> Option<Vec<FoundModel>> {
    if let Some(models) = list.get("models").and_then(Value::as_array) {
        let talks = |model: &&Value| model["type"] == "llm";
        return Some(models.iter().filter(talks).filter_map(current).collect());
    }
    let models = list.get("data")?.as_array()?;
    // Every list has `data`; only this one says whether a model is loaded.
    if !models.iter().all(|model| model["state"].is_string()) {
        return None;
    }
    let talks = |model: &&Value| model["type"] == "llm" || model["type"] == "vlm";
    Some(models.iter().filter(talks).filter_map(older).collect())
}

fn current(model: &Value) -> Option<FoundModel> {
    let loaded = model.pointer("/loaded_instances/0");
    let capabilities = Capabilities {
        server: Some("LM Studio".into()),
        window: loaded.and_then(|one| number(one, "/config/context_length")),
        trained_window: number(model, "/max_context_length"),
        slots: loaded.and_then(|one| number(one, "/config/parallel")),
        loaded: Some(loaded.is_some()),
        parameters: text(model, "/params_string").and_then(|size| parameters(&size)),
        swaps: true,
        ..Capabilities::default()
    };
    let instance = loaded.and_then(|one| text(one, "/id"));
    found(instance.or_else(|| text(model, "/key")), capabilities)
}

fn older(model: &Value) -> Option<FoundModel> {
    let capabilities = Capabilities {
        server: Some("LM Studio".into()),
        window: number(model, "/loaded_context_length"),
        trained_window: number(model, "/max_context_length"),
        loaded: Some(model["state"] == "loaded"),
        swaps: true,
        ..Capabilities::default()
    };
    found(text(model, "/id"), capabilities)
}

/// What an OpenAI-style list says beyond the id, under the names that servers use.
fn plain(model: &Value) -> Capabilities {
    let window = ["/max_model_len", "/context_length", "/meta/n_ctx"];
    Capabilities {
        window: window.into_iter().find_map(|path| number(model, path)),
        parameters: number::<u64>(model, "/meta/n_params"),
        ..Capabilities::default()
    }
}

pub(super) fn found(id: Option<String>, capabilities: Capabilities) -> Option<FoundModel> {
    Some(FoundModel {
        id: id.filter(|id| !id.is_empty())?,
        capabilities,
    })
}

/// A number of parameters such as `8.2B`, `360M` or `8x7B`.
pub(super) fn parameters(size: &str) -> Option<u64> {
    super::entries::parameters_of(&size.trim().to_lowercase())
}

pub(super) fn text(value: &Value, path: &str) -> Option<String> {
    Some(value.pointer(path)?.as_str()?.to_owned())
}

/// A number above zero: servers say zero for what they do not know.
pub(super) fn number<N: TryFrom<u64>>(value: &Value, path: &str) -> Option<N> {
    let number = value.pointer(path)?.as_u64().filter(|number| *number > 0)?;
    N::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn says(body: &Value) -> Answer {
        Answer {
            status: 200,
            server: None,
            body: body.to_string().into_bytes(),
        }
    }

    fn raw(status: u16, body: &str) -> Answer {
        Answer {
            status,
            server: None,
            body: body.into(),
        }
    }

    fn one_model() -> Value {
        json!({"object": "list", "data": [{"id": "m", "meta": {"n_params": 8_000_000_000_u64, "n_ctx_train": 40960, "n_ctx": 4096}}]})
    }

    #[test]
    fn a_web_site_is_no_model_server_whatever_it_says() {
        for (status, body) in [
            (200, "<html>hello</html>"),
            (200, ""),
            (200, "{}"),
            (200, "[1, 2"),
            (404, r#"{"error":"not found"}"#),
            (302, ""),
            (500, "oops"),
            (200, r#"{"data":{"user":"me"}}"#),
        ] {
            let said = is_model_server(&raw(status, body));
            assert!(
                matches!(said, Err(Absent::SomethingElse(_))),
                "{status} {body}"
            );
        }
        assert_eq!(is_model_server(&raw(401, "")), Err(Absent::NeedsKey));
        let loading =
            r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#;
        assert_eq!(is_model_server(&raw(503, loading)), Err(Absent::Loading));
        assert_eq!(
            is_model_server(&raw(200, r#"{"object":"list","data":null}"#)),
            Ok(())
        );
    }

    #[test]
    fn llama_server_tells_what_one_slot_has() {
        let identity = recognise(&Answers {
            list: says(&one_model()),
            props: Some(says(&json!({
                "default_generation_settings": {"n_ctx": 4096}, "total_slots": 2,
                "build_info": "b11669", "chat_template_caps": {"supports_tool_calls": true},
            }))),
            ..Answers::default()
        });
        assert_eq!(identity.kind, ProviderKind::LlamaCpp);
        let known = &identity.models[0].capabilities;
        assert_eq!(known.server.as_deref(), Some("llama-server b11669"));
        assert_eq!(
            (known.window, known.trained_window, known.slots),
            (Some(4096), Some(40960), Some(2))
        );
        assert_eq!(
            (known.loaded, known.swaps, known.calls),
            (Some(true), false, Calls::Structured)
        );
    }

    #[test]
    fn a_llama_server_of_several_models_swaps_them() {
        let model = |id: &str, state: &str| json!({"id": id, "status": {"value": state}, "context_length": 8192});
        let identity = recognise(&Answers {
            list: says(&json!({"data": [model("a", "loaded"), model("b", "unloaded")]})),
            props: Some(says(
                &json!({"role": "router", "default_generation_settings": {"n_ctx": 0}}),
            )),
            ..Answers::default()
        });
        let known: Vec<_> = identity
            .models
            .iter()
            .map(|model| {
                (
                    model.capabilities.loaded,
                    model.capabilities.swaps,
                    model.capabilities.window,
                )
            })
            .collect();
        assert_eq!(
            known,
            [
                (Some(true), true, Some(8192)),
                (Some(false), true, Some(8192))
            ]
        );
    }

    #[test]
    fn lm_studio_tells_what_is_loaded_in_both_forms_of_its_list() {
        let current = json!({"models": [
            {"type": "llm", "key": "qwen/qwen3-8b", "params_string": "8B", "max_context_length": 40960,
             "loaded_instances": [{"id": "qwen/qwen3-8b", "config": {"context_length": 4096}}]},
            {"type": "llm", "key": "google/gemma-3-4b", "params_string": "4B", "max_context_length": 131072, "loaded_instances": []},
            {"type": "embedding", "key": "nomic", "loaded_instances": []},
        ]});
        let older = json!({"object": "list", "data": [
            {"id": "qwen/qwen3-8b", "type": "llm", "state": "loaded", "max_context_length": 40960, "loaded_context_length": 4096},
            {"id": "google/gemma-3-4b", "type": "vlm", "state": "not-loaded", "max_context_length": 131072},
            {"id": "nomic", "type": "embeddings", "state": "not-loaded"},
        ]});
        for list in [current, older] {
            let identity = recognise(&Answers {
                list: says(&one_model()),
                lm_studio: Some(says(&list)),
                ..Answers::default()
            });
            assert_eq!(identity.kind, ProviderKind::LmStudio);
            let known: Vec<_> = identity
                .models
                .iter()
                .map(|model| {
                    (
                        model.id.as_str(),
                        model.capabilities.loaded,
                        model.capabilities.window,
                    )
                })
                .collect();
            assert_eq!(
                known,
                [
                    ("qwen/qwen3-8b", Some(true), Some(4096)),
                    ("google/gemma-3-4b", Some(false), None),
                ]
            );
        }
    }

    #[test]
    fn vllm_is_known_by_its_list_and_mlx_by_its_header() {
        let vllm = recognise(&Answers {
            list: says(&json!({"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 32768}]})),
            vllm: Some(says(&json!({"version": "0.11.0"}))),
            ..Answers::default()
        });
        assert_eq!(
            (vllm.kind, vllm.server.as_deref()),
            (ProviderKind::Vllm, Some("vLLM 0.11.0"))
        );
        assert_eq!(vllm.models[0].capabilities.window, Some(32768));

        let mut list = says(&one_model());
        list.server = Some("BaseHTTP/0.6 Python/3.11.7".into());
        let mlx = recognise(&Answers {
            list,
            ..Answers::default()
        });
        assert_eq!(mlx.kind, ProviderKind::Mlx);

        let plain = recognise(&Answers {
            list: says(&one_model()),
            // LM Studio and others answer what they do not know with 200.
            version: Some(says(&json!({"error": "Unexpected endpoint"}))),
            ..Answers::default()
        });
        assert_eq!(plain.kind, ProviderKind::OpenaiCompatible);
    }

    #[test]
    fn ollama_is_known_by_its_version() {
        let identity = recognise(&Answers {
            list: says(&one_model()),
            version: Some(says(&json!({"version": "0.12.3"}))),
            ..Answers::default()
        });
        assert_eq!(identity.kind, ProviderKind::Ollama);
        assert_eq!(identity.server.as_deref(), Some("Ollama 0.12.3"));
    }
}
