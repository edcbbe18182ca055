//! Planned checks: whether they can be read, whether they can fail, whether they stay inside.

use super::{path_fault, power, reach};
use loom_events::{Check, CountOp, Counted, SubtaskSpec};

/// Faults of the checks of a step: of their form, and with `rules` of their power.
pub(super) fn faults(spec: &SubtaskSpec, rules: bool, errors: &mut Vec<String>) {
    let found = spec.every_check().filter_map(|check| fault(check, rules));
    errors.extend(found.map(|fault| format!("`{}`: {fault}", spec.id)));
}

/// Leaves out the checks of a step that are faulty, with a sentence for each.
pub(super) fn leave_out(spec: &mut SubtaskSpec, rules: bool, said: &mut Vec<String>) {
    let id = &spec.id;
    spec.checks.retain(|check| match fault(check, rules) {
        None => true,
        Some(fault) => {
            said.push(format!("a check of `{id}` was left out: {fault}"));
            false
        }
    });
    // Of a check that nobody at work is to see nothing is said that they may read.
    spec.held_out.retain(|held| {
        let usable = fault(&held.check, rules).is_none();
        if !usable {
            said.push(format!("a held-out check of `{id}` was left out"));
        }
        usable
    });
}

fn fault(check: &Check, rules: bool) -> Option<String> {
    let powerless = || if rules { power_fault(check) } else { None };
    form_fault(check).or_else(powerless)
}

/// What cannot be read as a check.
fn form_fault(check: &Check) -> Option<String> {
    let path =
        |path: &str| path_fault(path).map(|fault| format!("the check path `{path}` {fault}"));
    match check {
        Check::FileExists { path: p } | Check::FileAbsent { path: p } => path(p),
        Check::FileContains { path: p, regex } => path(p).or_else(|| regex_fault(regex)),
        Check::JsonPath {
            path: p, pointer, ..
        } => path(p).or_else(|| pointer_fault(pointer)),
        Check::Command { stdout_regex, .. } => stdout_regex.as_deref().and_then(regex_fault),
        Check::Count {
            of: Counted::Glob(glob),
            ..
        }
        | Check::Unchanged { glob } => path(glob),
        Check::Count { .. } | Check::Tests { .. } => None,
        Check::Symbol { path: p, name } => path(p).or_else(|| symbol_fault(name)),
    }
}

/// Why a check proves nothing, or relies on what is not the workspace.
fn power_fault(check: &Check) -> Option<String> {
    match check {
        Check::FileExists { .. }
        | Check::FileAbsent { .. }
        | Check::JsonPath { .. }
        | Check::Unchanged { .. }
        | Check::Symbol { .. } => None,
        Check::FileContains { regex, .. } => matches_everything(regex),
        Check::Command {
            command,
            stdout_regex,
            ..
        } => power::fault(command, stdout_regex.is_some())
            .or_else(|| reach::fault(command))
            .or_else(|| matches_everything(stdout_regex.as_deref()?)),
        Check::Tests { command, .. } => {
            power::fault(command, false).or_else(|| reach::fault(command))
        }
        // What is printed decides, so the exit status need not be able to.
        Check::Count {
            of: Counted::Command(command),
            op,
            n,
        } => power::fault(command, true)
            .or_else(|| reach::fault(command))
            .or_else(|| always_so(*op, *n)),
        Check::Count { op, n, .. } => always_so(*op, *n),
    }
}

fn always_so(op: CountOp, n: u64) -> Option<String> {
    match op {
        CountOp::AtLeast if n == 0 => {
            Some("a count is always >= 0; give another number".to_owned())
        }
        CountOp::LessThan if n == 0 => Some("a count is never < 0; give another number".to_owned()),
        CountOp::Equal
        | CountOp::AtLeast
        | CountOp::AtMost
        | CountOp::MoreThan
        | CountOp::LessThan => None,
    }
}

/// A pattern that matches nothing and something else as well matches everything.
fn matches_everything(regex: &str) -> Option<String> {
    let pattern = regex::RegexBuilder::new(regex).multi_line(true).build();
    let everything = pattern.is_ok_and(|p| p.is_match("") && p.is_match("a line, and 1"));
    everything.then(|| format!("/{regex}/ matches everything; write what must be there"))
}

fn symbol_fault(name: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || "_$.:#?!".contains(c);
    (name.is_empty() || !name.chars().all(plain))
        .then(|| format!("`{name}` is not a name; write one such as `parse` or `Parser.parse`"))
}

fn regex_fault(regex: &str) -> Option<String> {
    let error = regex::Regex::new(regex).err()?;
    // The last line of the error says what is wrong, the ones above draw where.
    let error = error.to_string();
    let why = error.lines().last().unwrap_or_default();
    Some(format!("`{regex}` is not a regular expression: {why}"))
}

fn pointer_fault(pointer: &str) -> Option<String> {
    (!pointer.is_empty() && !pointer.starts_with('/'))
        .then(|| format!("`{pointer}` is not a JSON pointer; write it as `/key/0`"))
}
