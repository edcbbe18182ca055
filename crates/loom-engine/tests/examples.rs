//! The examples do what they say: run as they are, against a simulated model where they need one.

/// An example without its `main`.
macro_rules! example {
    ($name:ident, $path:literal) => {
        #[cfg(test)]
        #[path = $path]
        #[expect(
            dead_code,
            unreachable_pub,
            reason = "it is a program, of which one function is called"
        )]
        mod $name;
    };
}

example!(custom_provider, "../examples/custom_provider.rs");
example!(custom_tool, "../examples/custom_tool.rs");
example!(embed, "../examples/embed.rs");
example!(events, "../examples/events.rs");

#[cfg(test)]
mod tests {
    use super::{custom_provider, custom_tool, embed, events};
    use loom_engine::TaskStatus;
    use loom_engine::events::NewTask;
    use loom_sim::{Options, Playbook, SimServer};
    use std::path::PathBuf;

    /// A plan of one step that writes `out.txt`, and a model that does it properly.
    const ONE_STEP: &str = r#"
rules:
- when: {role: planner}
  reply:
    json:
      subtasks:
      - id: write-out
        title: Write out.txt
        description: Write the price of tea into out.txt.
        criteria: ["out.txt says 350."]
        checks: [{kind: file_contains, path: out.txt, regex: "350"}]
- when: {role: executor, not_called: look_up_price}
  reply: {calls: [{name: look_up_price, arguments: {article: tea}}]}
- when: {role: executor, not_called: write_file}
  reply: {calls: [{name: write_file, arguments: {path: out.txt, content: "350\n"}}]}
- when: {role: executor}
  reply: {text: "out.txt says 350."}
- when: {role: verifier}
  reply:
    verdict:
      criteria:
      - {contains: out.txt says 350, verdict: met, quote: "350", why: it is there}
      - {contains: Everything that was asked, verdict: met, quote: "350", why: it is there}
      - {contains: Nothing that should have stayed, verdict: met, quote: "350", why: only added}
- when: {role: extractor}
  reply: {json: {summary: wrote out.txt, entries: []}}
"#;

    struct Place {
        home: tempfile::TempDir,
        sim: SimServer,
    }

    impl Place {
        async fn new(playbook: &str) -> Self {
            let playbook = Playbook::from_yaml(playbook).unwrap();
            let home = tempfile::tempdir().unwrap();
            std::fs::create_dir(home.path().join("work")).unwrap();
            Self {
                home,
                sim: SimServer::start(playbook, Options::default())
                    .await
                    .unwrap(),
            }
        }

        fn data(&self) -> PathBuf {
            self.home.path().join("data")
        }

        fn work(&self) -> String {
            let work = self.home.path().join("work");
            work.to_str().unwrap().to_owned()
        }

        fn read(&self, name: &str) -> Option<String> {
            std::fs::read_to_string(self.home.path().join("work").join(name)).ok()
        }
    }

    /// The same model for a program without the tool.
    fn without_the_tool() -> String {
        let rule = "- when: {role: executor, not_called: look_up_price}\n  reply: {calls: [{name: look_up_price, arguments: {article: tea}}]}\n";
        ONE_STEP.replace(rule, "")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn thirty_lines_run_a_task() {
        let place = Place::new(&without_the_tool()).await;
        let (data, work) = (place.data(), place.work());
        let ended = embed::run(&data, place.sim.url(), &work, "the price").await;
        let ended = ended.unwrap();
        assert_eq!(ended.status, TaskStatus::Completed, "{:?}", ended.reason);
        assert_eq!(place.read("out.txt").as_deref(), Some("350\n"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_tool_of_the_program_is_called_and_its_answer_reaches_the_model() {
        let place = Place::new(ONE_STEP).await;
        let (data, work) = (place.data(), place.work());
        let ended = custom_tool::run(&data, place.sim.url(), &work, "the price").await;
        let ended = ended.unwrap();
        assert_eq!(ended.status, TaskStatus::Completed, "{:?}", ended.reason);
        let requests = place.sim.requests();
        let told = requests
            .iter()
            .any(|one| format!("{one:?}").contains("tea costs 350 cents"));
        assert!(told, "the model was never told the price");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_model_in_the_same_process_does_a_task() {
        let place = Place::new(ONE_STEP).await;
        let ended = custom_provider::run(&place.data(), &place.work()).await;
        let ended = ended.unwrap();
        assert_eq!(ended.status, TaskStatus::Completed, "{:?}", ended.reason);
        assert_eq!(place.read("greeting.txt").as_deref(), Some("hello\n"));
        assert_eq!(place.sim.request_count(), 0, "nobody else was asked");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_event_is_told_once_and_a_question_is_answered() {
        let ask = "- when: {role: executor, not_called: shell_execute}\n  reply: {calls: [{name: shell_execute, arguments: {command: git push}}]}\n- when: {role: executor, not_called: write_file}";
        let playbook =
            without_the_tool().replace("- when: {role: executor, not_called: write_file}", ask);
        let place = Place::new(&playbook).await;
        let mut told = Vec::new();
        let goal = NewTask::new("the price").within(place.work());
        let data = place.data();
        let ended = events::run(&data, place.sim.url(), goal, |line| told.push(line)).await;
        let ended = ended.unwrap();
        assert_eq!(ended.status, TaskStatus::Completed, "{told:#?}");
        let seqs = told
            .iter()
            .filter_map(|line| line.split_once(' ')?.0.parse::<u64>().ok());
        let seqs: Vec<u64> = seqs.collect();
        let all: Vec<u64> = (1..=ended.last_seq.0).collect();
        assert_eq!(seqs, all);
        assert!(
            told.iter().any(|line| line.contains("git push")),
            "{told:?}"
        );
        assert!(told.iter().any(|line| line.ends_with("approval_denied")));
    }
}
