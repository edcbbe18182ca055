//! Ten thousand events: what they cost while they come, while one scrolls, and while nothing happens.
//! `.ci/score tui` runs this with `LOOM_TUI_SCORE` set, and then it also measures times.

use crate::service::{Service, begun};
use crate::tmux::{Tmux, available};
use loom_events::{Event, Summary};
use std::time::{Duration, Instant};

const EVENTS: usize = 10_000;

/// Memory that the program may have, in MiB.
const MAX_MIB: f64 = 40.0;

/// Share of a processor that it may use while nothing happens, in percent.
const MAX_IDLE: f64 = 5.0;

/// Milliseconds of a processor that a scrolled line may take: 60 pictures in a second.
const MAX_FRAME_MS: f64 = 16.0;

/// How long it is looked at while nothing happens.
const IDLE: Duration = Duration::from_secs(10);

/// Lines scrolled.
const SCROLLED: u32 = 300;

/// Resident memory of a process in MiB.
fn memory(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

/// Time of a processor that a process has used.
fn used(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let rest = stat.rsplit_once(')').unwrap().1;
    let ticks: Vec<u64> = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|n| n.parse().unwrap())
        .collect();
    // 100 ticks a second on every Linux that Loom runs on.
    Duration::from_millis(ticks.iter().sum::<u64>() * 10)
}

#[test]
fn ten_thousand_events_are_shown_in_little_memory() {
    if !available("ten thousand events") || !cfg!(target_os = "linux") {
        return;
    }
    #[expect(clippy::disallowed_methods, reason = "how the score asks for times")]
    let score = std::env::var("LOOM_TUI_SCORE").is_ok();
    let service = Service::start();
    service.add(begun(&["total", "page"]));
    let texts = (0..EVENTS).map(|n| {
        let what = format!("event {n} says something of about the length that lines of a log have");
        (None, Event::Degraded { what })
    });
    service.add(texts);
    let line = format!(
        "exec {} --url {}",
        env!("CARGO_BIN_EXE_loom-tui"),
        service.url()
    );
    let tmux = Tmux::start(200, 60, &[("LANG", "C.UTF-8")], &line);
    tmux.see("Mend the sums");
    let begun = Instant::now();
    tmux.press(&["Enter"]);
    tmux.see(&format!("event {} says", EVENTS - 1));
    let loading = begun.elapsed();
    let pid = tmux.pid();
    // From the end to the beginning, a page after the other: older lines are fetched.
    tmux.wait("the first event", |screen| {
        let there = screen.contains("event 0 says");
        if !there {
            tmux.press(&["PageUp"; 8]);
        }
        there
    });
    // And with one key each.
    for _ in 0..2 {
        tmux.press(&["G"]);
        tmux.see(&format!("event {} says", EVENTS - 1));
        tmux.press(&["g"]);
        tmux.see("event 0 says");
    }
    tmux.press(&["G"]);
    tmux.see(&format!("event {} says", EVENTS - 1));
    let mib = memory(pid);
    // A program that was built for tests is larger, and still fits.
    assert!(mib < MAX_MIB, "{mib:.1} MiB");
    if score {
        measure(&service, &tmux, pid, loading, mib);
    }
    tmux.press(&["q"]);
}

fn measure(service: &Service, tmux: &Tmux, pid: u32, loading: Duration, mib: f64) {
    let before = used(pid);
    for _ in 0..SCROLLED / 10 {
        tmux.press(&["k"; 10]);
        tmux.screen();
    }
    tmux.see("scrolled");
    let frame = (used(pid) - before).as_secs_f64() * 1000.0 / f64::from(SCROLLED);
    tmux.press(&["G"]);
    tmux.miss("scrolled");
    let idle = |tmux: &Tmux| {
        tmux.screen();
        let before = used(pid);
        std::thread::park_timeout(IDLE);
        (used(pid) - before).as_secs_f64() * 100.0 / IDLE.as_secs_f64()
    };
    let running = idle(tmux);
    service.add([(
        None,
        Event::TaskCancelled {
            reason: "enough".to_owned(),
            summary: Summary::default(),
        },
    )]);
    tmux.see("× cancelled");
    let ended = idle(tmux);
    println!(
        "{:<44} {:>10}   reach",
        "terminal UI with 10,000 events", "measured"
    );
    println!(
        "{:<44} {:>7.0} ms",
        "  until the last one is shown",
        loading.as_secs_f64() * 1000.0
    );
    println!(
        "{:<44} {mib:>6.1} MiB   < {MAX_MIB:.0} MiB",
        "  memory after scrolling to the first and back"
    );
    println!(
        "{:<44} {frame:>7.2} ms   < {MAX_FRAME_MS:.0} ms",
        "  processor time of a scrolled line"
    );
    println!(
        "{:<44} {running:>8.1} %   < {MAX_IDLE:.0} %",
        "  processor while a task runs and is silent"
    );
    println!(
        "{:<44} {ended:>8.1} %   < {MAX_IDLE:.0} %",
        "  processor after it has ended"
    );
    let passed = mib < MAX_MIB && frame < MAX_FRAME_MS && running < MAX_IDLE && ended < MAX_IDLE;
    println!(
        "{}",
        serde_json::json!({
            "name": "tui",
            "events": EVENTS,
            "load_ms": loading.as_millis(),
            "memory_mib": mib,
            "frame_ms": frame,
            "idle_running_percent": running,
            "idle_ended_percent": ended,
            "passed": passed,
        })
    );
    assert!(passed, "a promise is not kept");
}
