//! The program that puts a sandbox around itself, for embedders whose own program does not call
//! [`loom_workspace::sandbox_helper`] first thing in `main`, and for tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    loom_workspace::sandbox_helper(std::env::args_os()).unwrap_or_else(|| {
        use std::io::Write as _;
        let text = "loom-sandbox: this program is started by Loom and does nothing by itself";
        writeln!(std::io::stderr(), "{text}").ok();
        ExitCode::from(2)
    })
}
