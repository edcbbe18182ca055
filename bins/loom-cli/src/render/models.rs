//! Models: a table where the screen is wide enough, else a block for each.

use crate::models::{Asked, Model};
use crate::ui::{Tone, clean, count, fit, width, wrap};
use loom_events::Role;
use loom_router::{Calls, Finding, Judging, Probe, Thinking, Verdict};

/// What is not known.
const UNKNOWN: &str = "?";

/// Between two columns.
const GAP: usize = 2;

/// Columns that are assumed for sentences when they go to a file.
const SENTENCE: usize = 100;

const HEADINGS: [&str; 10] = [
    "model",
    "provider",
    "tier",
    "window",
    "slots",
    "calls",
    "thinking",
    "read/write",
    "loaded",
    "roles",
];

type Lines = Vec<(Tone, String)>;

/// The models, each with whether it answers.
pub(crate) fn model_table(models: &[Asked], columns: Option<usize>) -> Lines {
    let rows: Vec<_> = models.iter().map(|asked| cells(&asked.model)).collect();
    let widths = widths(&rows);
    let total: usize = widths.iter().map(|width| width + GAP).sum();
    let as_table = columns.is_none_or(|columns| total <= columns);
    let sentence = columns.unwrap_or(SENTENCE);
    let mut lines = Vec::new();
    if as_table && !rows.is_empty() {
        let headings = HEADINGS.map(str::to_owned);
        lines.push((Tone::Dim, format!("  {}", line(&headings, &widths))));
    }
    for (asked, row) in models.iter().zip(&rows) {
        let (tone, mark) = match asked.down {
            None => (Tone::Plain, '✓'),
            Some(_) => (Tone::Bad, '✗'),
        };
        if as_table {
            lines.push((tone, format!("{mark} {}", line(row, &widths))));
        } else {
            lines.push((
                tone,
                crate::ui::clip(&format!("{mark} {}", row[0]), sentence),
            ));
            lines.extend(block(row, &asked.model, sentence));
        }
        let down = asked.down.iter().map(|why| (Tone::Bad, why));
        let notes = asked.model.notes.iter().map(|note| (Tone::Caught, note));
        for (tone, text) in down.chain(notes) {
            lines.extend(indented(tone, &clean(text), sentence));
        }
    }
    lines
}

/// What there is in each column.
fn cells(model: &Model) -> [String; 10] {
    let (entry, known) = (&model.entry, &model.known);
    [
        clean(&entry.name),
        entry.provider.name().to_owned(),
        entry.tier.to_string(),
        model
            .window()
            .map_or_else(|| UNKNOWN.into(), |window| count(u64::from(window))),
        model
            .slots()
            .map_or_else(|| UNKNOWN.into(), |slots| slots.to_string()),
        calls(known.calls).to_owned(),
        thinking(known.thinking).to_owned(),
        speed(model),
        match known.loaded {
            Some(true) => "yes",
            Some(false) => "no",
            None => UNKNOWN,
        }
        .to_owned(),
        roles(&entry.roles),
    ]
}

fn roles(roles: &[Role]) -> String {
    if roles.len() == Role::ALL.len() {
        return "all".to_owned();
    }
    let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
    names.join(", ")
}

const fn calls(calls: Calls) -> &'static str {
    match calls {
        Calls::Unknown => UNKNOWN,
        Calls::Structured => "structured",
        Calls::InText => "in text",
        Calls::None => "none",
    }
}

const fn thinking(thinking: Thinking) -> &'static str {
    match thinking {
        Thinking::Unknown => UNKNOWN,
        Thinking::None => "no",
        Thinking::Switchable => "switch",
        Thinking::Always => "always",
    }
}

/// Tokens in a second, read and written.
fn speed(model: &Model) -> String {
    let rate = |rate: Option<f32>| rate.map_or_else(|| UNKNOWN.to_owned(), per_second);
    let known = &model.known;
    match (known.prefill_per_s, known.decode_per_s) {
        (None, None) => UNKNOWN.to_owned(),
        (prefill, decode) => format!("{}/{} t/s", rate(prefill), rate(decode)),
    }
}

/// `0.4`, `31`, `2,300`.
fn per_second(rate: f32) -> String {
    if rate < 10.0 {
        return format!("{rate:.1}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least ten, and no machine reads so many tokens that it overflows"
    )]
    let whole = rate.round() as u64;
    count(whole)
}

fn widths(rows: &[[String; 10]]) -> [usize; 10] {
    let mut widths = HEADINGS.map(width);
    for row in rows {
        for (known, cell) in widths.iter_mut().zip(row) {
            *known = (*known).max(width(cell));
        }
    }
    widths
}

fn line(cells: &[String; 10], widths: &[usize; 10]) -> String {
    let cells = cells.iter().zip(widths);
    let cells = cells.map(|(cell, to)| fit(cell, to + GAP));
    cells.collect::<String>().trim_end().to_owned()
}

/// The same in words, for a narrow screen.
fn block(row: &[String; 10], model: &Model, columns: usize) -> Lines {
    let [
        _,
        provider,
        tier,
        window,
        slots,
        calls,
        thinking,
        speed,
        loaded,
        roles,
    ] = row;
    let about = format!(
        "{provider} at {}, tier {tier}, window {window}, slots {slots}, calls {calls}, thinking {thinking}, speed {speed}, loaded {loaded}, roles {roles}",
        clean(&model.entry.base_url)
    );
    indented(Tone::Dim, &about, columns)
}

fn indented(tone: Tone, text: &str, columns: usize) -> Lines {
    const INDENT: &str = "    ";
    let lines = wrap(text, columns.saturating_sub(INDENT.len()).max(1));
    let lines = lines.into_iter();
    lines
        .map(|line| (tone, format!("{INDENT}{line}")))
        .collect()
}

/// What a probe saw, with the ways out.
pub(crate) fn finding_lines(name: &str, probe: &Probe, columns: Option<usize>) -> Lines {
    let columns = columns.unwrap_or(SENTENCE);
    let mut lines = vec![(Tone::Strong, clean(name))];
    for finding in &probe.seen {
        lines.extend(finding_line(finding, columns));
    }
    let known = &probe.capabilities;
    if known.prefill_per_s.is_some() || known.decode_per_s.is_some() {
        let rate = |rate: Option<f32>| rate.map_or_else(|| UNKNOWN.to_owned(), per_second);
        let text = format!(
            "  · reads {} and writes {} tokens in a second",
            rate(known.prefill_per_s),
            rate(known.decode_per_s)
        );
        lines.push((Tone::Plain, text));
    }
    lines
}

/// What a verifier was right about, in a sentence without its end.
pub(crate) fn judging_words(name: &str, judging: Judging) -> String {
    let Judging {
        right,
        passed,
        wrong,
        caught,
    } = judging;
    format!(
        "{name} passed {passed} of {right} right changes and caught {caught} of {wrong} wrong ones"
    )
}

/// What a verifier's verdicts are worth.
pub(crate) fn judging_line(name: &str, judging: Judging) -> (Tone, String) {
    let counts = judging_words(name, judging);
    match judging.is_advice_only() {
        false => (Tone::Good, format!("✓ {counts}: its verdicts count")),
        true => (
            Tone::Bad,
            format!(
                "✗ {counts}, no better than a coin: it is not asked for verdicts any more; give the role `verifier` to a larger model"
            ),
        ),
    }
}

pub(super) fn finding_line(finding: &Finding, columns: usize) -> Lines {
    let (tone, mark) = match finding.verdict {
        Verdict::Good => (Tone::Good, '✓'),
        Verdict::Note => (Tone::Plain, '·'),
        Verdict::Problem => (Tone::Bad, '✗'),
        Verdict::Unclear => (Tone::Caught, '?'),
    };
    let text = clean(&finding.text);
    let mut lines = Vec::new();
    for (at, part) in wrap(&text, columns.saturating_sub(4).max(1))
        .into_iter()
        .enumerate()
    {
        let lead = if at == 0 {
            format!("  {mark} ")
        } else {
            "    ".to_owned()
        };
        lines.push((tone, format!("{lead}{part}")));
    }
    if let Some(way_out) = &finding.way_out {
        let text = format!("way out: {}", clean(way_out));
        lines.extend(indented(Tone::Hint, &text, columns));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use loom_router::{Canary, Capabilities, ModelEntry, ProviderKind};

    fn asked(name: &str, down: Option<&str>) -> Asked {
        let entry = ModelEntry {
            provider: ProviderKind::LlamaCpp,
            context_length: Some(16384),
            max_concurrency: 2,
            ..ModelEntry::new(name, "http://127.0.0.1:8080/v1")
        };
        let known = Capabilities {
            calls: Calls::Structured,
            thinking: Thinking::Switchable,
            loaded: Some(true),
            prefill_per_s: Some(2310.4),
            decode_per_s: Some(8.25),
            ..Capabilities::default()
        };
        Asked {
            model: Model::new(entry, known),
            down: down.map(str::to_owned),
        }
    }

    fn text(lines: Lines) -> Vec<String> {
        lines.into_iter().map(|(_, line)| line).collect()
    }

    #[test]
    fn a_wide_screen_has_a_table() {
        let models = [
            asked("qwen3-8b", None),
            asked("big", Some("cannot reach it")),
        ];
        assert_eq!(
            text(model_table(&models, None)),
            [
                "  model     provider   tier  window  slots  calls       thinking  read/write     loaded  roles",
                "✓ qwen3-8b  llama_cpp  1     16,384  2      structured  switch    2,310/8.2 t/s  yes     all",
                "✗ big       llama_cpp  1     16,384  2      structured  switch    2,310/8.2 t/s  yes     all",
                "    cannot reach it",
            ]
        );
    }

    #[test]
    fn a_narrow_screen_has_blocks_and_no_line_is_wider() {
        let name = "Qwen3-Coder-30B-A3B-Instruct-FP8-with-a-long-name";
        for columns in [40, 60, 80] {
            let lines = text(model_table(
                &[asked(
                    name,
                    Some("cannot reach the model server at http://127.0.0.1:8080/v1: refused"),
                )],
                Some(columns),
            ));
            assert!(lines.len() > 3, "{lines:?}");
            assert!(
                lines.iter().all(|line| width(line) <= columns),
                "{lines:#?}"
            );
        }
    }

    #[test]
    fn what_a_probe_saw_is_said_with_the_way_out() {
        let finding = |verdict, text: &str, way_out: Option<&str>| Finding {
            verdict,
            text: text.into(),
            way_out: way_out.map(str::to_owned),
        };
        let probe = Probe {
            capabilities: Capabilities {
                decode_per_s: Some(31.0),
                ..Capabilities::default()
            },
            seen: vec![
                finding(Verdict::Good, "tool calls arrive structured", None),
                finding(
                    Verdict::Problem,
                    "it thinks although it was told not to",
                    Some("take an instruct build"),
                ),
            ],
            canary: Canary::Found,
        };
        assert_eq!(
            text(finding_lines("m", &probe, Some(60))),
            [
                "m",
                "  ✓ tool calls arrive structured",
                "  ✗ it thinks although it was told not to",
                "    way out: take an instruct build",
                "  · reads ? and writes 31 tokens in a second",
            ]
        );
    }
}
