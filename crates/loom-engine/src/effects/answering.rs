//! Which model answers under a name, by what its server says. A server that was started anew with
//! another one in it answers on, and nothing else tells.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the models of a task called themselves when they first answered.
#[derive(Clone, Default)]
pub(crate) struct Answering(Arc<Mutex<BTreeMap<String, Known>>>);

struct Known {
    first: String,
    /// Said once: where each answer has another name, the name says nothing.
    told: bool,
}

impl Answering {
    /// What is to be said when the model of an entry goes by another name than at first.
    pub(super) fn heard(&self, entry: &str, reported: Option<&str>) -> Option<String> {
        let reported = reported.map(str::trim).filter(|name| !name.is_empty())?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.entry(entry.to_owned()).or_insert_with(|| Known {
            first: reported.to_owned(),
            told: false,
        });
        if known.told || known.first == reported {
            return None;
        }
        known.told = true;
        Some(format!(
            "the server of model {entry} answers with `{reported}` now, and did with `{}` when the task began",
            known.first
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_model_in_the_middle_is_said_once() {
        let answering = Answering::default();
        assert_eq!(answering.heard("m", None), None);
        assert_eq!(answering.heard("m", Some("a")), None);
        assert_eq!(answering.heard("n", Some("b")), None);
        assert_eq!(answering.heard("m", Some(" ")), None);
        assert_eq!(answering.heard("m", Some("a")), None);
        let said = answering.heard("m", Some("b")).unwrap();
        assert!(said.contains("`b`") && said.contains("`a`"), "{said}");
        assert_eq!(answering.heard("m", Some("c")), None);
    }
}
