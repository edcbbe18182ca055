//! What to do about what was seen: the option of each server, and the parser of each family.

use crate::ProviderKind;
use loom_dialect::Family;

/// Calls came in the text.
pub(super) fn calls_in_text(kind: ProviderKind, family: Family) -> String {
    match kind {
        ProviderKind::LlamaCpp => {
            "start llama-server with `--jinja` and with the model's own template".into()
        }
        ProviderKind::Vllm => match vllm_parser(family) {
            Some(parser) => format!(
                "start vLLM with `--enable-auto-tool-choice --tool-call-parser {parser}`"
            ),
            None => "start vLLM with `--enable-auto-tool-choice` and the `--tool-call-parser` of the model".into(),
        },
        ProviderKind::LmStudio => {
            "LM Studio sets calls apart for models it marks with a hammer; take such a build of the model".into()
        }
        ProviderKind::Ollama => {
            "the model's template in Ollama has no part for tools; pull the model from Ollama's own library, or give it a TEMPLATE that uses `.Tools`".into()
        }
        ProviderKind::Mlx => {
            "mlx_lm.server sets calls apart where the tokenizer names its tool marks; update mlx-lm, or take another conversion of the model".into()
        }
        _ => "look for the server's option that parses tool calls".into(),
    }
}

/// The server refuses tools, or the model makes no calls.
pub(super) fn no_tools(kind: ProviderKind) -> String {
    let server = match kind {
        ProviderKind::LlamaCpp => {
            "start llama-server with `--jinja` and a `--chat-template-file` that knows tools, or "
        }
        ProviderKind::Ollama => "take a model that Ollama's library marks with \"tools\", or ",
        ProviderKind::LmStudio => "take a model that LM Studio marks with a hammer, or ",
        _ => "",
    };
    format!("{server}leave executor out of the `roles` of this model")
}

/// The start of the prompt is lost.
pub(super) const fn cut(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::Ollama => {
            "set `provider = \"ollama\"` and `context_length` for the model: Ollama's own default is small, and its `/v1` cannot change it"
        }
        ProviderKind::LmStudio => {
            "load the model with a larger \"Context Length\" and set the overflow policy to stop"
        }
        ProviderKind::LlamaCpp => {
            "start llama-server with a larger `-c`, without `--context-shift`"
        }
        _ => {
            "serve the model with a larger context, and see whether its template takes a system message"
        }
    }
}

/// The switch for thinking does nothing.
pub(super) const fn stuck_thinking(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::Ollama => "update Ollama, and use it with `provider = \"ollama\"`",
        ProviderKind::LlamaCpp => {
            "start llama-server with `--jinja`; `--reasoning-budget 0` turns thinking off for good"
        }
        ProviderKind::LmStudio => {
            "turn thinking off in the model's settings in LM Studio, or take an instruct build"
        }
        _ => "take an instruct build of the model where speed matters",
    }
}

/// The name of vLLM's parser for a family.
pub(super) const fn vllm_parser(family: Family) -> Option<&'static str> {
    match family {
        Family::Hermes => Some("hermes"),
        Family::Qwen3Coder => Some("qwen3_coder"),
        Family::MiniMax => Some("minimax_m2"),
        Family::Glm => Some("glm45"),
        Family::DeepSeek => Some("deepseek_v31"),
        Family::Kimi => Some("kimi_k2"),
        Family::Llama => Some("llama3_json"),
        Family::Mistral => Some("mistral"),
        Family::GptOss => Some("openai"),
        Family::Gemma => Some("gemma4"),
        Family::Granite => Some("granite"),
        Family::Phi => Some("phi4_mini_json"),
        Family::Seed => Some("seed_oss"),
        Family::Lfm => Some("lfm2"),
        Family::Olmo => Some("olmo3"),
        Family::InternLm => Some("internlm"),
        Family::Command | Family::Nemotron | Family::Unknown => None,
    }
}
