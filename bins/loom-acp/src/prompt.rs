//! What a prompt says: the goal of a task, and what was given with it.

use agent_client_protocol::v1::schema::{
    ContentBlock, EmbeddedResource, EmbeddedResourceResource, ResourceLink,
};
use std::path::Path;

/// What the human said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// The words, with what they name.
    pub(crate) goal: String,
    /// What was given with them; data of lower rank.
    pub(crate) context: Option<String>,
}

impl Said {
    /// Both, for a task that runs: an instruction has no context beside it.
    pub(crate) fn whole(&self) -> String {
        match &self.context {
            None => self.goal.clone(),
            Some(context) => format!("{}\n\n{context}", self.goal),
        }
    }
}

/// Reads a prompt; the error is a sentence for the human.
pub(crate) fn said(blocks: Vec<ContentBlock>, cwd: &Path) -> Result<Said, String> {
    let mut goal = String::new();
    let mut context = Vec::new();
    for block in blocks {
        match block {
            ContentBlock::Text(text) => goal += &text.text,
            ContentBlock::ResourceLink(ResourceLink { uri, .. }) => goal += &mention(&uri, cwd),
            ContentBlock::Resource(EmbeddedResource { resource, .. }) => match resource {
                EmbeddedResourceResource::TextResourceContents(file) => {
                    let name = mention(&file.uri, cwd);
                    context.push(format!("{name}:\n{}", file.text));
                    goal += &name;
                }
                EmbeddedResourceResource::BlobResourceContents(file) => {
                    goal += &mention(&file.uri, cwd);
                }
                _ => return Err(unreadable("this kind of resource")),
            },
            ContentBlock::Image(_) => return Err(unreadable("an image")),
            ContentBlock::Audio(_) => return Err(unreadable("sound")),
            _ => return Err(unreadable("this kind of content")),
        }
    }
    match goal.trim() {
        "" => Err("the prompt is empty: say in a sentence what is to be done".to_owned()),
        goal => Ok(Said {
            goal: goal.to_owned(),
            context: (!context.is_empty()).then(|| context.join("\n\n")),
        }),
    }
}

fn unreadable(what: &str) -> String {
    format!("Loom cannot read {what}: put it into a file of the directory and name that")
}

/// A file as the models know it: relative to the directory when it is in there.
fn mention(uri: &str, cwd: &Path) -> String {
    let Some(path) = uri.strip_prefix("file://") else {
        return format!("`{uri}`");
    };
    let path = decoded(path);
    let path = Path::new(&path);
    let name = path.strip_prefix(cwd).unwrap_or(path);
    format!("`{}`", name.display())
}

/// Without percent signs; what is no encoding stays as it is.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        (bytes, rest) = match hex {
            Some(byte) => {
                bytes.push(byte);
                (bytes, after.get(2..).unwrap_or_default())
            }
            None => {
                bytes.push(first);
                (bytes, after)
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_client_protocol::v1::schema::{ImageContent, TextContent, TextResourceContents};

    fn text(text: &str) -> ContentBlock {
        ContentBlock::Text(TextContent::new(text))
    }

    #[test]
    fn files_are_named_in_the_goal_and_their_text_is_beside_it() {
        let file = TextResourceContents::new("fn main() {}", "file:///work/src/a%20b.rs");
        let resource = EmbeddedResourceResource::TextResourceContents(file);
        let blocks = vec![
            text("Mend "),
            ContentBlock::Resource(EmbeddedResource::new(resource)),
            text(" as in "),
            ContentBlock::ResourceLink(ResourceLink::new("b", "file:///other/b.rs")),
        ];
        let said = said(blocks, Path::new("/work")).unwrap();
        assert_eq!(said.goal, "Mend `src/a b.rs` as in `/other/b.rs`");
        assert_eq!(said.context.as_deref(), Some("`src/a b.rs`:\nfn main() {}"));
        assert!(said.whole().ends_with("fn main() {}"));
    }

    #[test]
    fn what_cannot_be_read_and_what_says_nothing_is_refused() {
        let image = ContentBlock::Image(ImageContent::new("aaaa", "image/png"));
        for blocks in [vec![], vec![text(" \n")], vec![text("see"), image]] {
            assert!(said(blocks, Path::new("/work")).is_err());
        }
    }

    #[test]
    fn what_is_no_encoding_stays() {
        assert_eq!(decoded("/a%2Fb%zz%c3%bc%4"), "/a/b%zzü%4");
    }
}
