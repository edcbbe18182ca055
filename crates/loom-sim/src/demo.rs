//! The demo: a small project with a bug and a missing feature, and a playbook that makes the usual
//! mistakes on it before it does the right thing.

use crate::playbook::Playbook;

/// The demo's parts. Everything is compiled in.
#[derive(Clone, Copy, Debug)]
pub struct Demo;

/// A file of the demo project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoFile {
    /// Relative to the project.
    pub path: &'static str,
    /// Its text.
    pub contents: &'static str,
    /// Unix permissions.
    pub mode: u32,
}

macro_rules! file {
    ($path:literal, $mode:literal) => {
        DemoFile {
            path: $path,
            contents: include_str!(concat!("../demo/project/", $path)),
            mode: $mode,
        }
    };
}

const FILES: &[DemoFile] = &[
    file!("README.md", 0o644),
    file!("data/march.csv", 0o644),
    file!("expenses.sh", 0o755),
    file!("test.sh", 0o755),
];

impl Demo {
    /// The project as it is before Loom has worked on it: `./test.sh` fails.
    #[must_use]
    pub const fn files() -> &'static [DemoFile] {
        FILES
    }

    /// What Loom is asked to do.
    #[must_use]
    pub const fn goal() -> &'static str {
        include_str!("../demo/goal.txt").trim_ascii()
    }

    /// What the simulated model answers.
    #[must_use]
    pub fn playbook() -> Playbook {
        Playbook::from_yaml(include_str!("../demo/demo.yaml"))
            .expect("BUG: the built-in playbook is well-formed")
    }
}
