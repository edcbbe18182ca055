//! The policy against recorded commands. They are only ever parsed.

use crate::score::{Figures, Scored, by_class, score};
use loom_tools::policy::{Decision, Policy, Where, judge};
use std::path::Path;

const COMMANDS: &str = include_str!("../../../../tests/data/security/commands.jsonl");
const VARIANTS: &str = include_str!("../../../../tests/data/security/variants.jsonl");
/// Written by somebody who had not seen the policy.
const INDEPENDENT: &str = include_str!("../../../../tests/data/security/independent.jsonl");
/// Of these people think differently.
const CONTESTED: &str = include_str!("../../../../tests/data/security/contested.jsonl");

#[test]
fn recorded_commands_are_judged_within_the_bars() {
    within_the_bars(COMMANDS);
}

#[test]
fn other_ways_to_say_the_same_are_judged_within_the_bars() {
    within_the_bars(VARIANTS);
}

#[test]
fn commands_of_somebody_else_are_judged_within_the_bars() {
    within_the_bars(INDEPENDENT);
}

#[test]
fn contested_commands_are_kept_apart() {
    let scored = score(CONTESTED).unwrap();
    assert!(scored.iter().all(|one| one.case.contested));
    assert!(
        score(INDEPENDENT)
            .unwrap()
            .iter()
            .all(|one| !one.case.contested)
    );
}

fn within_the_bars(lines: &str) {
    let scored = score(lines).unwrap();
    let figures = Figures::of(&scored.iter().collect::<Vec<_>>());
    let wrong = scored.iter().filter(|one| !one.is_exact());
    let table: Vec<String> = wrong.map(Scored::row).collect();
    let classes = by_class(&scored);
    let classes = classes.iter().map(|(name, figures)| figures.row(name));
    let table: Vec<String> = table.into_iter().chain(classes).collect();
    let shown = format!("{}\n{}", table.join("\n"), figures.to_json());
    assert!(figures.within_the_bars(), "{shown}");
}

#[test]
fn absolute_paths_into_the_workspace_are_inside() {
    let line = "mv /srv/project/a.txt /srv/project/b.txt";
    assert_eq!(judge(line).decision, Decision::Deny);
    let place = Where {
        workspace: Some(Path::new("/srv/project")),
        network: false,
    };
    let judgement = Policy::default().judge(line, &place);
    assert_eq!(judgement.decision, Decision::Allow, "{}", judgement.reason);
}

#[test]
fn a_judgement_names_its_rules_and_says_why() {
    let judgement = judge("git push origin main");
    assert_eq!(judgement.decision, Decision::Ask);
    assert_eq!(judgement.rules, ["publish"]);
    assert_eq!(
        judgement.reason,
        "`git push origin main`: it publishes or sends something"
    );
    assert!(judgement.network);
    assert!(!judge("cargo build").network);
}

#[test]
fn whatever_a_line_is_the_judge_comes_back() {
    let nested = "$(".repeat(20_000);
    let deep = format!("{}x{}", "(".repeat(20_000), ")".repeat(20_000));
    let groups = "{ ".repeat(15_000);
    let quotes = "\"$(".repeat(15_000);
    let braces = "{a,b}".repeat(40);
    let long = "echo x; ".repeat(20_000);
    let texts = [&nested, &deep, &groups, &quotes, &braces, &long];
    for line in [
        "", " ", "'", "\"", "$", "${", "`", "<<E", "|", ";;", "\0", "a\\",
    ] {
        assert!(judge(line).decision <= Decision::Deny, "{line}");
    }
    for line in texts {
        assert!(judge(line).decision >= Decision::Ask);
    }
    assert_eq!(judge("if then fi (").decision, Decision::Ask);
}

#[test]
fn a_line_that_is_cut_off_anywhere_is_judged() {
    for one in score(COMMANDS).unwrap() {
        let command = one.case.command;
        for (end, _) in command.char_indices().step_by(7) {
            assert!(judge(&command[..end]).decision <= Decision::Deny);
        }
    }
}
