//! From an input to messages that fit a budget: render, and while it is too long leave out the
//! least important material, recording what.

use crate::prompts::{RenderError, Rendered};
use crate::template::{Section, Template};
use crate::tokens::estimate_tokens;
use loom_events::{Message, PromptPart, Role};
use minijinja::Value;

/// What a role is told. Its template may use the variables of its context and no others.
pub(crate) trait Input: Clone {
    /// The role.
    const ROLE: Role;
    /// Name of the template, and of its file without the extension.
    const NAME: &'static str;
    /// Parts that a template must have.
    const PARTS: &'static [&'static str];
    /// Variables that do not change within a task; only these may be in the system message.
    const STABLE: &'static [&'static str];

    /// Every variable, always.
    fn context(&self) -> Value;
    /// Tokens that the prompt may cost.
    fn budget(&self) -> Option<u64>;
    /// Leaves out about `excess` tokens of the least important material that is left, and says
    /// what; none when all that remains must be said. Called again while it is too long, so each
    /// call must make the input smaller.
    fn shrink(&mut self, excess: u64) -> Option<String>;
    /// The refused answer that the repair section follows.
    fn refused_answer(&self) -> Option<&str> {
        None
    }
    /// A full input and an empty one, for trying out a template.
    fn samples() -> [Self; 2];
}

/// Rounds of shrinking. Every list is cut to size in one or two rounds, and no input has more than
/// six of them; what needs more is a bug in a `shrink`, not a longer prompt.
const MAX_ROUNDS: u32 = 32;

/// Renders an input within its budget.
pub(crate) fn assemble<I: Input>(template: &Template, input: &I) -> Result<Rendered, RenderError> {
    let mut rendered = render(template, input)?;
    let Some(budget) = input.budget() else {
        return Ok(rendered);
    };
    let mut input = input.clone();
    let mut trimmed: Vec<String> = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let needed = total(&rendered);
        if needed <= budget {
            break;
        }
        let Some(what) = input.shrink(needed - budget) else {
            break;
        };
        if trimmed.last() != Some(&what) {
            trimmed.push(what);
        }
        rendered = render(template, &input)?;
    }
    let needed = total(&rendered);
    if needed > budget {
        return Err(RenderError::TooLong {
            role: I::ROLE,
            budget,
            needed,
        });
    }
    rendered.trimmed = trimmed;
    Ok(rendered)
}

fn total(rendered: &Rendered) -> u64 {
    rendered.parts.iter().map(|part| part.tokens).sum()
}

fn render<I: Input>(template: &Template, input: &I) -> Result<Rendered, RenderError> {
    let context = template.context(input);
    let mut parts = Vec::new();
    let mut section = |section| -> Result<String, RenderError> {
        let mut texts = Vec::new();
        for name in template.parts(section) {
            let text =
                template
                    .render_part(name, &context)
                    .map_err(|source| RenderError::Template {
                        template: template.version.clone(),
                        part: name.to_owned(),
                        source,
                    })?;
            if !text.is_empty() {
                parts.push(PromptPart {
                    name: name.to_owned(),
                    tokens: estimate_tokens(&text),
                });
                texts.push(text);
            }
        }
        Ok(texts.join("\n\n"))
    };
    let system = section(Section::System)?;
    let user = section(Section::User)?;
    let mut messages = vec![
        Message::System { text: system },
        Message::User { text: user },
    ];
    if let Some(answer) = input.refused_answer() {
        let repair = section(Section::Repair)?;
        append_repair(&mut messages, answer, repair);
        parts.push(PromptPart {
            name: "refused_answer".to_owned(),
            tokens: estimate_tokens(answer),
        });
    }
    Ok(Rendered {
        messages,
        template: template.version.clone(),
        parts,
        trimmed: Vec::new(),
    })
}

/// The refused answer stays where the model said it, so that the prefix is the cached one. Servers
/// refuse an empty assistant message, so then the repair joins the question.
fn append_repair(messages: &mut Vec<Message>, answer: &str, repair: String) {
    if answer.trim().is_empty() {
        if let Some(Message::User { text }) = messages.last_mut() {
            text.push_str("\n\n");
            text.push_str(&repair);
        }
        return;
    }
    messages.push(Message::Assistant {
        text: answer.to_owned(),
        thought: None,
        calls: Vec::new(),
    });
    messages.push(Message::User { text: repair });
}

/// Removes elements from the end of a list until about `excess` tokens are gone; says how many.
pub(crate) fn drop_last<T>(
    list: &mut Vec<T>,
    excess: u64,
    cost: impl Fn(&T) -> u64,
) -> Option<usize> {
    let before = list.len();
    let mut saved = 0;
    while saved < excess {
        let Some(last) = list.pop() else { break };
        saved += cost(&last).max(1);
    }
    (list.len() < before).then(|| before - list.len())
}

/// A text shorter by about `excess` tokens; none when it is already so short that nothing is gained.
pub(crate) fn shorten(text: &str, excess: u64) -> Option<String> {
    /// The note about the cut costs this much; below it cutting gains nothing.
    const NOTE: u64 = 12;
    let now = estimate_tokens(text);
    if now <= 2 * NOTE {
        return None;
    }
    let keep = now.saturating_sub(excess + NOTE);
    Some(crate::tokens::clip_tokens(text, keep))
}
