//! Colours: default foreground, dim for what is secondary, green and red for verdicts, yellow for
//! what was caught, cyan for what to do. Nothing is said by colour alone.

/// What a piece of text means; the colour follows from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Ordinary text.
    #[default]
    Plain,
    /// A heading.
    Strong,
    /// Secondary.
    Dim,
    /// It passed.
    Good,
    /// It failed.
    Bad,
    /// A mistake that was caught, or something to look at.
    Caught,
    /// What to do next.
    Hint,
}

/// Whether and how text is coloured on one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    colour: bool,
}

impl Style {
    /// No colours.
    pub(crate) const PLAIN: Self = Self { colour: false };

    /// Colours on a terminal that can show them, unless the user wants none.
    pub(crate) const fn detect(terminal: bool, no_colour: bool, dumb: bool) -> Self {
        Self {
            colour: terminal && !no_colour && !dumb,
        }
    }

    /// The text in the colour of its meaning.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            _ if !self.colour => return text.to_owned(),
            Tone::Strong => "1",
            Tone::Dim => "2",
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Caught => "33",
            Tone::Hint => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A patch, its lines coloured as people know it from git.
    pub(crate) fn patch(self, patch: &str) -> String {
        if !self.colour {
            return patch.to_owned();
        }
        let mut text = String::with_capacity(patch.len() + patch.len() / 4);
        for line in patch.lines() {
            let tone = match line.as_bytes() {
                [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => Tone::Strong,
                [b'd', b'i', b'f', b'f', ..] => Tone::Strong,
                [b'+', ..] => Tone::Good,
                [b'-', ..] => Tone::Bad,
                [b'@', b'@', ..] => Tone::Hint,
                _ => Tone::Plain,
            };
            text.push_str(&self.paint(tone, &super::clean(line)));
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_need_a_terminal_and_nobody_who_objects() {
        let colour = Style::detect(true, false, false);
        assert_eq!(colour.paint(Tone::Good, "ok"), "\x1b[32mok\x1b[0m");
        for style in [
            Style::detect(false, false, false),
            Style::detect(true, true, false),
            Style::detect(true, false, true),
        ] {
            assert_eq!(style.paint(Tone::Good, "ok"), "ok");
            assert_eq!(style.patch("+a\n"), "+a\n");
        }
    }

    #[test]
    fn a_patch_on_a_terminal_cannot_move_the_cursor() {
        let style = Style::detect(true, false, false);
        assert!(!style.patch("+a\x1b[2Jb\n").contains("\x1b[2J"));
    }
}
