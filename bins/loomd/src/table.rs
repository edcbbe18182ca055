//! Every route of the service. What is not here does not exist: the router, `/openapi.json`, `/docs`
//! and the tests of access are made from this table.

use crate::access::{Scope, Who};
use crate::http::{Route, route};
use crate::routes::{
    control, conversation, events, files, info, learning, memory, questions, stream, subtasks,
    tasks, transfer,
};
use axum::http::Method;

const READER: Who = Who::Bearer(Scope::Reader);
const AGENT: Who = Who::Bearer(Scope::Agent);
const OWNER: Who = Who::Bearer(Scope::Owner);

const KEY: &[(&str, &str)] = &[(
    "Idempotency-Key",
    "The sender's name for this request, remembered for a week. The same request sent again with it is answered with the same task; another request with it is refused with 422.",
)];
const LAST: &[(&str, &str)] = &[(
    "Last-Event-ID",
    "The last id that was received; the stream goes on after it, without gap or duplicate.",
)];

/// The routes.
pub(crate) fn table() -> Vec<Route> {
    let mut table = of_tasks();
    table.extend(of_files());
    table.extend(of_the_service());
    table
}

fn of_tasks() -> Vec<Route> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    vec![
        route(POST, "/tasks", AGENT, "Begin a task")
            .about("Answers once the task is durable, and long before it ends. With the token of an agent a task cannot be given fewer questions or more access than is configured.")
            .headers(KEY)
            .to(tasks::create),
        route(GET, "/tasks", READER, "List tasks, the newest first").to(tasks::list),
        route(GET, "/tasks/{id}", READER, "Show everything that is known of a task")
            .about("`id` is the task's id, or at least four of its last digits.")
            .to(tasks::show),
        route(Method::PATCH, "/tasks/{id}", AGENT, "Give a task an instruction")
            .about("The next model call hears it, and later ones remember it.")
            .to(tasks::steer),
        route(Method::DELETE, "/tasks/{id}", AGENT, "Cancel a task")
            .about("What is half done is put back first; the task ends with `task_cancelled`.")
            .to(tasks::cancel),
        route(POST, "/tasks/{id}/cancel", AGENT, "Cancel a task, without the method DELETE")
            .about("The same as `DELETE /tasks/{id}`, for senders that give no body with that.")
            .to(tasks::cancel),
        route(POST, "/tasks/{id}/steer", AGENT, "Give a task an instruction, without the method PATCH")
            .about("The same as `PATCH /tasks/{id}`.")
            .to(tasks::steer),
        route(POST, "/tasks/{id}/message", AGENT, "Say something to a task")
            .about("It is an instruction, as with `PATCH /tasks/{id}`.")
            .to(conversation::say),
        route(GET, "/tasks/{id}/conversation", READER, "List what was said to a task, the oldest first")
            .to(conversation::said),
        route(GET, "/tasks/{id}/tokens", READER, "Follow the text that models write in the steps of a task")
            .about("Server-sent events from now on: `token`, with `token`, `subtask_id` and `model` in the data. None of it is a record, and what was missed is not sent again. The stream ends with the terminal event.")
            .to(conversation::tokens),
        route(POST, "/tasks/{id}/approve", OWNER, "Say yes to a question")
            .about("With `approved: false` it is a no, as `reject` says it.")
            .to(questions::approve),
        route(POST, "/tasks/{id}/reject", OWNER, "Say no to a question")
            .about("The reason becomes feedback for the next attempt.")
            .to(questions::reject),
        route(POST, "/tasks/{id}/answer", OWNER, "Answer a question in any way it takes")
            .to(questions::answer),
        route(POST, "/tasks/{id}/feedback", AGENT, "Give a task words")
            .about("A question of the model is answered with them, a subtask that has no attempt left is tried again with them; where neither waits they are an instruction. An agent may give instructions, and answers nothing.")
            .to(questions::feedback),
        route(POST, "/tasks/{id}/rate", OWNER, "Say of a task that has ended whether it is right")
            .about("Who says so has looked. Nothing of the task changes: it teaches how sure results are that are stated to be so and so sure. What is said later of the same results counts in its place.")
            .to(learning::rate),
        route(POST, "/tasks/{id}/pause", AGENT, "Let nothing new begin").to(control::pause),
        route(POST, "/tasks/{id}/resume", AGENT, "Go on with a paused or abandoned task")
            .to(control::resume),
        route(Method::PUT, "/tasks/{id}/plan", OWNER, "Replace what is still to be done")
            .about("Completed subtasks must be in the plan unchanged. A plan under review is agreed to by it.")
            .to(control::edit_plan),
        route(POST, "/tasks/{id}/retry", AGENT, "Try again what a task did not bring about")
            .about("Of a task that runs, a subtask that failed or is blocked begins again. Of one that has ended, a new task takes over what was completed, and how often a human is asked, and does the rest.")
            .to(control::retry),
        route(POST, "/tasks/{id}/fork", AGENT, "Begin a new task at an event of this one")
            .to(control::fork),
        route(GET, "/tasks/{id}/stream", READER, "Follow a task as it happens")
            .about("Server-sent events. `id` is the event's seq, `event` its type, `data` the event. `model_delta` carries text as a model writes it; it is no record and has no id. The stream ends after the terminal event; one that is cut before ends with `stream_cut`.")
            .headers(LAST)
            .to(stream::task),
        route(GET, "/tasks/{id}/events", READER, "Read the journal of a task")
            .to(events::page),
        route(GET, "/tasks/{id}/export", READER, "Give a task as one file")
            .about("Lines of JSON: what it is, the events with their versions, the prompts, answers and outputs that they name, and last a hash. There are no secrets in it. `POST /import` takes it.")
            .to(transfer::export),
        route(GET, "/tasks/{id}/subtasks", READER, "List the steps of a task")
            .to(subtasks::list),
        route(GET, "/tasks/{id}/subtasks/{sid}", READER, "Show a step").to(subtasks::one),
        route(GET, "/tasks/{id}/subtasks/{sid}/trace", READER, "Show everything that was said and done in a step")
            .about("Prompts, answers, thoughts, tool calls and verdicts of every attempt.")
            .to(subtasks::trace),
        route(GET, "/tasks/{id}/memory", READER, "Show what was worth keeping of a task")
            .to(memory::of_task),
    ]
}

fn of_files() -> Vec<Route> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    vec![
        route(GET, "/tasks/{id}/files", READER, "List the files that a task changed")
            .to(files::files),
        route(GET, "/tasks/{id}/diff", READER, "Show what is different from before a task")
            .to(files::diff),
        route(GET, "/tasks/{id}/changes", READER, "List every change of files, in order")
            .to(files::changes),
        route(GET, "/tasks/{id}/changes/{seq}/diff", READER, "Show what one change did to its file")
            .to(files::change_diff),
        route(GET, "/tasks/{id}/files/{path}/diff", READER, "Show what is different in a file")
            .about("`path` is percent-encoded: `src%2Fmain.rs`.")
            .to(files::file_diff),
        route(POST, "/tasks/{id}/revert", AGENT, "Take back what a task changed")
            .about("The task must have ended. What somebody changed since is left alone and listed, unless the request says what to do about it.")
            .to(files::revert),
        route(POST, "/tasks/{id}/files/{path}/revert", AGENT, "Take back what a task changed in a file")
            .about("`path` is percent-encoded: `src%2Fmain.rs`. A directory means everything in it.")
            .to(files::revert_file),
        route(POST, "/tasks/{id}/subtasks/{sid}/revert", AGENT, "Take back what a step changed")
            .to(files::revert_subtask),
    ]
}

fn of_the_service() -> Vec<Route> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    vec![
        route(GET, "/events/stream", READER, "Follow all tasks as it happens")
            .about("Server-sent events, as for one task; `id` is the record's id over all tasks. The first event, `stream_open`, has the id from which it goes on. It ends only with the service.")
            .headers(LAST)
            .to(stream::all),
        route(GET, "/memory/search", READER, "Search what was worth keeping of all tasks")
            .to(memory::search),
        route(POST, "/import", OWNER, "Take a task from an export, as history")
            .about("It keeps its id, can be looked at, and nothing goes on with it. An export that was changed, that is of a newer form, or whose task is here already is refused; nothing is ever replaced.")
            .to(transfer::import),
        route(GET, "/learning", READER, "Show what finished tasks have taught")
            .about("What is done otherwise because of it, each with its reason and evidence; how models did at kinds of work; what the user asked for; plans that worked.")
            .to(learning::show),
        route(GET, "/learning/export", READER, "Give everything that was learned, as it is stored")
            .to(learning::export),
        route(Method::DELETE, "/learning", OWNER, "Forget everything that was learned")
            .about("Tasks that have ended teach no second time.")
            .to(learning::forget),
        route(GET, "/models", READER, "Show the models and how they do").to(info::models),
        route(GET, "/tools", READER, "List the tools that a model may be offered")
            .to(info::tools),
        route(GET, "/config", READER, "Show the effective configuration")
            .about("Every value with its origin. There are no secrets in it.")
            .to(info::config),
        route(GET, "/health", Who::Anyone, "Say that the process answers").to(info::health),
        route(GET, "/ready", Who::Anyone, "Say whether tasks are taken").to(info::ready),
        route(GET, "/metrics", READER, "Give figures in the text form of Prometheus")
            .about("403 `off` until `telemetry.prometheus` is switched on.")
            .to(info::metrics),
        route(GET, "/openapi.json", Who::Anyone, "Describe this API").to(info::openapi),
        route(GET, "/docs", Who::Anyone, "Show this description as a page").to(info::docs),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_rows_are_the_same_route_and_each_says_what_it_is() {
        let mut seen = BTreeSet::new();
        for route in table() {
            let name = format!("{} {}", route.method, route.path);
            assert!(seen.insert(name.clone()), "{name} is there twice");
            assert!(
                !route.summary.is_empty() && !route.summary.ends_with('.'),
                "{name}"
            );
        }
    }

    #[test]
    fn what_answers_a_human_s_question_takes_the_token_of_the_owner() {
        for verb in ["approve", "reject", "answer", "plan"] {
            let path = format!("/tasks/{{id}}/{verb}");
            let table = table();
            let route = table.iter().find(|route| route.path == path).unwrap();
            assert_eq!(route.who, OWNER, "{path}");
        }
    }

    #[test]
    fn only_what_shows_nothing_of_the_user_is_open_and_what_changes_something_is_not_a_reader_s() {
        let open: Vec<&str> = table()
            .iter()
            .filter(|route| route.who == Who::Anyone)
            .map(|route| route.path)
            .collect();
        assert_eq!(open, ["/health", "/ready", "/openapi.json", "/docs"]);
        for route in table() {
            let reader = matches!(route.who, Who::Anyone | Who::Bearer(Scope::Reader));
            assert_eq!(route.reads(), reader, "{} {}", route.method, route.path);
        }
    }
}
