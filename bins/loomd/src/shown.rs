//! [`Shown`]: what the API says, without secrets. Everything that leaves goes through it once, so a new
//! route or field is covered without anybody thinking of it; what must stay as it is stands in a list.
//!
//! The journal keeps plans, calls and the caller's own data exact, since they are acted on (decision
//! 0017). Whoever reads them here has no need of a secret in them, and may be an agent whose model
//! learns whatever it is shown (decision 0023).

use loom_events::Record;
use loom_redact::{Redactor, first_new_mark};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Names and contents of the user's own files. A client sends a path back, and a patch is applied.
const EXACT: [&str; 6] = [
    "path",
    "new_path",
    "old_path",
    "paths",
    "patch",
    "workspace",
];

/// Whatever is below these is somebody's words, whatever its members are called.
const WORDS: [&str; 2] = ["arguments", "metadata"];

/// Texts of records that are kept: all who follow a task are sent the same ones at about the same time.
const KEPT: usize = 512;

/// A longer text is made again for each reader, so that what is kept has a bound.
const MAX_KEPT: usize = 32 * 1024;

/// Says things without secrets.
pub(crate) struct Shown {
    redactor: Arc<Redactor>,
    records: Mutex<Records>,
}

/// The last records that were shown.
#[derive(Default)]
struct Records {
    texts: HashMap<u64, Arc<str>>,
    order: VecDeque<u64>,
}

impl Shown {
    pub(crate) fn new(redactor: Arc<Redactor>) -> Self {
        Self {
            redactor,
            records: Mutex::default(),
        }
    }

    /// The JSON of a word of the wire.
    pub(crate) fn json(&self, word: &impl Serialize) -> serde_json::Result<Vec<u8>> {
        let mut value = serde_json::to_value(word)?;
        redact(&self.redactor, &mut value, true);
        serde_json::to_vec(&value)
    }

    /// The same as text.
    pub(crate) fn text(&self, word: &impl Serialize) -> serde_json::Result<String> {
        let mut value = serde_json::to_value(word)?;
        redact(&self.redactor, &mut value, true);
        serde_json::to_string(&value)
    }

    /// A sentence.
    pub(crate) fn sentence(&self, mut text: String) -> String {
        self.redactor.string(&mut text);
        text
    }

    /// Whether something is what is shown of another thing.
    pub(crate) fn is_shown<T: Serialize>(&self, shown: &T, of: &T) -> bool {
        let shown = serde_json::to_string(shown).ok();
        shown.is_some() && shown == self.text(of).ok()
    }

    /// The first mark of something that stands for a secret of what it is to replace.
    pub(crate) fn new_mark<T: Serialize>(&self, new: &T, old: &T) -> Option<String> {
        let (new, old) = (
            serde_json::to_string(new).ok()?,
            serde_json::to_string(old).ok()?,
        );
        first_new_mark(&old, &new).map(str::to_owned)
    }

    /// The JSON of a record. It is made once for all who are sent it.
    pub(crate) fn record(&self, record: &Record) -> serde_json::Result<Arc<str>> {
        if let Some(text) = self.records().texts.get(&record.id) {
            return Ok(Arc::clone(text));
        }
        let text: Arc<str> = self.text(record)?.into();
        if text.len() <= MAX_KEPT {
            self.records().keep(record.id, Arc::clone(&text));
        }
        Ok(text)
    }

    fn records(&self) -> std::sync::MutexGuard<'_, Records> {
        // Nothing panics while it is held.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn keep(&mut self, id: u64, text: Arc<str>) {
        if self.texts.insert(id, text).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.texts.remove(&oldest);
        }
    }
}

/// Leaves secrets out of a value. `exact` says whether names mean what they mean on the wire.
fn redact(redactor: &Redactor, value: &mut Value, exact: bool) {
    match value {
        Value::String(text) => redactor.string(text),
        Value::Array(items) => {
            for item in items {
                redact(redactor, item, exact);
            }
        }
        Value::Object(members) if exact && is_question(members) => question(redactor, members),
        Value::Object(members) => {
            for (name, member) in members {
                self::member(redactor, name, member, exact);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn member(redactor: &Redactor, name: &str, member: &mut Value, exact: bool) {
    if exact && EXACT.contains(&name) && !member.is_object() {
        return;
    }
    match member {
        Value::String(text) => redactor.member(name, text),
        other => redact(redactor, other, exact && !WORDS.contains(&name)),
    }
}

/// Whether it is what a human is asked.
fn is_question(members: &Map<String, Value>) -> bool {
    members.contains_key("action") && members.get("subject").is_some_and(Value::is_object)
}

/// What somebody agrees to is seen as it was journaled: known values are not in it, and a pattern must
/// not hide a part of it, since a model could make one up.
fn question(redactor: &Redactor, members: &mut Map<String, Value>) {
    for (name, member) in members {
        match (name.as_str(), member) {
            ("action" | "choices" | "default", agreed) => known(redactor, agreed),
            (name, other) => self::member(redactor, name, other, true),
        }
    }
}

/// Leaves out values that are known.
fn known(redactor: &Redactor, value: &mut Value) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(redacted) = redactor.known(text) {
                *text = redacted;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| known(redactor, item)),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_redact::Secret;
    use serde_json::json;

    // In two pieces, so that nobody takes this file for a leak.
    const TOKEN: &str = concat!("gh", "p_16C7e42F292c6912E7710c838347Ae178B4a");
    const KNOWN: &str = "k3Yk3Yk3Y-41";

    fn shown(word: Value) -> Value {
        let redactor = Redactor::new([Secret::new("HOUSE_KEY", KNOWN)]);
        let shown = Shown::new(Arc::new(redactor));
        serde_json::from_slice(&shown.json(&word).unwrap()).unwrap()
    }

    #[test]
    fn calls_and_plans_lose_their_secrets_and_files_stay_what_they_are() {
        let word = json!({
            "call": {"name": "write_file", "arguments": {"path": TOKEN, "content": KNOWN}},
            "checks": [{"kind": "command", "command": format!("curl -H 'x: {TOKEN}'")}],
            "change": {"path": format!("{KNOWN}.txt"), "paths": [KNOWN]},
            "patch": format!("+{TOKEN}\n"),
            "metadata": {"path": KNOWN, "password": "q8Zr2vTn5xWb7LmK"},
            "n": 7,
        });
        let redacted = json!({
            "call": {"name": "write_file", "arguments": {
                "path": "[redacted: github-token]", "content": "[redacted: HOUSE_KEY]",
            }},
            "checks": [{"kind": "command", "command": "curl -H 'x: [redacted: github-token]'"}],
            "change": {"path": format!("{KNOWN}.txt"), "paths": [KNOWN]},
            "patch": format!("+{TOKEN}\n"),
            "metadata": {"path": "[redacted: HOUSE_KEY]", "password": "[redacted: secret]"},
            "n": 7,
        });
        assert_eq!(shown(word), redacted);
    }

    #[test]
    fn of_what_somebody_is_to_agree_to_only_known_values_are_left_out() {
        let action = format!("deploy --token {TOKEN} && rm -r / # {KNOWN}");
        let word = json!({"question": {
            "subject": {"kind": "call"}, "action": action, "choices": [TOKEN, KNOWN],
            "reason": format!("because of {TOKEN}"),
        }});
        let seen = format!("deploy --token {TOKEN} && rm -r / # [redacted: HOUSE_KEY]");
        let redacted = json!({"question": {
            "subject": {"kind": "call"}, "action": seen, "choices": [TOKEN, "[redacted: HOUSE_KEY]"],
            "reason": "because of [redacted: github-token]",
        }});
        assert_eq!(shown(word), redacted);
    }

    #[test]
    fn what_looks_like_a_question_in_the_words_of_a_model_is_none() {
        let fake = json!({"action": TOKEN, "subject": {}});
        let shown = shown(json!({"arguments": {"x": fake}}));
        assert_eq!(
            shown["arguments"]["x"]["action"],
            "[redacted: github-token]"
        );
    }

    #[test]
    fn no_more_texts_are_kept_than_there_is_room_for() {
        let mut records = Records::default();
        for id in 0..2_000 {
            records.keep(id, "x".into());
            records.keep(id, "x".into());
        }
        assert_eq!((records.texts.len(), records.order.len()), (KEPT, KEPT));
        assert!(records.texts.contains_key(&1_999) && !records.texts.contains_key(&0));
    }
}
