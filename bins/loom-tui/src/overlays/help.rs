//! All keys of a place, made from the table of actions.

use crate::actions::BINDINGS;
use crate::look::Tone;
use crate::model::Place;
use crate::pager::Pager;
use crate::text::fit;

/// The keys of a place.
pub(crate) fn help(place: Place) -> Pager {
    let row = |key: &str, words: &str| (Tone::Plain, format!("{}  {words}", fit(key, 16)));
    let mut lines = vec![
        (Tone::Strong, "here".to_owned()),
        row("arrows, hjkl", "move; l or Enter goes in, h or Esc back"),
        row("PgUp PgDn g G", "by pages, to the beginning, to the end"),
        row("mouse", "selects, a second click opens, the wheel scrolls"),
    ];
    for binding in BINDINGS.iter().filter(|binding| binding.is_for(place)) {
        lines.push(row(binding.key, binding.help));
    }
    lines.push((Tone::Plain, String::new()));
    lines.push((Tone::Strong, "marks".to_owned()));
    lines.push(row("○ ● ◐", "waits, runs, is verified"));
    lines.push(row("✓ ✗ × -", "completed, failed, cancelled, left out"));
    lines.push(row("? ! ‖", "waits for you, is blocked, is paused"));
    lines.push((Tone::Plain, String::new()));
    lines.push((Tone::Strong, "where text is typed".to_owned()));
    lines.push(row("Ctrl-J", "a new line (or Alt-Enter)"));
    lines.push(row("Ctrl-A E U K W", "as in a shell"));
    lines.push(row("Ctrl-Z", "suspend; Ctrl-C quits"));
    Pager::new(lines)
}
