//! All tools by name: offers them, checks calls, runs them.

use crate::external::{External, Servers};
use crate::tool::refusal;
use crate::{Call, CallOutcome, ShellSettings, Tool, ToolContext, files, names, shell};
use loom_dialect::{Arguments, nearest, strip};
use loom_events::{Class, Digest, Refusal, ToolSpec};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tools that a model may call.
#[derive(Clone, Default)]
pub struct Registry {
    /// In order of names, which is the order in which they are offered: it never changes within a
    /// run, or the cached prefix of every prompt would be lost.
    tools: BTreeMap<String, Entry>,
}

#[derive(Clone)]
struct Entry {
    tool: Arc<dyn Tool>,
    arguments: Arc<Arguments>,
}

/// Two tools of one name, be it the proper one or another that models use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is a tool named `{0}` already")]
pub struct NameTaken(pub String);

/// A call whose arguments fit.
#[derive(Clone)]
pub struct Checked {
    tool: Arc<dyn Tool>,
    arguments: Value,
}

impl Registry {
    /// The tools that work on the workspace.
    #[must_use]
    pub fn builtin() -> Self {
        let mut registry = Self::default();
        for tool in files::tools().into_iter().chain([shell::tool()]) {
            registry
                .register(tool)
                .expect("BUG: built-in tools have different names");
        }
        registry
    }

    /// Adds a tool.
    ///
    /// # Errors
    /// When the name is taken; which of two tools a model means must never be a guess.
    pub fn register(&mut self, tool: Arc<dyn Tool>) -> Result<(), NameTaken> {
        let spec = tool.spec();
        let name = spec.name.clone();
        for wanted in spec.aliases.iter().chain([&name]) {
            if self.find(wanted).is_some() {
                return Err(NameTaken(wanted.clone()));
            }
        }
        let arguments = Arc::new(Arguments::new(tool.spec()));
        self.tools.insert(name, Entry { tool, arguments });
        Ok(())
    }

    /// The same tools, and of these specifications those that are tools of servers: what an attempt
    /// began with, whatever the servers offer by now.
    #[must_use]
    pub fn with_external(&self, specs: &[ToolSpec], servers: &Arc<Servers>) -> Self {
        let mut registry = self.clone();
        for external in specs.iter().filter_map(|spec| External::new(spec, servers)) {
            // Two of one name cannot be on offer; if they were, the first one would be meant.
            registry.register(Arc::new(external)).ok();
        }
        registry
    }

    /// What is offered to a model, in order of names.
    #[must_use]
    pub fn specs(&self, workspace: bool) -> Vec<ToolSpec> {
        self.tools
            .values()
            .filter(|entry| workspace || !entry.tool.needs_workspace())
            .map(|entry| entry.tool.spec().clone())
            .collect()
    }

    /// Checks a call before anything happens; what is lossless is made to fit.
    ///
    /// # Errors
    /// A refusal that tells the model what was wrong and what to send instead.
    pub fn check(&self, name: &str, arguments: Value) -> Result<Checked, Refusal> {
        let entry = self.find(strip(name)).ok_or_else(|| self.unknown(name))?;
        let arguments = names::proper_parameters(entry.tool.spec(), arguments);
        Ok(Checked {
            arguments: entry.arguments.fit(arguments)?,
            tool: Arc::clone(&entry.tool),
        })
    }

    /// Runs a call.
    pub async fn call(&self, checked: &Checked, cx: &ToolContext<'_>) -> CallOutcome {
        let digest = checked.digest(cx);
        let call = Call {
            context: cx,
            arguments: &checked.arguments,
            digest: &digest,
        };
        if cx.workspace.is_none() && checked.tool.needs_workspace() {
            let message = format!(
                "`{}` needs a workspace and this task has none: answer in text",
                checked.name()
            );
            return refusal("no_workspace", message).into();
        }
        match checked.tool.run(&call).await {
            CallOutcome::Done(mut output) if output.full.is_none() => {
                let mut text = std::mem::take(&mut output.text);
                // Before it is cut: half of a secret is not known for one.
                cx.redactor.string(&mut text);
                let id = self
                    .tools
                    .contains_key(crate::recall::NAME)
                    .then_some(cx.call_id);
                (output.text, output.full) = crate::clip::head_and_tail(text, cx.output_bytes, id);
                output.into()
            }
            other => other,
        }
    }

    /// By its proper name, else by another one that models use for it.
    fn find(&self, name: &str) -> Option<&Entry> {
        let by_alias = || {
            let mut entries = self.tools.values();
            entries.find(|entry| entry.tool.spec().aliases.iter().any(|alias| alias == name))
        };
        self.tools.get(name).or_else(by_alias)
    }

    fn unknown(&self, name: &str) -> Refusal {
        let all = || self.tools.keys().map(String::as_str);
        let nearest = nearest(strip(name), all());
        let hint = nearest.map_or(String::new(), |near| format!(" Did you mean `{near}`?"));
        let list = all().collect::<Vec<_>>().join(", ");
        let name: String = name.chars().take(64).collect();
        refusal(
            "unknown_tool",
            format!("there is no tool `{name}`.{hint} The tools are: {list}"),
        )
    }
}

impl Checked {
    /// The name of the tool.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.tool.spec().name
    }

    /// The arguments as they will be used.
    #[must_use]
    pub const fn arguments(&self) -> &Value {
        &self.arguments
    }

    /// What is to be done when the outcome of this call is lost.
    #[must_use]
    pub fn class(&self, shell: &ShellSettings) -> Class {
        self.tool.class(&self.arguments, shell)
    }

    /// One line for people.
    #[must_use]
    pub fn summary(&self) -> String {
        crate::tool::first_line(&self.tool.summary(&self.arguments))
    }

    /// Names exactly this call: a grant for it covers no other.
    fn digest(&self, cx: &ToolContext<'_>) -> Digest {
        let mut hasher = blake3::Hasher::new();
        let mut part = |bytes: &[u8]| {
            // With its length, so that no two calls run together into the same bytes.
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(self.name().as_bytes());
        part(canonical(&self.arguments).as_bytes());
        let workspace = cx.workspace.map(|workspace| workspace.path());
        part(workspace.map_or(&[], |path| path.as_os_str().as_encoded_bytes()));
        Digest::from_hex(hasher.finalize().to_hex().as_str())
            .expect("BUG: a hash is 64 hexadecimal digits")
    }
}

/// JSON with sorted keys.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, String> = map
                .iter()
                .map(|(key, value)| (key, canonical(value)))
                .collect();
            let members: Vec<String> = sorted
                .iter()
                .map(|(key, value)| format!("{}:{value}", Value::from(key.as_str())))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        scalar => scalar.to_string(),
    }
}
