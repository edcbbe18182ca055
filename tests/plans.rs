//! The built-in examples of plans, each on a small real project: chosen for the goal, filled in as a
//! planner would do it, accepted, and worked through until every check of it is green.

use crate::world::{Ended, World};
use loom_engine::TaskStatus;
use loom_events::{Event, NewTask};
use loom_sim::{Reply, Request, Role};
use serde_json::{Value, json};

/// A call of a tool.
type Act = (&'static str, Value);

/// One kind of work on one project.
struct Case {
    example: &'static str,
    goal: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// What stands for each placeholder.
    filled: &'static [(&'static str, &'static str)],
    /// By the beginning of a step's title: what is done in it.
    work: Vec<(&'static str, Vec<Act>)>,
    /// What a file must say at the end.
    made: &'static [(&'static str, &'static str)],
}

/// The example as it stands in the planner's prompt.
fn shown(request: &Request) -> Option<Value> {
    let texts = request.messages.iter().filter_map(|m| m.text.as_ref());
    let mut lines = texts.flat_map(|text| text.lines());
    lines.find(|line| line.starts_with("An example of a plan"))?;
    serde_json::from_str(lines.next()?).ok()
}

fn filled(example: &Value, filled: &[(&str, &str)]) -> Value {
    let mut text = example.to_string();
    for (placeholder, meant) in filled {
        let quoted = Value::from(*meant).to_string();
        assert!(text.contains(placeholder), "{placeholder} in {text}");
        text = text.replace(placeholder, quoted.trim_matches('"'));
    }
    let mut plan: Value = serde_json::from_str(&text).unwrap();
    plan["analysis"] = "Looked at it.".into();
    plan
}

/// Plans by the example, works by the script.
fn worker(case: &Case) -> impl Fn(&Request) -> Reply + Send + Sync + use<> {
    let meant = case.filled;
    let work = case.work.clone();
    move |request| match request.role {
        Some(Role::Planner) => match shown(request) {
            Some(example) => Reply::json(&filled(&example, meant)),
            None => Reply::text("there is no example"),
        },
        Some(Role::Executor) => {
            let step = |title: &str| request.contains(&format!("Your step: {title}"));
            let (title, acts) = work.iter().find(|(title, _)| step(title)).unwrap();
            match acts.get(request.past_calls().count()) {
                Some((tool, arguments)) => Reply::call(tool, arguments),
                None => Reply::text(format!("Done: {title}. Nothing is missing.")),
            }
        }
        Some(Role::Extractor) => Reply::json(&json!({"summary": "done", "entries": []})),
        _ => Reply::text("no"),
    }
}

/// The checks decide: no verifier is asked.
fn task(world: &World, goal: &str) -> NewTask {
    let mut new = world.task(goal);
    new.settings.verification.tier = 1;
    new.settings.limits.plan_versions = 1;
    new
}

async fn run(case: Case) {
    let world = World::code(worker(&case)).await;
    for (path, text) in case.files {
        world.write(path, text);
    }
    let ended = world.run_task(task(&world, case.goal)).await;
    assert_completed(&ended);
    assert_eq!(ended.count("plan_rejected"), 0);
    assert_eq!(ended.count("subtask_retrying"), 0);
    let example = ended.events().find_map(|event| match event {
        Event::PromptAssembled { prompt, .. } => prompt.example.clone(),
        _ => None,
    });
    let example = example.unwrap();
    assert!(
        example.starts_with(&format!("{}@", case.example)),
        "{example}"
    );
    for (path, text) in case.made {
        let now = world.read(path).unwrap_or_default();
        assert!(now.contains(text), "{path}: {now}");
    }
    world.assert_well_formed();
    world.assert_replays(ended.id).await;
}

fn assert_completed(ended: &Ended) {
    let attempts = ended.view.subtasks.iter().filter_map(|s| s.last_attempt());
    let feedback: Vec<_> = attempts.map(|attempt| &attempt.feedback).collect();
    let rejected: Vec<_> = ended
        .events()
        .filter_map(|event| match event {
            Event::PlanRejected { errors, .. } => Some(errors),
            _ => None,
        })
        .collect();
    assert_eq!(
        ended.view.status,
        TaskStatus::Completed,
        "{:?}\n{feedback:#?}\n{rejected:#?}",
        ended.view.reason
    );
}

fn read(path: &str) -> Act {
    ("read_file", json!({"path": path}))
}

fn write(path: &str, content: &str) -> Act {
    ("write_file", json!({"path": path, "content": content}))
}

fn edit(path: &str, old: &str, new: &str) -> Act {
    (
        "edit_file",
        json!({"path": path, "old_text": old, "new_text": new}),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn refactor() {
    run(Case {
        example: "refactor",
        goal: "Rename the function area to surface in the scripts",
        files: &[
            ("lib.sh", "area() {\n  echo $(($1 * $2))\n}\n"),
            ("main.sh", ". ./lib.sh\narea 3 4\n"),
            ("test.sh", "test \"$(sh main.sh)\" = 12\n"),
        ],
        filled: &[
            ("<Move or rename>", "Rename"),
            ("<old name>", "area"),
            ("<new name>", "surface"),
            ("<code file>", "lib.sh"),
            ("<source files>", "*.sh"),
            ("<test command>", "sh test.sh"),
        ],
        work: vec![
            (
                "Find every use of area",
                vec![("search_files", json!({"pattern": "area"}))],
            ),
            (
                "Rename area to surface",
                vec![
                    read("lib.sh"),
                    edit("lib.sh", "area()", "surface()"),
                    read("main.sh"),
                    edit("main.sh", "area 3 4", "surface 3 4"),
                ],
            ),
        ],
        made: &[("main.sh", "surface 3 4")],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn add_tests() {
    run(Case {
        example: "add-tests",
        goal: "Add tests for is_even in numbers.sh",
        files: &[(
            "numbers.sh",
            "is_even() {\n  case $1 in *[!0-9]*|'') return 2;; esac\n  test $(($1 % 2)) -eq 0\n}\n",
        )],
        filled: &[
            ("<unit>", "is_even"),
            ("<code file>", "numbers.sh"),
            ("<test file>", "numbers_test.sh"),
            ("<number>", "3"),
            ("<command that runs the new tests>", "sh numbers_test.sh"),
        ],
        work: vec![(
            "Test is_even",
            vec![
                read("numbers.sh"),
                write(
                    "numbers_test.sh",
                    "set -e\n. ./numbers.sh\nis_even 2\nis_even 0\nif is_even 3; then exit 1; fi\nrc=0; is_even x || rc=$?\ntest $rc -eq 2\n",
                ),
            ],
        )],
        made: &[("numbers_test.sh", "is_even 0")],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fix_bug() {
    run(Case {
        example: "fix-bug",
        goal: "Fix the wrong result of sum.sh when there are no prices",
        files: &[
            ("sum.sh", "for price in \"$@\"; do total=$((total + price)); done\necho \"$total\"\n"),
            ("sum_test.sh", "set -e\ntest \"$(sh sum.sh 1 2)\" = 3\n"),
        ],
        filled: &[
            ("<test file>", "sum_test.sh"),
            ("<test name>", "nothing_is_zero"),
            ("<code file>", "sum.sh"),
            ("<test command>", "sh sum_test.sh"),
            ("<what leads to the fault>", "sums no prices"),
            ("<what should happen>", "0"),
            ("<What should happen>", "The sum of nothing is 0"),
        ],
        work: vec![
            (
                "Show the fault with a test",
                vec![
                    read("sum_test.sh"),
                    read("sum.sh"),
                    edit(
                        "sum_test.sh",
                        "= 3\n",
                        "= 3\nnothing_is_zero() {\n  test \"$(sh sum.sh)\" = 0\n}\nnothing_is_zero\n",
                    ),
                ],
            ),
            (
                "Mend the cause in sum.sh",
                vec![read("sum.sh"), edit("sum.sh", "for price", "total=0\nfor price")],
            ),
        ],
        made: &[("sum.sh", "total=0"), ("sum_test.sh", "nothing_is_zero")],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate() {
    run(Case {
        example: "migrate",
        goal: "Migrate the scripts from egrep to grep -E",
        files: &[
            ("src/count.sh", "egrep -c 'a|b' data.txt\n"),
            ("src/list.sh", "egrep 'a|b' data.txt\n"),
            ("data.txt", "a\nb\nc\n"),
            ("tools.txt", "egrep 2.5\n"),
            ("test.sh", "test \"$(sh src/count.sh)\" = 2\n"),
        ],
        filled: &[
            ("<old>", "egrep"),
            ("<new>", "grep -E"),
            ("<old in a pattern>", "egrep"),
            ("<new in a pattern>", "grep -E"),
            ("<files that use the old>", "src/count.sh and src/list.sh"),
            (
                "<How each kind of use is written with the new.>",
                "Write egrep X as grep -E X.",
            ),
            ("<source files>", "src/*.sh"),
            ("<manifest>", "tools.txt"),
            ("<test command>", "sh test.sh"),
        ],
        work: vec![
            (
                "Use grep -E in place of egrep",
                vec![
                    read("src/count.sh"),
                    edit("src/count.sh", "egrep", "grep -E"),
                    read("src/list.sh"),
                    edit("src/list.sh", "egrep", "grep -E"),
                ],
            ),
            (
                "Take egrep out of tools.txt",
                vec![
                    read("tools.txt"),
                    edit("tools.txt", "egrep 2.5", "grep -E 3.11"),
                ],
            ),
        ],
        made: &[("src/list.sh", "grep -E 'a|b'"), ("tools.txt", "grep -E")],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn organise_files() {
    let moved = |name: &str| {
        (
            "move_file",
            json!({"from": format!("inbox/{name}"), "to": format!("letters/{name}")}),
        )
    };
    run(Case {
        example: "organise-files",
        goal: "Organise the files in inbox: letters into a folder of their own, and an index",
        files: &[
            ("inbox/aunt.txt", "Dear aunt\n"),
            ("inbox/bank.txt", "Dear bank\n"),
            ("inbox/photo.jpg", "not a letter\n"),
        ],
        filled: &[
            ("<kind of files>", "letter"),
            ("<folder>", "letters"),
            ("<where they are>", "inbox"),
            ("<how many there are>", "2"),
            ("<pattern of where they were>", "inbox/*.txt"),
            ("<index file>", "INDEX.md"),
        ],
        work: vec![
            (
                "Move letter into letters",
                vec![
                    ("list_directory", json!({"path": "inbox"})),
                    moved("aunt.txt"),
                    moved("bank.txt"),
                ],
            ),
            (
                "Write down what is where",
                vec![
                    ("list_directory", json!({"path": "letters"})),
                    write("INDEX.md", "- letters: letters, 2 files\n- inbox: 1 file\n"),
                ],
            ),
        ],
        made: &[("letters/aunt.txt", "Dear aunt"), ("INDEX.md", "2 files")],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn process_documents() {
    run(Case {
        example: "process-documents",
        goal: "Extract the totals of the invoices into a table as CSV, and sum them up",
        files: &[
            ("invoices/1.txt", "Invoice 1\nTotal: 40\n"),
            ("invoices/2.txt", "Invoice 2\nTotal: 2\n"),
        ],
        filled: &[
            ("<pattern of documents>", "invoices/*.txt"),
            ("<table file>", "totals.csv"),
            ("<header>", "file,total"),
            ("<header in a pattern>", "file,total"),
            ("<how many documents>", "2"),
            ("<summary file>", "summary.md"),
            ("<what is wanted, such as totals>", "the sum of the totals"),
            ("<the total in a pattern>", "\\b42\\b"),
        ],
        work: vec![
            (
                "Write one row for each document",
                vec![
                    read("invoices/1.txt"),
                    read("invoices/2.txt"),
                    write("totals.csv", "file,total\n1.txt,40\n2.txt,2\n"),
                ],
            ),
            (
                "Write what the table shows",
                vec![
                    read("totals.csv"),
                    write("summary.md", "The sum is 42. Nothing is missing.\n"),
                ],
            ),
        ],
        made: &[("totals.csv", "2.txt,2"), ("summary.md", "42")],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn write_docs() {
    run(Case {
        example: "write-docs",
        goal: "Write a manual page on greet.sh: document the options",
        files: &[(
            "greet.sh",
            "case $1 in --loud) echo HELLO;; --soft) echo hello;; *) exit 2;; esac\n",
        )],
        filled: &[
            ("<subject>", "greet.sh"),
            ("<code files>", "greet.sh"),
            ("<command, option or function>", "option"),
            ("<page>", "docs/greet.md"),
            ("<readers>", "users"),
            ("<headings>", "Options and Errors"),
            ("<a heading in a pattern>", "^## Options"),
            ("<a name that must be described>", "--loud"),
        ],
        work: vec![
            ("Collect what is true of greet.sh", vec![read("greet.sh")]),
            (
                "Write docs/greet.md",
                vec![
                    read("greet.sh"),
                    write(
                        "docs/greet.md",
                        "# greet.sh\n\n## Options\n\n--loud prints HELLO, --soft prints hello.\n\n## Errors\n\nAnything else ends with 2.\n",
                    ),
                ],
            ),
        ],
        made: &[("docs/greet.md", "--soft prints hello")],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn research_notes() {
    run(Case {
        example: "research-notes",
        goal: "Research which of the two queues in sources keeps messages over a restart, and take notes",
        files: &[
            ("sources/a.md", "# A\nA keeps messages in memory only.\n"),
            ("sources/b.md", "# B\nB writes every message to disk.\n"),
        ],
        filled: &[
            ("<sources>", "sources/a.md and sources/b.md"),
            ("<question>", "Which queue keeps messages over a restart?"),
            ("<name of a source>", "a\\.md"),
            ("<notes file>", "notes.md"),
            ("<answer file>", "answer.md"),
        ],
        work: vec![
            (
                "Write notes on sources/a.md",
                vec![
                    read("sources/a.md"),
                    read("sources/b.md"),
                    write(
                        "notes.md",
                        "## sources/a.md\n- in memory only (line 2)\n\n## sources/b.md\n- on disk (line 2)\n",
                    ),
                ],
            ),
            (
                "Write the answer into answer.md",
                vec![
                    read("notes.md"),
                    write(
                        "answer.md",
                        "B keeps them: it writes to disk (sources/b.md, line 2).\n\n## Open\n\nNothing.\n",
                    ),
                ],
            ),
        ],
        made: &[("answer.md", "B keeps them")],
    })
    .await;
}

/// A planner that copies the example as it stands is told so, and plans properly the second time.
#[tokio::test(flavor = "multi_thread")]
async fn an_example_that_was_copied_is_refused_with_the_placeholder() {
    let respond = |request: &Request| match request.role {
        Some(Role::Planner) if request.turn() == 0 => Reply::json(&shown(request).unwrap()),
        Some(Role::Planner) => {
            assert!(request.contains("from the example: write what is meant here"));
            Reply::json(&json!({"subtasks": [{
                "id": "mend", "title": "Mend it", "description": "Write 0 into sum.txt.",
                "criteria": ["sum.txt says 0."],
                "checks": [{"kind": "file_contains", "path": "sum.txt", "regex": "0"}]}]}))
        }
        Some(Role::Executor) if request.past_calls().count() == 0 => {
            Reply::call("write_file", &json!({"path": "sum.txt", "content": "0\n"}))
        }
        Some(Role::Executor) => Reply::text("Done."),
        Some(Role::Extractor) => Reply::json(&json!({"summary": "done", "entries": []})),
        _ => Reply::text("no"),
    };
    let world = World::code(respond).await;
    let ended = world.run_task(task(&world, "Fix the bug in sum.txt")).await;
    assert_completed(&ended);
    assert_eq!(ended.count("plan_rejected"), 1);
}
