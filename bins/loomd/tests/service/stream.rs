//! Streams: nothing missing, nothing twice, and an end.

use crate::support::{ONE_STEP, PATIENCE, Service, http, soon};
use futures_util::StreamExt as _;
use loom_client::wire::{MODEL_DELTA, STREAM_CUT, STREAM_OPEN};
use loom_events::Seq;
use loomd::Limits;
use reqwest::{Method, StatusCode};
use std::time::Duration;

/// One event as it stands in the stream.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sent {
    id: Option<u64>,
    name: String,
    data: String,
}

/// Reads a response to its end, or until so many events with an id have come.
async fn events(response: reqwest::Response, most: usize) -> Vec<Sent> {
    let mut bytes = response.bytes_stream();
    let mut text = String::new();
    let mut sent = Vec::new();
    let mut one = Sent::default();
    while let Some(piece) = tokio::time::timeout(PATIENCE, bytes.next())
        .await
        .expect("it hangs")
    {
        text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        while let Some((line, rest)) = text.split_once('\n') {
            let (line, rest) = (line.to_owned(), rest.to_owned());
            text = rest;
            match line.split_once(": ") {
                Some(("id", id)) => one.id = Some(id.parse().unwrap()),
                Some(("event", name)) => one.name = name.to_owned(),
                Some(("data", data)) => one.data.push_str(data),
                _ if line.is_empty() => {
                    let done = std::mem::take(&mut one);
                    if !done.name.is_empty() {
                        sent.push(done);
                    }
                    if sent.iter().filter(|s| s.id.is_some()).count() >= most {
                        return sent;
                    }
                }
                _ => {}
            }
        }
    }
    sent
}

fn ids(sent: &[Sent]) -> Vec<u64> {
    sent.iter().filter_map(|one| one.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_every_event_once_goes_on_anywhere_and_ends_with_the_task() {
    let service = Service::new(ONE_STEP).await;
    let created = service
        .submit(&service.new_task("write hello into out.txt"))
        .await;
    let path = format!("/tasks/{}/stream", created.task_id);
    let live = service.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    let live = events(live, usize::MAX).await;
    let records = service
        .engine
        .reader()
        .records(created.task_id)
        .await
        .unwrap();
    let all: Vec<u64> = records.iter().map(|r| r.envelope.seq.0).collect();
    assert_eq!(ids(&live), all);
    assert_eq!(live.last().unwrap().name, "task_completed");
    let deltas: Vec<_> = live.iter().filter(|one| one.name == MODEL_DELTA).collect();
    assert!(!deltas.is_empty() && deltas.iter().all(|one| one.id.is_none()));
    for (sent, record) in live.iter().filter(|one| one.id.is_some()).zip(&records) {
        assert_eq!(sent.name, record.envelope.event.name());
        let data: loom_events::Record = serde_json::from_str(&sent.data).unwrap();
        assert_eq!(&data, record);
    }
    let last = *all.last().unwrap();
    for after in [0, 1, last / 2, last - 1] {
        let resumed = service.request(Method::GET, &path);
        let resumed = resumed.header("last-event-id", after.to_string()).send();
        let resumed = events(resumed.await.unwrap(), usize::MAX).await;
        assert_eq!(
            ids(&resumed),
            (after + 1..=last).collect::<Vec<_>>(),
            "after {after}"
        );
        let asked = service.request(Method::GET, &format!("{path}?after={after}&live=false"));
        let asked = events(asked.send().await.unwrap(), usize::MAX).await;
        assert_eq!(ids(&asked), ids(&resumed));
    }
    let over = service
        .request(Method::GET, &path)
        .header("last-event-id", last.to_string());
    assert_eq!(over.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    let odd = service
        .request(Method::GET, &path)
        .header("last-event-id", "x");
    assert_eq!(odd.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_readers_has_every_event_once_and_the_end() {
    let service = Service::new(ONE_STEP).await;
    let task = service.waiting().await;
    let path = format!("/tasks/{task}/stream?live=false");
    let mut crowd = Vec::new();
    for _ in 0..80 {
        let open = service.request(Method::GET, &path).send().await.unwrap();
        crowd.push(tokio::spawn(events(open, usize::MAX)));
    }
    let client = service.client();
    client.approve(task, &Default::default()).await.unwrap();
    let mut last = None;
    for reader in crowd {
        let sent = reader.await.unwrap();
        let ids = ids(&sent);
        assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
        assert_eq!(sent.last().unwrap().name, "task_completed");
        assert_eq!(*last.get_or_insert(ids.len()), ids.len());
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_told_the_first_thing_at_once_and_what_follows_when_it_is_gathered() {
    let limits = Limits {
        // None of the pauses of this test comes to its end.
        gather: Duration::from_secs(1_000_000),
        ..Limits::default()
    };
    let service = Service::with(ONE_STEP, limits).await;
    let task = service.waiting().await;
    let client = service.client();
    let known = client.task(&task.to_string()).await.unwrap().view.last_seq;
    let path = format!("/tasks/{task}/stream?live=false");
    let mut crowd = Vec::new();
    for _ in 0..40 {
        let path = format!("{path}&after={known}");
        crowd.push(service.request(Method::GET, &path).send().await.unwrap());
    }
    client.approve(task, &Default::default()).await.unwrap();
    let first = soon(events(crowd.pop().unwrap(), 1)).await;
    assert_eq!(ids(&first), [known.0 + 1]);
    // Whoever comes when it has ended reads the journal by himself.
    let ended = async {
        // Not by a stream: it would be one of the crowd.
        while !client
            .task(&task.to_string())
            .await
            .unwrap()
            .view
            .status
            .is_final()
        {
            tokio::task::yield_now().await;
        }
    };
    soon(ended).await;
    let late = service.request(Method::GET, &path).send().await.unwrap();
    let late = soon(events(late, usize::MAX)).await;
    assert_eq!(late.last().unwrap().name, "task_completed");
    service.stop.cancel();
    for reader in crowd {
        let sent = soon(events(reader, usize::MAX)).await;
        assert_eq!(sent.last().unwrap().name, STREAM_CUT);
        assert!(sent.iter().all(|one| one.name != "task_completed"));
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_crowd_or_leaves_it_in_the_middle_has_every_event_once() {
    let service = Service::new(ONE_STEP).await;
    let task = service.waiting().await;
    let client = service.client();
    let known = client
        .task(&task.to_string())
        .await
        .unwrap()
        .view
        .last_seq
        .0;
    let path = format!("/tasks/{task}/stream?live=false");
    // Behind the crowd, abreast of it, and from a place that is still to come.
    let places = [0, 1, known - 1, known, known + 2];
    let mut readers = Vec::new();
    for after in places.into_iter().cycle().take(60) {
        let path = format!("{path}&after={after}");
        let open = service.request(Method::GET, &path).send().await.unwrap();
        readers.push((after, tokio::spawn(events(open, usize::MAX))));
    }
    // Some leave before the rest goes on.
    for (_, reader) in readers.drain(..10) {
        reader.abort();
    }
    client.approve(task, &Default::default()).await.unwrap();
    let ended = service.until(task, |view| view.status.is_final()).await;
    let last = ended.last_seq.0;
    for (after, reader) in readers {
        let sent = soon(reader).await.unwrap();
        assert_eq!(ids(&sent), (after + 1..=last).collect::<Vec<_>>());
        assert_eq!(sent.last().unwrap().name, "task_completed");
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_all_tasks_begins_now_or_after_a_record_and_has_all_of_them_in_order() {
    let service = Service::new(ONE_STEP).await;
    let first = service.finished().await;
    let known = service.engine.last_record();
    let now = service
        .request(Method::GET, "/events/stream")
        .send()
        .await
        .unwrap();
    let second = service.finished().await;
    let last = service.engine.last_record();
    let count = usize::try_from(last - known).unwrap();
    let sent = events(now, count + 1).await;
    assert_eq!(
        (sent[0].name.as_str(), sent[0].id),
        (STREAM_OPEN, Some(known))
    );
    assert_eq!(ids(&sent[1..]), (known + 1..=last).collect::<Vec<_>>());
    assert!(
        sent[1..]
            .iter()
            .all(|one| one.data.contains(&second.to_string()))
    );
    let all = service
        .request(Method::GET, "/events/stream?after=0")
        .send()
        .await
        .unwrap();
    let all = events(all, usize::try_from(last).unwrap() + 1).await;
    assert_eq!(ids(&all), (0..=last).collect::<Vec<_>>());
    assert!(all[1].data.contains(&first.to_string()));
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stream_ends_with_the_service_and_says_so() {
    let service = Service::new(ONE_STEP).await;
    let task = service.waiting().await;
    let mut open = Vec::new();
    for path in [format!("/tasks/{task}/stream"), "/events/stream".to_owned()] {
        let response = service.request(Method::GET, &path).send().await.unwrap();
        open.push(tokio::spawn(events(response, usize::MAX)));
    }
    service.stop.cancel();
    for one in open {
        let sent = soon(one).await.unwrap();
        assert_eq!(sent.last().unwrap().name, STREAM_CUT, "{sent:?}");
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_follows_over_a_restart_of_the_service_as_if_there_was_none() {
    let service = Service::new(ONE_STEP).await;
    let task = service.waiting().await;
    let mut seen = Vec::new();
    let mut stream = service.client().follow(task, Seq::ZERO);
    loop {
        let item = soon(stream.next()).await.unwrap().unwrap();
        if let loom_client::Followed::Record(record) = item {
            seen.push(record.envelope.seq.0);
            if record.envelope.event.name() == "approval_requested" {
                break;
            }
        }
    }
    drop(stream);
    let ground = service.end().await;
    let service = Service::on(ground, Limits::default()).await;
    let mut stream = service.client().follow(task, Seq(*seen.last().unwrap()));
    service
        .client()
        .approve(task, &Default::default())
        .await
        .unwrap();
    while let Some(item) = soon(stream.next()).await {
        if let loom_client::Followed::Record(record) = item.unwrap() {
            seen.push(record.envelope.seq.0);
            if record.envelope.event.name() == "approval_requested" {
                // The final gate may ask once more.
                service
                    .client()
                    .approve(task, &Default::default())
                    .await
                    .ok();
            }
        }
    }
    let whole: Vec<u64> = (1..=u64::try_from(seen.len()).unwrap()).collect();
    assert_eq!(seen, whole);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_a_bound_on_streams_and_a_place_is_free_again_when_one_ends() {
    let limits = Limits {
        subscribers: 1,
        ..Limits::default()
    };
    let service = Service::with(ONE_STEP, limits).await;
    let first = service
        .request(Method::GET, "/events/stream")
        .send()
        .await
        .unwrap();
    let refused = service
        .request(Method::GET, "/events/stream")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    drop(first);
    let again = async {
        loop {
            let asked = service
                .request(Method::GET, "/events/stream")
                .send()
                .await
                .unwrap();
            if asked.status() == StatusCode::OK {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(again).await;
    service.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_is_cut_and_slows_nobody() {
    let limits = Limits {
        stall: Duration::from_millis(200),
        ..Limits::default()
    };
    let service = Service::with(ONE_STEP, limits).await;
    let task = service.finished().await;
    // More than the buffers of the system hold.
    let metadata = serde_json::Value::String("x".repeat(900_000));
    for _ in 0..20 {
        let request = loom_client::wire::NewTaskRequest {
            metadata: Some(metadata.clone()),
            ..service.new_task("write hello into out.txt")
        };
        service.submit(&request).await;
    }
    let lazy = http().get(format!("{}/events/stream?after=0", service.url));
    let lazy = lazy
        .bearer_auth(service.tokens.owner())
        .send()
        .await
        .unwrap();
    let places = async {
        while !service
            .get("/metrics")
            .await
            .1
            .as_str()
            .unwrap()
            .contains("loom_streams 0\n")
        {
            tokio::task::yield_now().await;
        }
    };
    soon(places).await;
    drop(lazy);
    assert!(service.engine.reader().row(task).await.unwrap().is_some());
    service.end().await;
}
