//! What is known of the model families: how they call, think and want their history. Data, so that
//! neither the parser nor a provider has a branch for a model's name.

use serde::{Deserialize, Serialize};

/// The form in which a family writes its calls.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// `<tool_call>` with JSON: Hermes, Qwen 2.5 and 3, `QwQ`, Granite 4.
    Hermes,
    /// `<function=…>` with tagged parameters: Qwen3-Coder, Qwen 3.5 and later, Nemotron 3.
    Qwen3Coder,
    /// `<invoke name=…>` in `<minimax:tool_call>`.
    MiniMax,
    /// `<arg_key>` and `<arg_value>`.
    Glm,
    /// `<｜tool▁calls▁begin｜>`, later DSML.
    DeepSeek,
    /// `<|tool_calls_section_begin|>`.
    Kimi,
    /// A bare object with `parameters`, or a python list of calls.
    Llama,
    /// `[TOOL_CALLS]`.
    Mistral,
    /// Harmony channels.
    GptOss,
    /// `tool_code`, later `<|tool_call>call:…`.
    Gemma,
    /// `<|tool_call|>` with a JSON array.
    Granite,
    /// `functools[…]`.
    Phi,
    /// `<|START_ACTION|>`.
    Command,
    /// `<TOOLCALL>`.
    Nemotron,
    /// `<seed:tool_call>`.
    Seed,
    /// `<|tool_call_start|>` with a python list.
    Lfm,
    /// `<function_calls>` with python lines.
    Olmo,
    /// `<|action_start|>`.
    InternLm,
    /// Nothing is known: every form is tried.
    #[default]
    Unknown,
}

/// How a family is told whether to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingSwitch {
    /// It does not think.
    None,
    /// It thinks, whatever it is told.
    Always,
    /// An argument of the chat template, such as `enable_thinking`.
    Template(TemplateArgument),
    /// `reasoning_effort`: low, medium or high; it cannot be off.
    Effort,
    /// The words `/think` and `/no_think` in the conversation.
    Words,
    /// A number of tokens, `thinking_budget`; 0 is off.
    Budget,
}

/// The name of a chat template's switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateArgument {
    /// Qwen, GLM, Gemma and most others.
    EnableThinking,
    /// DeepSeek and Granite.
    Thinking,
}

impl TemplateArgument {
    /// The name as the template knows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EnableThinking => "enable_thinking",
            Self::Thinking => "thinking",
        }
    }
}

/// Which thoughts go back to the model with its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeps {
    /// None: they were for the answer that they led to.
    Nothing,
    /// Those of every answer after the last message of the user; dropping them costs the family
    /// much of its skill.
    SinceUser,
    /// Those of answers with calls, always: the vendor's server refuses a history without them.
    WithCalls,
}

/// The form that ids of calls must have in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdForm {
    /// Any text.
    Any,
    /// Exactly nine letters and digits.
    NineAlphanumerics,
    /// `functions.NAME:N`, where N counts the calls of the whole conversation.
    Numbered,
}

/// What is known of a model from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// How it writes its calls.
    pub family: Family,
    /// How it is told whether to think.
    pub thinking: ThinkingSwitch,
    /// Whether its template opens the thoughts itself, so that only their end is seen.
    pub opens_thought: bool,
    /// Which thoughts its history needs.
    pub keeps: Keeps,
    /// The form of its ids.
    pub ids: IdForm,
    /// Whether its template refuses two messages of one role in a row, and a user after a tool.
    pub alternates: bool,
}

impl Traits {
    /// What is assumed of a model that nobody knows: the common switch is offered, which templates
    /// without it ignore, and no thoughts go back.
    pub const UNKNOWN: Self = Self {
        family: Family::Unknown,
        thinking: ThinkingSwitch::Template(TemplateArgument::EnableThinking),
        opens_thought: false,
        keeps: Keeps::Nothing,
        ids: IdForm::Any,
        alternates: false,
    };

    /// What is known of the model with this id, such as `qwen3:8b` or `mlx-community/MiniMax-M2-8bit`.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let id = id.to_lowercase();
        let row = TABLE
            .iter()
            .find(|(words, _)| words.split(' ').all(|word| id.contains(word)));
        row.map_or(Self::UNKNOWN, |(_, traits)| *traits)
    }

    /// What is known of a model of which only the family is known: what its newer members have in
    /// common, with thoughts left alone where some of them have none.
    #[must_use]
    pub fn of_family(family: Family) -> Self {
        let id = match family {
            Family::Hermes => "hermes",
            Family::Qwen3Coder => "qwen3-coder",
            Family::MiniMax => "minimax",
            Family::Glm => "glm",
            Family::DeepSeek => "deepseek",
            Family::Kimi => "kimi",
            Family::Llama => "llama",
            Family::Mistral => "mistral",
            Family::GptOss => "gpt-oss",
            Family::Gemma => "gemma",
            Family::Granite => "granite",
            Family::Phi => "phi-4",
            Family::Command => "command",
            Family::Nemotron => "nemotron",
            Family::Seed => "seed-oss",
            Family::Lfm => "lfm2",
            Family::Olmo => "olmo",
            Family::InternLm => "internlm",
            Family::Unknown => return Self::UNKNOWN,
        };
        Self::of(id)
    }

    const fn family(family: Family) -> Self {
        Self {
            family,
            thinking: ThinkingSwitch::None,
            ..Self::UNKNOWN
        }
    }

    const fn thinks(self, thinking: ThinkingSwitch) -> Self {
        Self { thinking, ..self }
    }

    const fn opens(self) -> Self {
        Self {
            opens_thought: true,
            ..self
        }
    }

    const fn keeps(self, keeps: Keeps) -> Self {
        Self { keeps, ..self }
    }

    const fn ids(self, ids: IdForm) -> Self {
        Self { ids, ..self }
    }

    const fn alternates(self) -> Self {
        Self {
            alternates: true,
            ..self
        }
    }
}

const SWITCH: ThinkingSwitch = ThinkingSwitch::Template(TemplateArgument::EnableThinking);
const THINKING: ThinkingSwitch = ThinkingSwitch::Template(TemplateArgument::Thinking);
const HERMES: Traits = Traits::family(Family::Hermes);
const CODER: Traits = Traits::family(Family::Qwen3Coder);
const DEEPSEEK: Traits = Traits::family(Family::DeepSeek);
const KIMI: Traits = Traits::family(Family::Kimi).ids(IdForm::Numbered);
const MISTRAL: Traits = Traits::family(Family::Mistral)
    .ids(IdForm::NineAlphanumerics)
    .alternates();
const GRANITE: Traits = Traits::family(Family::Granite);

/// Words of a model's id, all of which must be there, and what they say. The first match counts, so
/// the more exact rows come first.
const TABLE: &[(&str, Traits)] = &[
    ("qwen3-coder", CODER),
    ("qwen3.5", CODER.thinks(SWITCH).keeps(Keeps::SinceUser)),
    ("qwen3.6", CODER.thinks(SWITCH).keeps(Keeps::SinceUser)),
    (
        "qwen3 thinking-2507",
        HERMES
            .thinks(ThinkingSwitch::Always)
            .opens()
            .keeps(Keeps::SinceUser),
    ),
    ("qwen3 instruct-2507", HERMES),
    ("qwen3 coder", CODER),
    ("qwen3", HERMES.thinks(SWITCH).keeps(Keeps::SinceUser)),
    (
        "qwq",
        HERMES
            .thinks(ThinkingSwitch::Always)
            .opens()
            .keeps(Keeps::SinceUser),
    ),
    ("qwen2", HERMES),
    (
        "deepseek r1 distill",
        DEEPSEEK.thinks(ThinkingSwitch::Always).opens(),
    ),
    ("hermes", HERMES),
    (
        "minimax",
        Traits::family(Family::MiniMax)
            .thinks(ThinkingSwitch::Always)
            .opens()
            .keeps(Keeps::SinceUser),
    ),
    (
        "glm",
        Traits::family(Family::Glm)
            .thinks(SWITCH)
            .keeps(Keeps::SinceUser),
    ),
    (
        "deepseek r1",
        DEEPSEEK.thinks(ThinkingSwitch::Always).opens(),
    ),
    ("deepseek v3.1", DEEPSEEK.thinks(THINKING)),
    (
        "deepseek v3.2",
        DEEPSEEK.thinks(THINKING).keeps(Keeps::SinceUser),
    ),
    (
        "deepseek v4",
        DEEPSEEK.thinks(THINKING).keeps(Keeps::SinceUser),
    ),
    ("deepseek", DEEPSEEK),
    (
        "kimi thinking",
        KIMI.thinks(ThinkingSwitch::Always).keeps(Keeps::WithCalls),
    ),
    ("kimi k2.", KIMI.thinks(THINKING).keeps(Keeps::WithCalls)),
    ("kimi", KIMI),
    (
        "gpt-oss",
        Traits::family(Family::GptOss)
            .thinks(ThinkingSwitch::Effort)
            .keeps(Keeps::SinceUser),
    ),
    ("magistral", MISTRAL.thinks(ThinkingSwitch::Always)),
    (
        "ministral reasoning",
        MISTRAL.thinks(ThinkingSwitch::Always),
    ),
    ("mistral", MISTRAL),
    ("mixtral", MISTRAL),
    ("ministral", MISTRAL),
    ("devstral", MISTRAL),
    ("codestral", MISTRAL),
    ("gemma-4", Traits::family(Family::Gemma).thinks(SWITCH)),
    ("gemma4", Traits::family(Family::Gemma).thinks(SWITCH)),
    ("gemma", Traits::family(Family::Gemma)),
    ("nemotron-3", CODER.thinks(SWITCH)),
    (
        "nemotron",
        Traits::family(Family::Nemotron).thinks(ThinkingSwitch::Words),
    ),
    ("granite-4", HERMES.thinks(THINKING)),
    ("granite4", HERMES.thinks(THINKING)),
    ("granite", GRANITE.thinks(THINKING)),
    ("phi-4", Traits::family(Family::Phi)),
    ("phi4", Traits::family(Family::Phi)),
    ("command", Traits::family(Family::Command)),
    ("c4ai", Traits::family(Family::Command)),
    (
        "seed-oss",
        Traits::family(Family::Seed).thinks(ThinkingSwitch::Budget),
    ),
    ("lfm2", Traits::family(Family::Lfm)),
    ("olmo", Traits::family(Family::Olmo)),
    ("internlm", Traits::family(Family::InternLm)),
    ("llama", Traits::family(Family::Llama)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_name_and_the_more_exact_row_counts() {
        let table = [
            ("qwen3:8b", Family::Hermes, SWITCH),
            (
                "Qwen/Qwen3-Coder-30B-A3B-Instruct",
                Family::Qwen3Coder,
                ThinkingSwitch::None,
            ),
            (
                "qwen3-4b-instruct-2507-q4_k_m",
                Family::Hermes,
                ThinkingSwitch::None,
            ),
            (
                "mlx-community/MiniMax-M2.1-8bit",
                Family::MiniMax,
                ThinkingSwitch::Always,
            ),
            ("zai-org/GLM-4.7", Family::Glm, SWITCH),
            ("deepseek-ai/DeepSeek-V3.2", Family::DeepSeek, THINKING),
            ("gpt-oss:120b", Family::GptOss, ThinkingSwitch::Effort),
            (
                "mistralai/Devstral-2-123B",
                Family::Mistral,
                ThinkingSwitch::None,
            ),
            ("llama3.3:70b", Family::Llama, ThinkingSwitch::None),
        ];
        for (id, family, thinking) in table {
            let traits = Traits::of(id);
            assert_eq!((traits.family, traits.thinking), (family, thinking), "{id}");
        }
        assert_eq!(Traits::of("loom-tiny"), Traits::UNKNOWN);
    }
}
