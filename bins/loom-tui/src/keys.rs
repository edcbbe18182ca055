//! Keys as this UI tells them apart, and the moves that many of them mean.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// One key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A character, with shift already in it.
    Char(char),
    /// With control.
    Ctrl(char),
    /// Enter.
    Enter,
    /// Enter with alt or shift, where the terminal tells.
    AltEnter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Tab with shift.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// An arrow or a page key.
    Go(Move),
    /// An arrow up with shift: something is carried along.
    CarryUp,
    /// An arrow down with shift.
    CarryDown,
}

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// One up.
    Up,
    /// One down.
    Down,
    /// One to the left, or out.
    Left,
    /// One to the right, or in.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
}

impl Key {
    /// The key of an event; none for what this UI has no use for.
    pub(crate) fn of(event: KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let with = |modifier| event.modifiers.contains(modifier);
        Some(match event.code {
            KeyCode::Char(c) if with(KeyModifiers::CONTROL) => Self::Ctrl(c.to_ascii_lowercase()),
            // Escape and a letter that come together are one key to a terminal, and mean neither.
            KeyCode::Char(_) if with(KeyModifiers::ALT) => return None,
            KeyCode::Char(c) => Self::Char(c),
            KeyCode::Enter if with(KeyModifiers::ALT) || with(KeyModifiers::SHIFT) => {
                Self::AltEnter
            }
            KeyCode::Enter => Self::Enter,
            KeyCode::Esc => Self::Esc,
            KeyCode::Tab => Self::Tab,
            KeyCode::BackTab => Self::BackTab,
            KeyCode::Backspace => Self::Backspace,
            KeyCode::Delete => Self::Delete,
            KeyCode::Up if with(KeyModifiers::SHIFT) => Self::CarryUp,
            KeyCode::Down if with(KeyModifiers::SHIFT) => Self::CarryDown,
            KeyCode::Up => Self::Go(Move::Up),
            KeyCode::Down => Self::Go(Move::Down),
            KeyCode::Left => Self::Go(Move::Left),
            KeyCode::Right => Self::Go(Move::Right),
            KeyCode::PageUp => Self::Go(Move::PageUp),
            KeyCode::PageDown => Self::Go(Move::PageDown),
            KeyCode::Home => Self::Go(Move::Home),
            KeyCode::End => Self::Go(Move::End),
            _ => return None,
        })
    }

    /// The move that a key means where no text is typed.
    pub(crate) const fn to_move(self) -> Option<Move> {
        Some(match self {
            Self::Go(to) => to,
            Self::Char('k') => Move::Up,
            Self::Char('j') => Move::Down,
            Self::Char('h') => Move::Left,
            Self::Char('l') => Move::Right,
            Self::Char('g') => Move::Home,
            Self::Char('G') => Move::End,
            Self::Char(' ') | Self::Ctrl('f' | 'd') => Move::PageDown,
            Self::Ctrl('b' | 'u') => Move::PageUp,
            _ => return None,
        })
    }
}

impl Move {
    /// The place after a move in a list of `len`, of which `page` fit on the screen.
    pub(crate) fn within(self, at: usize, len: usize, page: usize) -> usize {
        let to = match self {
            Self::Up => at.saturating_sub(1),
            Self::Down => at + 1,
            Self::PageUp => at.saturating_sub(page.max(1)),
            Self::PageDown => at + page.max(1),
            Self::Home => 0,
            Self::End => usize::MAX,
            Self::Left | Self::Right => at,
        };
        to.min(len.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_and_letters_move_alike() {
        let key = |code| Key::of(KeyEvent::new(code, KeyModifiers::NONE)).unwrap();
        for (arrow, letter) in [
            (KeyCode::Up, 'k'),
            (KeyCode::Down, 'j'),
            (KeyCode::Left, 'h'),
            (KeyCode::Right, 'l'),
        ] {
            assert_eq!(key(arrow).to_move(), key(KeyCode::Char(letter)).to_move());
        }
        assert_eq!(key(KeyCode::Char('y')).to_move(), None);
    }

    #[test]
    fn no_move_leaves_a_list() {
        for len in [0, 1, 5] {
            for to in [
                Move::Up,
                Move::Down,
                Move::PageUp,
                Move::PageDown,
                Move::Home,
                Move::End,
            ] {
                for at in 0..len.max(1) {
                    assert!(to.within(at, len, 3) < len.max(1), "{to:?} {at} of {len}");
                }
            }
        }
    }
}
