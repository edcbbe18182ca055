//! The rows of tasks: what the events say, at every moment.

use super::{J, suite};
use crate::fixtures::{
    append, asked, completed, created, granted, plan_ready, started, subtask, task, whole_task,
};
use crate::{Closing, RowStatus, TaskFilter, check_projections};
use loom_events::{AttemptId, Event, Seq, Subject, Time};
use std::sync::Arc;

suite! {
    a_whole_task_shows_in_the_rows_as_it_goes
    the_rows_are_what_the_events_say_at_every_prefix
    a_question_waits_until_it_is_answered
    a_subtask_that_a_later_plan_leaves_out_is_not_counted
    tasks_are_listed_by_status_and_workspace_newest_first
    a_task_is_found_by_either_end_of_its_id
    only_tasks_without_an_end_are_unfinished
}

async fn a_whole_task_shows_in_the_rows_as_it_goes(j: J) {
    let mut seen = Vec::new();
    for event in whole_task() {
        append(&*j, task(1), vec![event]).await.unwrap();
        seen.push(j.task(task(1)).await.unwrap().unwrap().status);
    }
    use RowStatus::{Completed, Executing, Pending, Planning, Stopping, WaitingApproval};
    let expected = [
        vec![Pending, Planning],
        vec![Executing; 6],
        vec![WaitingApproval],
        vec![Executing; 8],
        vec![Stopping, Completed],
    ];
    assert_eq!(seen, expected.concat());
    let row = j.task(task(1)).await.unwrap().unwrap();
    assert_eq!(row.goal, "make it work");
    assert_eq!(row.workspace.as_deref(), Some("/home/u/project"));
    assert_eq!((row.subtasks_done, row.subtasks_total), (1, 2));
    assert_eq!((row.tokens, row.waiting, row.last_seq), (118, 0, Seq(19)));
    assert_eq!(row.created, Time::from_millis(1_795_000_000_001));
    assert_eq!(row.updated, Time::from_millis(1_795_000_000_019));
    let rows = j.subtasks(task(1)).await.unwrap();
    let shown: Vec<_> = rows.iter().map(|s| (s.id.as_str(), s.status)).collect();
    let expected = [
        ("third", Pending),
        ("first", Completed),
        ("second", Pending),
    ];
    assert_eq!(shown, expected);
    assert_eq!(rows[1].attempts, 1);
}

async fn the_rows_are_what_the_events_say_at_every_prefix(j: J) {
    for event in whole_task() {
        append(&*j, task(1), vec![event]).await.unwrap();
        assert_eq!(check_projections(&*j, task(1)).await.unwrap(), []);
    }
    append(&*j, task(2), whole_task()).await.unwrap();
    assert_eq!(check_projections(&*j, task(2)).await.unwrap(), []);
    assert_eq!(check_projections(&*j, task(3)).await.unwrap(), []);
}

async fn a_question_waits_until_it_is_answered(j: J) {
    let attempt = AttemptId(Seq(3));
    let events = vec![
        created("a"),
        plan_ready(1, &["first"]),
        started("first", 1),
        asked(Subject::Result { attempt }),
        asked(Subject::Plan { version: 1 }),
    ];
    append(&*j, task(1), events).await.unwrap();
    let open = j.open_approvals().await.unwrap();
    assert_eq!(open, j.approvals(task(1)).await.unwrap());
    assert_eq!(open.len(), 2);
    assert_eq!(open[0].subtask, Some(subtask("first")));
    assert_eq!(open[0].question.action, "rm -r build");
    let status = |j: J| async move {
        let row = j.task(task(1)).await.unwrap().unwrap();
        let first = j.subtasks(task(1)).await.unwrap()[0].status;
        (row.status, row.waiting, first)
    };
    use RowStatus::{Executing, Running, WaitingApproval};
    assert_eq!(
        status(Arc::clone(&j)).await,
        (WaitingApproval, 2, WaitingApproval)
    );

    append(&*j, task(1), vec![granted(4)]).await.unwrap();
    assert_eq!(status(Arc::clone(&j)).await, (WaitingApproval, 1, Running));
    let withdrawn = Event::ApprovalWithdrawn {
        question: open[1].id,
    };
    append(&*j, task(1), vec![withdrawn]).await.unwrap();
    assert_eq!(status(Arc::clone(&j)).await, (Executing, 0, Running));

    assert_eq!(j.open_approvals().await.unwrap(), []);
    let closed = j.approvals(task(1)).await.unwrap();
    let closed: Vec<_> = closed.into_iter().map(|a| a.closed.unwrap()).collect();
    assert_eq!(
        (closed[0].how, closed[0].by.as_str()),
        (Closing::Granted, "cli")
    );
    assert_eq!(
        (closed[1].how, closed[1].by.as_str()),
        (Closing::Withdrawn, "")
    );
}

async fn a_subtask_that_a_later_plan_leaves_out_is_not_counted(j: J) {
    let events = vec![
        created("a"),
        plan_ready(1, &["one", "two", "three"]),
        plan_ready(2, &["four", "one"]),
    ];
    append(&*j, task(1), events).await.unwrap();
    let row = j.task(task(1)).await.unwrap().unwrap();
    assert_eq!(row.subtasks_total, 2);
    let ids = j.subtasks(task(1)).await.unwrap();
    let ids: Vec<_> = ids.iter().map(|s| s.id.as_str().to_owned()).collect();
    assert_eq!(ids, ["four", "one", "two", "three"]);
}

async fn tasks_are_listed_by_status_and_workspace_newest_first(j: J) {
    for n in 1..=5 {
        append(&*j, task(n), vec![created("a")]).await.unwrap();
    }
    append(&*j, task(2), vec![completed()]).await.unwrap();
    let list = |filter: TaskFilter| {
        let j = Arc::clone(&j);
        async move {
            let rows = j.tasks(filter).await.unwrap();
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        }
    };
    let all = TaskFilter::default();
    assert_eq!(list(all.clone()).await, [5, 4, 3, 2, 1].map(task));
    let done = TaskFilter {
        status: Some(RowStatus::Completed),
        ..all.clone()
    };
    assert_eq!(list(done).await, [task(2)]);
    let page = TaskFilter {
        before: Some(task(4)),
        limit: 2,
        workspace: Some("/home/u/project".into()),
        ..all.clone()
    };
    assert_eq!(list(page).await, [3, 2].map(task));
    let elsewhere = TaskFilter {
        workspace: Some("/".into()),
        ..all
    };
    assert_eq!(list(elsewhere).await, []);
}

async fn a_task_is_found_by_either_end_of_its_id(j: J) {
    for n in [0x10, 0xab_10] {
        append(&*j, task(n), vec![created("a")]).await.unwrap();
    }
    let find = |part: &'static str| {
        let j = Arc::clone(&j);
        async move { j.find_task(part).await.unwrap() }
    };
    assert_eq!(find("AB10").await, [task(0xab_10)]);
    assert_eq!(find("0010").await, [task(0x10)]);
    assert_eq!(find("10").await, [0xab_10, 0x10].map(task));
    assert_eq!(find("01900000-0000-7").await.len(), 2);
    let whole = task(0x10).to_string();
    assert_eq!(j.find_task(&whole).await.unwrap(), [task(0x10)]);
    for nothing in ["", "-", "xyz", "%", "10%", "'; DROP TABLE tasks; --"] {
        assert_eq!(find(nothing).await, [], "{nothing}");
    }
    for n in 0..20 {
        append(&*j, task((n << 8) | 0xfe), vec![created("a")])
            .await
            .unwrap();
    }
    assert_eq!(find("fe").await.len(), crate::MAX_FOUND);
}

async fn only_tasks_without_an_end_are_unfinished(j: J) {
    for n in 1..=4 {
        append(&*j, task(n), vec![created("a")]).await.unwrap();
    }
    append(&*j, task(1), vec![completed()]).await.unwrap();
    let paused = vec![Event::TaskPaused];
    append(&*j, task(3), paused).await.unwrap();
    assert_eq!(j.unfinished().await.unwrap(), [2, 3, 4].map(task));
    let row = j.task(task(3)).await.unwrap().unwrap();
    assert_eq!(row.status, RowStatus::Paused);
}
