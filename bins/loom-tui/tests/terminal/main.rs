//! The terminal UI in a real terminal, against a service that says what the test wants, and, in
//! `real.rs`, against the real one.

#[cfg(test)]
mod joined;
#[cfg(test)]
mod load;
#[cfg(test)]
mod pictures;
#[cfg(test)]
mod real;
#[cfg(test)]
mod service;
#[cfg(test)]
mod tmux;

#[cfg(test)]
mod tests {
    use crate::service::{Service, begun, id, task};
    use crate::tmux::{Tmux, available, signal};
    use loom_events::{
        AttemptId, Digest, Event, OnExpiry, Question, QuestionId, Risk, Rung, Scope, Seq, Subject,
        Summary, Tier,
    };

    const PROGRAM: &str = env!("CARGO_BIN_EXE_loom-tui");

    fn line(service: &Service) -> String {
        format!("exec {PROGRAM} --url {}", service.url())
    }

    fn show(service: &Service, columns: u16, rows: u16) -> Tmux {
        Tmux::start(columns, rows, &[("LANG", "C.UTF-8")], &line(service))
    }

    fn degraded(numbers: impl IntoIterator<Item = usize>) -> Vec<(Option<&'static str>, Event)> {
        let event = |n| {
            (
                None,
                Event::Degraded {
                    what: format!("number {n}"),
                },
            )
        };
        numbers.into_iter().map(event).collect()
    }

    fn started(step: &str) -> Event {
        Event::SubtaskStarted {
            subtask: id(step),
            rung: 0,
            kind: Rung::Planned,
            ordinal: 1,
            tier: Tier::Small,
            execution: None,
        }
    }

    fn asks(attempt: AttemptId) -> Event {
        Event::ApprovalRequested {
            question: Question {
                subject: Subject::Call {
                    attempt,
                    turn: 0,
                    call: 0,
                    digest: Digest::from_hex("0".repeat(64)).unwrap(),
                },
                reason: "the command uses the network".to_owned(),
                action: "curl https://example.org".to_owned(),
                risk: Risk::High,
                rules: Vec::new(),
                choices: Vec::new(),
                default: None,
            },
            deadline: None,
            on_expiry: OnExpiry::Deny,
        }
    }

    #[test]
    fn a_task_is_begun_watched_steered_answered_looked_at_taken_back_and_cancelled() {
        if !available("a day with the terminal UI") {
            return;
        }
        let service = Service::start();
        let tmux = show(&service, 100, 30);
        tmux.see("n begins one");
        // Begin.
        tmux.press(&["n"]);
        tmux.see("new task");
        tmux.type_in("Mend the sums");
        tmux.press(&["Enter"]);
        service.add(begun(&["total", "page"]));
        tmux.see("Do page");
        let asked = service.asked_at(0);
        assert!(
            asked.starts_with("POST /tasks ") && asked.contains("Mend the sums"),
            "{asked}"
        );
        // Steer.
        tmux.press(&["s"]);
        tmux.see("instruction:");
        tmux.type_in("keep the old format");
        tmux.press(&["Enter"]);
        tmux.see("it is taken");
        let asked = service.asked_at(1);
        assert!(asked.starts_with("PATCH "), "{asked}");
        // Answer.
        service.add([(Some("total"), started("total"))]);
        let attempt = AttemptId(service.last());
        service.add([(Some("total"), asks(attempt))]);
        tmux.see("a question waits");
        tmux.press(&["a"]);
        let screen = tmux.see("curl https://example.org");
        assert!(screen.contains("high risk"), "{screen}");
        tmux.press(&["y"]);
        tmux.miss("high risk");
        // What is said of it may still be what was said of the instruction.
        let asked = service.asked_at(2);
        let question = QuestionId(service.last());
        let body =
            format!(r#"{{"question":{question},"response":{{"kind":"grant","scope":"once"}}}}"#);
        assert!(asked.ends_with(&format!("answer {body}")), "{asked}");
        let by = "api".to_owned();
        service.add([(
            Some("total"),
            Event::ApprovalGranted {
                question,
                scope: Scope::Once,
                by,
            },
        )]);
        tmux.see("granted by api");
        // Look at what changed.
        tmux.press(&["d"]);
        tmux.see("+# The sum.");
        tmux.press(&["Escape"]);
        tmux.miss("+# The sum.");
        // Cancel: only with a yes.
        tmux.press(&["c"]);
        tmux.see("cancel this task?");
        tmux.press(&["Escape"]);
        tmux.miss("cancel this task?");
        assert_eq!(service.asked().len(), 3);
        tmux.press(&["c"]);
        tmux.see("cancel this task?");
        tmux.press(&["y"]);
        // Else the end of the task may come first, and then there is nothing to cancel.
        let asked = service.asked_at(3);
        assert!(asked.starts_with("DELETE "), "{asked}");
        service.add([(
            None,
            Event::TaskCancelled {
                reason: "enough".to_owned(),
                summary: Summary::default(),
            },
        )]);
        tmux.see("× cancelled");
        // Take back: what it would do is shown first.
        tmux.press(&["r"]);
        tmux.see("M sum.sh");
        let asked = service.asked_at(4);
        assert!(asked.contains(r#""dry_run":true"#), "{asked}");
        tmux.press(&["y"]);
        tmux.see("taken back: 1 change");
        let asked = service.asked_at(5);
        assert!(asked.contains(r#""dry_run":false"#), "{asked}");
        tmux.press(&["q"]);
    }

    #[test]
    fn nothing_is_lost_or_doubled_while_the_service_is_restarted() {
        if !available("a restart of the service") {
            return;
        }
        let mut service = Service::start();
        service.add(begun(&["total"]));
        service.add(degraded(0..10));
        let tmux = show(&service, 80, 40);
        tmux.see("Mend the sums");
        tmux.press(&["Enter"]);
        tmux.see("number 9");
        service.stop();
        tmux.see("offline");
        service.add(degraded(10..20));
        service.resume();
        let screen = tmux.see("number 19");
        for n in 0..20 {
            let line = format!("number {n}");
            let times = screen
                .lines()
                .filter(|row| row.trim_end().ends_with(&line))
                .count();
            assert_eq!(times, 1, "{line}:\n{screen}");
        }
        tmux.miss("offline");
        tmux.press(&["q"]);
    }

    #[test]
    fn the_terminal_is_given_back_when_the_program_is_ended_and_when_it_is_left() {
        if !available("the end of the program") {
            return;
        }
        let service = Service::start();
        for how in ["q", "TERM", "HUP", "INT"] {
            let line = format!(
                "sh -c '{PROGRAM} --url {} & echo $! > /dev/null; wait; cat'",
                service.url()
            );
            // In the foreground, with a shell behind it that stays.
            let line = line.replace(" & echo $! > /dev/null; wait;", ";");
            let tmux = Tmux::start(80, 24, &[("LANG", "C.UTF-8")], &line);
            tmux.see("n begins one");
            assert_eq!(tmux.fact("alternate_on"), "1");
            match how {
                "q" => tmux.press(&["q"]),
                name => signal(child(tmux.pid()), name),
            }
            tmux.wait_for_fact("alternate_on", "0");
            tmux.wait_for_fact("cursor_flag", "1");
            tmux.wait_for_fact("mouse_any_flag", "0");
        }
    }

    /// The only child of a process.
    fn child(pid: u32) -> u32 {
        let path = format!("/proc/{pid}/task/{pid}/children");
        let children = std::fs::read_to_string(path).unwrap();
        let child = children.split_whitespace().next().unwrap();
        // With `sh -c` tmux's own shell may be in between.
        let deeper = format!("/proc/{child}/task/{child}/children");
        let deeper = std::fs::read_to_string(deeper).unwrap_or_default();
        let last = deeper.split_whitespace().next().unwrap_or(child);
        last.parse().unwrap()
    }

    #[test]
    fn a_program_that_is_suspended_gives_the_terminal_back_and_takes_it_again() {
        if !available("suspend and resume") {
            return;
        }
        let service = Service::start();
        let tmux = Tmux::start(80, 24, &[("LANG", "C.UTF-8")], "sh -i");
        tmux.wait("a prompt", |screen| screen.contains(['#', '$']));
        tmux.type_in(&format!("{PROGRAM} --url {}", service.url()));
        tmux.press(&["Enter"]);
        tmux.see("n begins one");
        for _ in 0..2 {
            tmux.press(&["C-z"]);
            tmux.wait_for_fact("alternate_on", "0");
            tmux.see("topped");
            tmux.type_in("fg");
            tmux.press(&["Enter"]);
            tmux.wait_for_fact("alternate_on", "1");
            tmux.see("n begins one");
        }
        tmux.press(&["q"]);
        tmux.wait_for_fact("alternate_on", "0");
    }

    /// Not a test of its own: the program that the next one looks at.
    #[test]
    fn panics_in_a_terminal() {
        #[expect(
            clippy::disallowed_methods,
            reason = "how the next test starts this one"
        )]
        let Ok(url) = std::env::var("LOOM_TUI_PANICS") else {
            return;
        };
        let client = loom_client::Client::new(&loom_client::Endpoint { url, token: None }).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let ended = runtime.block_on(async {
            let asked = client.clone();
            tokio::spawn(async move {
                // The picture is there when the service has something to say.
                while asked
                    .events(task(), Seq::ZERO)
                    .await
                    .unwrap()
                    .events
                    .is_empty()
                {
                    tokio::task::yield_now().await;
                }
                panic!("somewhere deep inside");
            });
            loom_tui::run(client, loom_tui::Options::default()).await
        });
        assert!(ended.unwrap_err().to_string().contains("deep inside"));
    }

    #[test]
    fn the_terminal_is_given_back_after_a_panic_and_the_panic_can_be_read() {
        if !available("a panic") {
            return;
        }
        let service = Service::start();
        let this = std::env::current_exe().unwrap();
        let line = format!(
            "{} --exact --nocapture tests::panics_in_a_terminal; cat",
            this.display()
        );
        let url = service.url();
        let tmux = Tmux::start(
            100,
            24,
            &[
                ("LANG", "C.UTF-8"),
                ("RUST_BACKTRACE", "0"),
                ("LOOM_TUI_PANICS", &url),
            ],
            &line,
        );
        tmux.wait_for_fact("alternate_on", "1");
        tmux.see("n begins one");
        service.add(begun(&["total"]));
        tmux.wait_for_fact("alternate_on", "0");
        tmux.see("somewhere deep inside");
        tmux.see("1 passed");
        assert_eq!(tmux.fact("cursor_flag"), "1");
    }

    #[test]
    fn a_storm_of_resizes_ends_in_a_right_picture() {
        if !available("a storm of resizes") {
            return;
        }
        let service = Service::start();
        service.add(begun(&["total", "page"]));
        let tmux = show(&service, 80, 24);
        tmux.see("Mend the sums");
        tmux.press(&["Enter"]);
        for n in 0..60 {
            tmux.resize(20 + n * 3, 5 + n);
        }
        tmux.resize(200, 60);
        // Beside the log: the wide layout, and nothing left over from another one.
        // It is drawn row by row, and a look may come in between.
        tmux.wait("the wide layout, each step in plan and log", |screen| {
            let row = screen.lines().find(|row| row.contains("plan"));
            let wide = row.is_some_and(|row| row.contains("log"));
            wide && screen.matches("Do page").count() == 2
        });
        tmux.resize(80, 24);
        tmux.wait("the narrow layout", |screen| {
            screen.lines().count() == 24 && screen.matches("─ plan").count() == 1
        });
        tmux.press(&["q"]);
    }

    #[test]
    fn no_colour_and_no_unicode_are_sent_to_who_wants_none() {
        if !available("NO_COLOR and LANG=C") {
            return;
        }
        let service = Service::start();
        service.add(begun(&["total"]));
        service.add([(
            None,
            Event::TaskFailed {
                reason: "no".to_owned(),
                summary: Summary::default(),
            },
        )]);
        let plain = Tmux::start(
            80,
            24,
            &[("LANG", "C"), ("LC_ALL", "C"), ("NO_COLOR", "1")],
            &line(&service),
        );
        plain.see("x failed");
        assert!(plain.screen().is_ascii(), "{}", plain.screen());
        let painted = plain.painted();
        for code in (30..38).chain(40..48) {
            assert!(
                !painted.contains(&format!("\x1b[{code}m")),
                "{code}: {painted:?}"
            );
        }
        let rich = show(&service, 80, 24);
        rich.see("✗ failed");
        let painted = rich.painted();
        assert!(
            painted.contains("8;5;1m") || painted.contains("[31m"),
            "{painted:?}"
        );
        // Sixteen colours are enough: no other ones are asked for.
        assert!(!painted.contains("8;2;"), "{painted:?}");
        for rest in painted.split("8;5;").skip(1) {
            let number: u32 = rest.split('m').next().unwrap().parse().unwrap();
            assert!(number < 16, "{number}: {painted:?}");
        }
    }

    #[test]
    fn what_a_model_writes_cannot_steer_the_terminal() {
        if !available("escape sequences in texts") {
            return;
        }
        let service = Service::start();
        service.add(begun(&["total"]));
        let what = "\x1b[2J\x1b]0;owned\x07\x1bc gone \u{202e}desrever".to_owned();
        service.add([(None, Event::Degraded { what })]);
        let tmux = show(&service, 80, 24);
        tmux.see("Mend the sums");
        tmux.press(&["Enter"]);
        let screen = tmux.see("gone");
        assert!(
            screen.contains("Loom") && screen.contains("Do total"),
            "{screen}"
        );
        assert_ne!(tmux.fact("pane_title"), "owned");
    }
}
