//! Many tasks, bad tokens, and a start with much that was left.

use crate::daemon::{Daemon, Model, until};
use crate::follow::http;
use crate::{Fault, Line, Size};
use futures_util::future::join_all;
use loom_client::wire::{Approval, NewTaskRequest};
use loom_events::TaskId;
use loom_view::TaskStatus;
use std::time::{Duration, Instant};

pub(crate) async fn many_tasks(daemon: &Daemon, many: usize) -> Result<Vec<Line>, Fault> {
    let client = daemon.client()?;
    let submit = async |n: usize| -> Result<(Duration, TaskId), Fault> {
        let task = daemon.task(&format!("many-{n}"))?;
        let began = Instant::now();
        let id = client.submit(&task, None).await?.task_id;
        Ok((began.elapsed(), id))
    };
    // One after the other, as fast as they are taken, while those before them run.
    let mut begun = Vec::new();
    for n in 0..many {
        begun.push(submit(n).await?);
    }
    let most = std::cell::Cell::new(0);
    let ids: Vec<TaskId> = begun.iter().map(|(_, id)| *id).collect();
    until(|| async {
        most.set(most.get().max(daemon.memory_mib()));
        tokio::time::sleep(Duration::from_millis(20)).await;
        let query = loom_client::TaskQuery {
            limit: Some(500),
            ..Default::default()
        };
        let page = client.tasks(&query).await.ok()?;
        let open = page
            .tasks
            .iter()
            .filter(|t| ids.contains(&t.task_id) && !t.status.is_final());
        (open.count() == 0).then_some(())
    })
    .await?;
    let most = most.get();
    let mut completed = 0;
    for id in &ids {
        let task = client.task(&id.to_string()).await?;
        completed += usize::from(task.view.status == TaskStatus::Completed);
    }
    let mut times: Vec<Duration> = begun.iter().map(|(time, _)| *time).collect();
    times.sort_unstable();
    let p99 = times[(times.len() * 99).div_ceil(100) - 1];
    Ok(vec![
        Line::works(
            "of 100 tasks at once completed",
            format!("{completed} of {many}"),
            "all",
            completed == many,
        ),
        Line::figure(
            "POST /tasks, p99 of 100 while they run",
            format!("{:.1} ms", p99.as_secs_f64() * 1e3),
            "< 50 ms",
            p99 < Duration::from_millis(50),
        ),
        Line::figure(
            "memory of loomd, the most while 100 tasks run at once",
            format!("{most} MiB"),
            "< 150 MiB",
            most < 150,
        ),
    ])
}

pub(crate) async fn bad_tokens(daemon: &Daemon, each: usize) -> Result<Line, Fault> {
    let began = Instant::now();
    let flood = join_all((0..16).map(|part| async move {
        let client = http()?;
        for n in 0..each {
            let asked = client.get(format!("{}/tasks", daemon.url));
            let status = asked
                .bearer_auth(format!("loom_{part}_{n}"))
                .send()
                .await?
                .status();
            if status != reqwest::StatusCode::UNAUTHORIZED {
                return Err(Fault::from(format!(
                    "a bad token was answered with {status}"
                )));
            }
        }
        Ok(())
    }));
    let client = daemon.client()?;
    let good = async {
        let mut worst = Duration::ZERO;
        for _ in 0..50 {
            let asked = Instant::now();
            client.tasks(&Default::default()).await?;
            worst = worst.max(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok::<_, Fault>(worst)
    };
    let (flood, worst) = tokio::join!(flood, good);
    flood.into_iter().collect::<Result<Vec<()>, Fault>>()?;
    let (took, worst) = (began.elapsed(), worst?);
    Ok(Line::figure(
        "10,000 bad tokens; the slowest answer to a good one meanwhile",
        format!(
            "{:.1} s, {:.0} ms",
            took.as_secs_f64(),
            worst.as_secs_f64() * 1e3
        ),
        "< 10 s, < 250 ms",
        took < Duration::from_secs(10) && worst < Duration::from_millis(250),
    ))
}

pub(crate) async fn restart(
    daemon: Daemon,
    sim: &Model,
    size: Size,
) -> Result<(Daemon, Vec<Line>), Fault> {
    let client = daemon.client()?;
    // Ended by being cancelled: their journals are short, and it is their number that counts.
    for n in 0..size.ended {
        let task = NewTaskRequest {
            goal: format!("goal {n}"),
            review_plan: Some(true),
            ..NewTaskRequest::default()
        };
        let id = client.submit(&task, None).await?.task_id;
        client.cancel(id, &Default::default()).await?;
    }
    let mut running = Vec::new();
    for n in 0..size.unfinished {
        let task = NewTaskRequest {
            approval_mode: Some(Approval::Manual),
            ..daemon.task(&format!("kept-{n}"))?
        };
        running.push(client.submit(&task, None).await?.task_id);
    }
    let home = daemon.home.clone();
    let ended = daemon.end().await?;
    let daemon = Daemon::start(&home, sim).await?;
    let ready = daemon.ready().await?;
    let client = daemon.client()?;
    let mut resumed = 0;
    for task in &running {
        resumed += usize::from(client.task(&task.to_string()).await?.running);
    }
    let lines = vec![
        Line::figure(
            "from SIGTERM to the end, 50 tasks running",
            format!("{:.1} s", ended.as_secs_f64()),
            "≤ 10 s",
            ended <= Duration::from_secs(10),
        ),
        Line::figure(
            "from start to ready with 1,000 ended and 50 unfinished tasks",
            format!("{:.2} s", ready.as_secs_f64()),
            "< 1 s",
            ready < Duration::from_secs(1),
        ),
        Line::works(
            "of 50 unfinished tasks taken up",
            format!("{resumed} of {}", size.unfinished),
            "all",
            resumed == size.unfinished,
        ),
    ];
    Ok((daemon, lines))
}
