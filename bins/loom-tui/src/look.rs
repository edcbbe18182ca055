//! Colours and characters: what a tone looks like, and how a finished picture is brought down to
//! what the terminal can show. The page for users is in `docs/tui.md`.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

/// What the terminal can show, and what its user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether there are colours; `NO_COLOR` says none.
    pub colour: bool,
    /// Whether the background is light.
    pub light: bool,
    /// Whether characters beyond ASCII come out right.
    pub unicode: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            colour: true,
            light: false,
            unicode: true,
        }
    }
}

impl Look {
    /// From what the environment says; `var` reads a variable.
    #[must_use]
    pub fn detect(var: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| var(name).filter(|value| !value.is_empty());
        let locale = set("LC_ALL")
            .or_else(|| set("LC_CTYPE"))
            .or_else(|| set("LANG"));
        let locale = locale.unwrap_or_default().to_lowercase().replace('-', "");
        let term = set("TERM").unwrap_or_default();
        // `foreground;background`, of which 7 and 15 are the whites.
        let background =
            set("COLORFGBG").and_then(|pair| pair.rsplit(';').next()?.parse::<u8>().ok());
        Self {
            colour: set("NO_COLOR").is_none()
                && !matches!(term.as_str(), "dumb" | "vt100" | "vt220"),
            light: matches!(background, Some(7 | 15)),
            unicode: locale.contains("utf8") && term != "linux",
        }
    }

    /// How a tone is drawn.
    pub(crate) fn style(self, tone: Tone) -> Style {
        let plain = Style::new();
        match tone {
            Tone::Plain => plain,
            Tone::Strong => plain.add_modifier(Modifier::BOLD),
            Tone::Dim => plain.add_modifier(Modifier::DIM),
            Tone::Good => plain.fg(Color::Green),
            Tone::Bad => plain.fg(Color::Red),
            // Yellow cannot be read on white, and cyan hardly.
            Tone::Caught if self.light => plain.fg(Color::Magenta),
            Tone::Caught => plain.fg(Color::Yellow),
            Tone::Hint if self.light => plain.fg(Color::Blue),
            Tone::Hint => plain.fg(Color::Cyan),
            Tone::Keyword if self.light => plain.fg(Color::Blue),
            Tone::Keyword => plain.fg(Color::LightBlue),
            Tone::Literal => plain.fg(Color::Magenta),
        }
    }

    /// Brings a picture down to what can be shown.
    pub(crate) fn finish(self, buffer: &mut Buffer) {
        if self.colour && self.unicode {
            return;
        }
        for cell in &mut buffer.content {
            if !self.colour {
                cell.fg = Color::Reset;
                cell.bg = Color::Reset;
            }
            if !self.unicode && !cell.symbol().is_ascii() {
                let plain = ascii(cell.symbol());
                cell.set_char(plain);
            }
        }
    }
}

/// What a piece of text means; the colour follows from it. Nothing is said by it alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Ordinary text.
    #[default]
    Plain,
    /// A heading, or what is in front.
    Strong,
    /// Secondary.
    Dim,
    /// It passed; it was added.
    Good,
    /// It failed; it was removed.
    Bad,
    /// A mistake that was caught, or something to look at.
    Caught,
    /// What to do next.
    Hint,
    /// A word of a programming language.
    Keyword,
    /// A text or a number in code.
    Literal,
}

/// The nearest character that every terminal has.
fn ascii(symbol: &str) -> char {
    match symbol.chars().next() {
        Some('✓') => '+',
        Some('✗' | '×') => 'x',
        Some('●' | '▸' | '▶' | '›' | '→' | '⏎') => '>',
        Some('‹') => '<',
        Some('◐' | '◆') => '*',
        Some('○' | '·' | '░' | '•') => '.',
        Some('█' | '▌') => '#',
        Some('─' | '━' | '–' | '—' | '−') => '-',
        Some('│' | '┃' | '┆' | '▏') => '|',
        Some('┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '╭' | '╮' | '╰' | '╯') => {
            '+'
        }
        Some('‖') => '=',
        Some('…') => '~',
        Some('↑') => '^',
        Some('↓') => 'v',
        Some('“' | '”') => '"',
        Some('‘' | '’') => '\'',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    fn detect(pairs: &[(&str, &str)]) -> Look {
        Look::detect(|name| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_says_what_can_be_shown() {
        let all = Look::default();
        let utf8 = ("LANG", "en_US.UTF-8");
        for (pairs, look) in [
            (vec![utf8], all),
            (
                vec![("LANG", "C")],
                Look {
                    unicode: false,
                    ..all
                },
            ),
            (
                vec![utf8, ("LC_ALL", "POSIX")],
                Look {
                    unicode: false,
                    ..all
                },
            ),
            (
                vec![utf8, ("NO_COLOR", "1")],
                Look {
                    colour: false,
                    ..all
                },
            ),
            (vec![utf8, ("NO_COLOR", "")], all),
            (
                vec![utf8, ("COLORFGBG", "0;15")],
                Look { light: true, ..all },
            ),
            (vec![utf8, ("COLORFGBG", "15;default;0")], all),
            (
                vec![utf8, ("TERM", "vt100")],
                Look {
                    colour: false,
                    ..all
                },
            ),
        ] {
            assert_eq!(detect(&pairs), look, "{pairs:?}");
        }
    }

    #[test]
    fn a_picture_without_colours_keeps_its_weight_and_one_in_ascii_its_meaning() {
        let look = Look {
            colour: false,
            light: false,
            unicode: false,
        };
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        let style = look.style(Tone::Good).add_modifier(Modifier::BOLD);
        buffer.set_string(0, 0, "✓ a…日", style);
        look.finish(&mut buffer);
        let shown: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert_eq!(shown, "+ a~?   ");
        assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset));
        assert!(buffer.content[0].modifier.contains(Modifier::BOLD));
    }
}
