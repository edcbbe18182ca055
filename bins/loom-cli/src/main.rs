//! The `loom` command: arguments, wiring, presentation. It decides nothing about a task: the engine
//! does the work, and what is shown is a fold of the journal.
//!
//! Start at `cli.rs`, then `commands/run.rs`, and `watch.rs` for how a running task is followed.
#![deny(missing_docs)]

mod ask;
mod cli;
mod commands;
mod context;
mod fault;
mod interrupt;
mod log;
mod models;
mod render;
mod review;
mod service;
mod show;
mod ui;
mod watch;

use clap::Parser as _;
use context::Context;
use fault::{Exit, Fault, Outcome};
use loomd::setup::Surroundings;
use std::process::ExitCode;
use ui::Ui;

fn main() -> ExitCode {
    // Loom starts itself again to put a sandbox around a command: that process is nothing else.
    if let Some(code) = loom_workspace::sandbox_helper(std::env::args_os()) {
        return code;
    }
    let arguments = match cli::Cli::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return explain(&error),
    };
    restore_on_panic();
    let here = match Surroundings::read() {
        Ok(here) => here,
        Err(error) => {
            let fault = Fault::usage(format!("cannot find the current directory: {error}"));
            // Without surroundings there is no judging the terminal either.
            eprint_fault(&fault);
            return fault.exit.into();
        }
    };
    let mut context = Context {
        ui: Ui::detect(&here),
        here,
        global: arguments.global,
    };
    let outcome = run(arguments.command, &mut context);
    finish(outcome, context.ui)
}

fn run(command: cli::Command, context: &mut Context) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(Box::pin(commands::dispatch(command, context)));
    // A thread may still sit in a read of the keyboard, which nothing can interrupt.
    runtime.shutdown_background();
    outcome
}

fn finish(outcome: Outcome, ui: Ui) -> ExitCode {
    let exit = match outcome {
        Ok(exit) => exit,
        Err(fault) => {
            for (label, text) in fault.lines() {
                ui.labelled(label, &text);
            }
            fault.exit
        }
    };
    let style = ui.err;
    match ui.failure() {
        None => exit.into(),
        Some(error) => {
            let text = format!("cannot write the result: {error}");
            eprint_fault(&Fault::usage(style.paint(ui::Tone::Plain, &text)));
            Exit::Failed.into()
        }
    }
}

/// Help and version are results; everything else is a mistake with exit code 2.
fn explain(error: &clap::Error) -> ExitCode {
    // A pipe that was closed cannot be told so.
    error.print().ok();
    match error.use_stderr() {
        true => Exit::Usage.into(),
        false => Exit::Done.into(),
    }
}

fn eprint_fault(fault: &Fault) {
    use std::io::Write as _;
    for (label, text) in fault.lines() {
        writeln!(std::io::stderr(), "{label}: {text}").ok();
    }
}

/// A panic is a bug, and not a reason to leave the user without a cursor.
fn restore_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        ui::restore_cursor();
        report(panic);
    }));
}
