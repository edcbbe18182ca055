//! What a check command may not reach for: files outside of the workspace, the network, a long wait.
//! The sandbox forbids most of it; a plan that relies on it is better repaired than run.

use super::line::{Segment, program, segments};

/// Longest wait in a check, in seconds: beyond it the check waits for something to happen by luck.
const MAX_SLEEP: f64 = 5.0;

/// Programs that do nothing but talk to others.
const TALKERS: [&str; 10] = [
    "curl", "wget", "ssh", "scp", "rsync", "nc", "telnet", "ftp", "ping", "brew",
];

/// Programs of which some subcommands fetch something.
const FETCHERS: [(&str, &[&str]); 12] = [
    ("git", &["clone", "fetch", "pull", "push", "ls-remote"]),
    ("npm", &["install", "i", "ci", "add", "update", "publish"]),
    ("pnpm", &["install", "i", "add", "update", "publish"]),
    ("yarn", &["install", "add", "upgrade", "publish"]),
    ("pip", &["install", "download"]),
    ("pip3", &["install", "download"]),
    ("cargo", &["install", "add", "update", "fetch", "publish"]),
    ("go", &["get", "install"]),
    ("gem", &["install", "update"]),
    ("apt", &["install", "update"]),
    ("apt-get", &["install", "update"]),
    ("docker", &["pull", "push", "run", "build"]),
];

/// First directories of an absolute path. A pattern such as `/x/p` begins with a slash as well.
const ROOTS: [&str; 17] = [
    "bin", "dev", "etc", "home", "lib", "mnt", "opt", "private", "proc", "root", "run", "srv",
    "sys", "tmp", "usr", "var", "Users",
];

/// What a command reaches for, with what to do instead.
pub(super) fn fault(command: &str) -> Option<String> {
    let segments = segments(command);
    let refused = |why: String| Some(format!("the check command `{}` {why}", command.trim()));
    if let Some(what) = fetches(&segments) {
        return refused(format!(
            "needs the network (`{what}`); give one that works without"
        ));
    }
    if sleeps(&segments) > MAX_SLEEP {
        return refused("waits too long; give one that ends by itself".to_owned());
    }
    let path = outside(&segments)?;
    refused(format!(
        "reads `{path}` outside of the workspace; use relative paths inside it"
    ))
}

fn fetches(segments: &[Segment]) -> Option<String> {
    segments.iter().find_map(|(words, _)| {
        let (name, arguments) = program(words)?;
        if TALKERS.contains(&name) {
            return Some(name.to_owned());
        }
        let (name, arguments) = match arguments {
            [m, module, rest @ ..] if name.starts_with("python") && m == "-m" => {
                (module.as_str(), rest)
            }
            _ => (name, arguments),
        };
        let (_, fetching) = FETCHERS.iter().find(|(fetcher, _)| *fetcher == name)?;
        let sub = arguments.iter().find(|w| !w.starts_with('-'))?;
        fetching
            .contains(&sub.as_str())
            .then(|| format!("{name} {sub}"))
    })
}

fn sleeps(segments: &[Segment]) -> f64 {
    let waits = segments.iter().filter_map(|(words, _)| {
        let (name, arguments) = program(words)?;
        (name == "sleep").then(|| arguments.iter().filter_map(|w| seconds(w)).sum::<f64>())
    });
    waits.sum()
}

fn seconds(word: &str) -> Option<f64> {
    let (number, unit) = match word.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, word.chars().last()?),
        None => (word, 's'),
    };
    let number: f64 = number.parse().ok()?;
    Some(match unit {
        'm' => number * 60.0,
        'h' | 'd' => number * 3600.0,
        _ => number,
    })
}

/// The first word that is a path outside of the workspace. What the line itself wrote it may read.
fn outside(segments: &[Segment]) -> Option<String> {
    let mut written: Vec<&str> = Vec::new();
    let mut moved = false;
    for (words, _) in segments {
        let Some((name, _)) = program(words) else {
            continue;
        };
        let mut into = false;
        for (at, word) in words.iter().enumerate() {
            let redirected = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '&');
            let target = redirected.trim_start_matches('>');
            if into || (target.len() < redirected.len() && !target.is_empty()) {
                written.push(target);
            }
            into = redirected.starts_with('>') && target.is_empty();
            let path = word.trim_start_matches(|c: char| c.is_ascii_digit() || "<>&".contains(c));
            let is_program = at == 0 || (at == 1 && name == "env");
            if !is_program && leads_out(path, moved) && !written.contains(&path) {
                return Some(path.to_owned());
            }
        }
        moved |= matches!(name, "cd" | "pushd");
    }
    None
}

/// Whether a word is a path that leads out of the workspace, from its root unless one has `moved`.
fn leads_out(word: &str, moved: bool) -> bool {
    if word.contains(char::is_whitespace) || word.starts_with("/dev/") {
        return false;
    }
    if word == "~" || word.starts_with("~/") || word.starts_with("$HOME") {
        return true;
    }
    if let Some(absolute) = word.strip_prefix('/') {
        let first = absolute.split('/').next().unwrap_or_default();
        return ROOTS.contains(&first);
    }
    !moved && climbs(word)
}

/// Whether a relative path goes above where it starts.
fn climbs(path: &str) -> bool {
    let mut depth = 0_i32;
    path.split('/').any(|part| {
        match part {
            ".." => depth -= 1,
            "" | "." => {}
            _ => depth += 1,
        }
        depth < 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_reach_out_of_the_workspace_are_refused() {
        for (line, why) in [
            ("curl -s localhost:8000", "network"),
            ("git fetch && make", "network"),
            ("python3 -m pip install x", "network"),
            ("cd web && npm ci && npm test", "network"),
            ("sleep 6; test -f a", "waits"),
            ("sleep 0.1m && test -f a", "waits"),
            ("sleep 3 && sleep 3 && test -f a", "waits"),
            ("grep -q root /etc/passwd", "`/etc/passwd`"),
            ("diff a.txt ~/a.txt", "`~/a.txt`"),
            ("test -f ../a", "`../a`"),
            ("test -f a/../../b", "`a/../../b`"),
            ("sort < /var/log/x | grep -q y", "`/var/log/x`"),
            ("cat /tmp/left-there | grep -q ok", "`/tmp/left-there`"),
        ] {
            let fault = fault(line).unwrap_or_default();
            assert!(fault.contains(why), "{line}: {fault}");
        }
    }

    #[test]
    fn commands_that_stay_inside_are_accepted() {
        for line in [
            "cargo test",
            "git diff --exit-code",
            "npm test",
            "cd sub && test -f ../a",
            "test -f a/../b",
            "sed -n '/tmp$/p' a | grep -q x",
            "awk '/etc/ {print}' a | grep -q x",
            "python3 run.py > /dev/null 2>&1 && test -s out",
            "./run > /tmp/out && diff /tmp/out expected.txt",
            "/usr/bin/env python3 -m unittest",
            "go test ./...",
            "sleep 1 && test -f a",
            "grep -q https://example.com README.md",
        ] {
            assert_eq!(fault(line), None, "{line}");
        }
    }
}
