//! `loom tui` on a service that goes away: what was started for itself is waited for, wherever it
//! listens then; what a command carried is taken over from it.

use crate::real::{World, beside};
use crate::tmux::{Tmux, available};
use loom_sim::Demo;
use std::path::Path;
use std::time::Duration;

/// So long for each piece of an answer that there is time to come in between.
const SLOW: Duration = Duration::from_millis(60);

fn show(world: &World, loom: &Path) -> Tmux {
    world.terminal(100, 40, &format!("{} tui", loom.display()))
}

#[test]
fn a_service_that_comes_back_on_another_port_is_found_again() {
    if !available("a service on another port") {
        return;
    }
    let (Some(loomd), Some(loom)) = (beside("loomd"), beside("loom")) else {
        return;
    };
    let mut world = World::new(loomd);
    let tmux = show(&world, &loom);
    tmux.see("n begins one");
    tmux.see("connected");
    let before = world.end();
    tmux.see("offline");
    // Somebody else has the old port meanwhile.
    let taken = std::net::TcpListener::bind(format!("127.0.0.1:{before}")).unwrap();
    world.serve("0");
    tmux.see("connected");
    drop(taken);
    crate::real::begin(&tmux);
    tmux.see("a question waits");
    tmux.press(&["q"]);
}

#[test]
fn the_end_of_the_command_that_served_is_not_the_end_of_looking_at_its_work() {
    if !available("the end of a command that served") {
        return;
    }
    let (Some(loomd), Some(loom)) = (beside("loomd"), beside("loom")) else {
        return;
    };
    let world = World::idle(loomd, SLOW);
    let mut run = world.command(&loom);
    let mut running = run.args(["run", Demo::goal()]).spawn().unwrap();
    // Nobody is joined before somebody serves.
    world.served();
    let tmux = show(&world, &loom);
    tmux.see("● ");
    assert!(running.wait().unwrap().success());
    tmux.wait("the end of the task, connected", |screen| {
        screen.contains("✓ completed") && screen.contains("connected")
    });
    tmux.press(&["d"]);
    tmux.see("+# Usage");
    tmux.press(&["q"]);
}
