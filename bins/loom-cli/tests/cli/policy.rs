//! `loom policy` says what would become of a command, by the built-in rules and the user's.

use crate::support::Place;
use serde_json::Value;

const RULES: &str = "\
[[policy.rules]]
command = 'npm install'
decision = 'allow'

[[policy.rules]]
command = 'cargo bench'
decision = 'deny'
reason = 'it takes an hour'
";

#[test]
fn a_command_is_judged_and_never_run() {
    let place = Place::new();
    let ran = place.loom(&["policy", "touch made; git push origin main"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        ran.out.lines().collect::<Vec<_>>(),
        [
            "touch made; git push origin main",
            "ask: it runs after you agreed to exactly this line",
            "`git push origin main`: it publishes or sends something",
            "rules: publish",
        ]
    );
    assert!(!place.path("work/made").exists());
    let ran = place.loom(&["policy", "rm", "-rf", "a b"]);
    assert!(ran.out.contains("rm -rf 'a b'\nallow: it runs"), "{ran:?}");
}

#[test]
fn rules_of_the_user_count_and_are_named() {
    let place = Place::new();
    let file = place.write("c.toml", RULES).to_string_lossy().into_owned();
    let judged = |line: &str| {
        let ran = place.loom(&["policy", "--json", "--config", &file, line]);
        assert_eq!(ran.code, 0, "{ran:?}");
        serde_json::from_str::<Value>(&ran.out).unwrap()
    };
    let install = judged("npm install left-pad");
    assert_eq!(install["decision"], "allow");
    assert_eq!(install["rules"][0], "user: npm install");
    let bench = judged("timeout 60 cargo bench");
    assert_eq!(bench["decision"], "deny");
    assert_eq!(
        bench["reason"],
        "`cargo bench`: it takes an hour (your rule `cargo bench` forbids it)"
    );
    assert_eq!(judged("npm install | sudo tee x")["decision"], "deny");
}

#[test]
fn rules_are_shown_with_the_configuration() {
    let place = Place::new();
    let file = place.write("c.toml", RULES).to_string_lossy().into_owned();
    let ran = place.loom(&["config", "show", "--config", &file]);
    let expected = "policy.rules = [{ command = \"npm install\", decision = \"allow\" }, \
                    { command = \"cargo bench\", decision = \"deny\", reason = \"it takes an hour\" }]";
    assert!(ran.out.contains(expected), "{ran:?}");
}

#[test]
fn a_rule_that_cannot_be_matched_is_an_error_with_its_place() {
    let place = Place::new();
    let toml = "[[policy.rules]]\ncommand = 'a $b'\ndecision = 'allow'";
    let file = place.write("c.toml", toml).to_string_lossy().into_owned();
    let ran = place.loom(&["policy", "--config", &file, "ls"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let error = ran.errors().join("");
    assert!(
        error.contains("c.toml:1: `policy.rules` has a rule whose `command`"),
        "{ran:?}"
    );
}
