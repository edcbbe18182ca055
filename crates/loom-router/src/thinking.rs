//! Whether a model is to think, and how it is told so.

use loom_dialect::{ThinkingSwitch, Traits};
use serde::{Deserialize, Serialize};

/// Whether a model thinks before it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingSetting {
    /// As each request says: plans are thought about, work is done.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never, as far as the model can be told.
    Off,
}

/// The answer for one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Switch {
    how: ThinkingSwitch,
    on: bool,
    budget: Option<u32>,
}

impl Switch {
    /// For a model with these traits; `wanted` is what the request says.
    pub(crate) const fn new(
        traits: &Traits,
        setting: ThinkingSetting,
        wanted: bool,
        budget: Option<u32>,
    ) -> Self {
        Self {
            how: traits.thinking,
            on: match setting {
                ThinkingSetting::Auto => wanted,
                ThinkingSetting::On => true,
                ThinkingSetting::Off => false,
            },
            budget,
        }
    }

    /// Whether thoughts are to be expected.
    pub(crate) const fn is_on(&self) -> bool {
        match self.how {
            ThinkingSwitch::None => false,
            ThinkingSwitch::Always | ThinkingSwitch::Effort => true,
            ThinkingSwitch::Template(_) | ThinkingSwitch::Words | ThinkingSwitch::Budget => self.on,
        }
    }

    /// The argument of the chat template.
    pub(crate) const fn template(&self) -> Option<(&'static str, bool)> {
        match self.how {
            ThinkingSwitch::Template(argument) => Some((argument.name(), self.on)),
            _ => None,
        }
    }

    /// The effort, for a family that cannot be told to leave it. High is not asked for: it multiplies
    /// the time on a machine where every token costs.
    pub(crate) const fn effort(&self) -> Option<&'static str> {
        match (self.how, self.on) {
            (ThinkingSwitch::Effort, true) => Some("medium"),
            (ThinkingSwitch::Effort, false) => Some("low"),
            _ => None,
        }
    }

    /// The words for the system message.
    pub(crate) const fn word(&self) -> Option<&'static str> {
        match (self.how, self.on) {
            (ThinkingSwitch::Words, true) => Some("/think"),
            (ThinkingSwitch::Words, false) => Some("/no_think"),
            _ => None,
        }
    }

    /// The tokens, where thinking is switched by their number: 0 is off, -1 leaves it to the model.
    pub(crate) fn tokens(&self) -> Option<i64> {
        (self.how == ThinkingSwitch::Budget).then(|| match (self.on, self.budget) {
            (false, _) => 0,
            (true, Some(budget)) => i64::from(budget),
            (true, None) => -1,
        })
    }

    /// Whether the model can be told at all.
    pub(crate) const fn can_be_told(&self) -> bool {
        !matches!(self.how, ThinkingSwitch::None | ThinkingSwitch::Always)
    }

    /// The switch itself.
    pub(crate) const fn wanted(&self) -> bool {
        self.on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switch(id: &str, setting: ThinkingSetting, wanted: bool) -> Switch {
        Switch::new(&Traits::of(id), setting, wanted, Some(500))
    }

    #[test]
    fn each_family_is_told_in_its_own_way_and_in_no_other() {
        let table = [
            (
                "qwen3:8b",
                (Some(("enable_thinking", false)), None, None, None),
            ),
            ("granite-4", (Some(("thinking", false)), None, None, None)),
            ("gpt-oss:20b", (None, Some("low"), None, None)),
            ("nemotron-nano-9b-v2", (None, None, Some("/no_think"), None)),
            ("seed-oss-36b", (None, None, None, Some(0))),
            ("qwen3-coder", (None, None, None, None)),
            ("minimax-m2", (None, None, None, None)),
        ];
        for (id, expected) in table {
            let off = switch(id, ThinkingSetting::Auto, false);
            let told = (off.template(), off.effort(), off.word(), off.tokens());
            assert_eq!(told, expected, "{id}");
        }
    }

    #[test]
    fn the_setting_overrules_the_request_and_a_model_that_cannot_stop_is_known() {
        assert!(switch("qwen3:8b", ThinkingSetting::On, false).is_on());
        assert!(!switch("qwen3:8b", ThinkingSetting::Off, true).is_on());
        assert!(switch("minimax-m2", ThinkingSetting::Off, false).is_on());
        assert!(!switch("llama3.3", ThinkingSetting::On, true).is_on());
        let seed = switch("seed-oss-36b", ThinkingSetting::On, false);
        assert_eq!(seed.tokens(), Some(500));
    }
}
