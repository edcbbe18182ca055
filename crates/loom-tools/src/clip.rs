//! Long output: the model is shown its head and its tail.

/// Share of the room that goes to the head, in percent: an error summary is mostly at the end.
const HEAD_PERCENT: usize = 40;

/// Room for the line that stands for what was left out.
const MARK_BYTES: usize = 160;

/// The text within `max` bytes, and the whole text when that is not all of it. `id` is that of the
/// call, when the rest can be recalled.
pub(crate) fn head_and_tail(
    text: String,
    max: usize,
    id: Option<&str>,
) -> (String, Option<String>) {
    if text.len() <= max {
        return (text, None);
    }
    let room = max.saturating_sub(MARK_BYTES);
    let head_room = room / 100 * HEAD_PERCENT;
    let head = &text[..text.floor_char_boundary(head_room)];
    let tail_start = text.len() - (room - head_room);
    let tail = &text[text.ceil_char_boundary(tail_start)..];
    // Whole lines, where there are lines.
    let head = head.rfind('\n').map_or(head, |at| &head[..=at]);
    let tail = tail.find('\n').map_or(tail, |at| &tail[at + 1..]);
    let left_out = &text[head.len()..text.len() - tail.len()];
    let break_before = if head.is_empty() || head.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let mark = format!(
        "{break_before}[… {} lines, {} bytes left out{} …]\n",
        left_out.lines().count(),
        left_out.len(),
        id.map_or(String::new(), |id| format!(
            ": {} shows them",
            crate::recall::example(id, head.len())
        ))
    );
    (format!("{head}{mark}{tail}"), Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_stays_as_it_is() {
        assert_eq!(head_and_tail("abc".into(), 3, None), ("abc".into(), None));
    }

    #[test]
    fn long_text_keeps_whole_lines_of_head_and_tail_within_the_limit() {
        let text: String = (0..10_000).map(|n| format!("line {n}\n")).collect();
        let (short, full) = head_and_tail(text.clone(), 1000, None);
        assert!(short.len() <= 1000, "{}", short.len());
        assert!(short.starts_with("line 0\n"));
        assert!(short.ends_with("line 9999\n"));
        assert!(short.contains("lines, "));
        assert!(
            short
                .lines()
                .all(|l| l.starts_with("line ") || l.starts_with("[…"))
        );
        assert_eq!(full, Some(text));
    }

    #[test]
    fn the_rest_can_be_recalled_from_where_it_was_cut() {
        let text: String = (0..10_000).map(|i| format!("line {i}\n")).collect();
        let (short, _) = head_and_tail(text.clone(), 2000, Some("call_3_0"));
        assert!(short.len() <= 2000, "{}", short.len());
        let mark = short.lines().find(|l| l.starts_with("[…")).unwrap();
        let offset = mark.split("\"offset\":").nth(1).unwrap();
        let offset: usize = offset.split('}').next().unwrap().parse().unwrap();
        assert!(short.starts_with(&text[..offset]), "{mark}");
        assert!(
            mark.contains(r#"recall {"output":"call_3_0","offset":"#),
            "{mark}"
        );
    }

    #[test]
    fn one_long_line_of_wide_characters_is_cut_between_characters() {
        let text = "é".repeat(5000);
        for max in [0, 1, 159, 160, 161, 500, 501] {
            let (short, full) = head_and_tail(text.clone(), max, None);
            assert!(short.len() <= max.max(MARK_BYTES), "{max}: {}", short.len());
            assert!(full.is_some());
        }
    }
}
