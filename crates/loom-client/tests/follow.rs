//! Streams over real HTTP, against a service that cuts them wherever it likes.

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};
    use axum::response::{IntoResponse, Response};
    use axum::routing::get;
    use futures_util::StreamExt as _;
    use loom_client::wire::Problem;
    use loom_client::{Client, ClientError, Endpoint, Followed};
    use loom_events::{Envelope, Event, NewTask, Record, Seq, Summary, TaskId, TaskSettings, Time};
    use std::sync::{Arc, Mutex};

    /// What each opening of the stream is answered with, in order.
    type Script = Arc<Mutex<Vec<Answer>>>;

    /// The id after which each opening asked to go on.
    type Asked = Arc<Mutex<Vec<Option<String>>>>;

    #[derive(Clone)]
    enum Answer {
        Events(String),
        Status(StatusCode),
        Problem(StatusCode, &'static str),
    }

    struct Service {
        client: Client,
        asked: Asked,
    }

    async fn service(script: Vec<Answer>) -> Service {
        let script: Script = Arc::new(Mutex::new(script));
        let asked = Asked::default();
        let answer = |State((script, asked)): State<(Script, Asked)>, headers: HeaderMap| async move {
            let last = headers.get("last-event-id");
            asked
                .lock()
                .unwrap()
                .push(last.map(|id| id.to_str().unwrap().to_owned()));
            let mut script = script.lock().unwrap();
            match script.is_empty() {
                true => StatusCode::NO_CONTENT.into_response(),
                false => script.remove(0).into_response(),
            }
        };
        let router = Router::new()
            .route("/tasks/{id}/stream", get(answer))
            .route("/events/stream", get(answer))
            .with_state((script, Arc::clone(&asked)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let client = Client::new(&Endpoint { url, token: None }).unwrap();
        Service { client, asked }
    }

    impl IntoResponse for Answer {
        fn into_response(self) -> Response {
            match self {
                Self::Events(text) => {
                    ([("content-type", "text/event-stream")], text).into_response()
                }
                Self::Status(status) => status.into_response(),
                Self::Problem(status, error) => (
                    status,
                    axum::Json(Problem::new(error, "a sentence about it")),
                )
                    .into_response(),
            }
        }
    }

    /// The seq of the terminal event.
    const LAST: u64 = 5;

    fn task() -> TaskId {
        "019ac000-0000-7000-8000-000000000001".parse().unwrap()
    }

    fn record(seq: u64) -> Record {
        let event = match seq {
            1 => Event::TaskCreated(NewTask {
                goal: "a goal".to_owned(),
                workspace: None,
                context: None,
                settings: TaskSettings::default(),
                callback_url: None,
                metadata: None,
            }),
            LAST => Event::TaskCancelled {
                reason: "enough".to_owned(),
                summary: Summary::default(),
            },
            _ => Event::TaskPaused,
        };
        Record {
            id: seq + 100,
            envelope: Envelope {
                task_id: task(),
                seq: Seq(seq),
                timestamp: Time::from_millis(1_000),
                subtask_id: None,
                attempt: None,
                correlation_id: Seq(1),
                event,
            },
        }
    }

    /// The records of a task's stream, as they go over the wire.
    fn events(seqs: impl IntoIterator<Item = u64>) -> String {
        seqs.into_iter()
            .map(|seq| {
                let record = record(seq);
                let data = serde_json::to_string(&record).unwrap();
                let name = record.envelope.event.name();
                format!("id: {seq}\nevent: {name}\ndata: {data}\n\n")
            })
            .collect()
    }

    /// Follows to the end, and gives the seqs in the order in which they came.
    async fn follow(client: &Client, after: u64) -> Vec<u64> {
        let mut seqs = Vec::new();
        let mut stream = client.follow(task(), Seq(after));
        while let Some(item) = stream.next().await {
            if let Followed::Record(record) = item.unwrap() {
                seqs.push(record.envelope.seq.0);
            }
        }
        seqs
    }

    #[tokio::test]
    async fn a_stream_that_is_cut_goes_on_after_the_last_record_without_gap_or_repetition() {
        let service = service(vec![
            Answer::Events(events([1, 2])),
            // One that repeats what was sent already, and is cut in the middle of an event.
            Answer::Events(format!("{}id: 4\ndata: {{\"id\"", events([2, 3]))),
            Answer::Events(events([4, LAST])),
        ])
        .await;
        assert_eq!(follow(&service.client, 0).await, [1, 2, 3, 4, LAST]);
        let asked = service.asked.lock().unwrap().clone();
        let asked: Vec<_> = asked.iter().map(Option::as_deref).collect();
        assert_eq!(asked, [Some("0"), Some("2"), Some("3")]);
    }

    #[tokio::test]
    async fn a_stream_goes_on_at_the_service_that_came_after() {
        let before = service(vec![Answer::Events(events([1, 2]))]).await;
        let after = service(vec![Answer::Events(events([3, 4, LAST]))]).await;
        let mut stream = before.client.follow(task(), Seq::ZERO);
        let mut seqs = Vec::new();
        while let Some(item) = stream.next().await {
            if let Followed::Record(record) = item.unwrap() {
                seqs.push(record.envelope.seq.0);
            }
            if seqs.len() == 2 {
                before.client.retarget(&after.client);
            }
        }
        assert_eq!(seqs, [1, 2, 3, 4, LAST]);
        assert_eq!(*after.asked.lock().unwrap(), [Some("2".to_owned())]);
        assert_eq!(before.client.url(), after.client.url());
    }

    #[tokio::test]
    async fn nothing_is_asked_for_after_the_terminal_event() {
        let service = service(vec![Answer::Events(events(1..=LAST))]).await;
        assert_eq!(follow(&service.client, 0).await, [1, 2, 3, 4, LAST]);
        assert_eq!(service.asked.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_task_that_ended_before_is_followed_no_further() {
        let service = service(vec![Answer::Status(StatusCode::NO_CONTENT)]).await;
        assert!(follow(&service.client, LAST).await.is_empty());
    }

    #[tokio::test]
    async fn a_service_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
        let service = service(vec![
            Answer::Problem(StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            Answer::Events(events([1])),
            Answer::Problem(StatusCode::NOT_FOUND, "not_found"),
            Answer::Events(events([2])),
        ])
        .await;
        let mut seen = Vec::new();
        let mut stream = service.client.follow(task(), Seq::ZERO);
        while let Some(item) = stream.next().await {
            seen.push(match item {
                Ok(Followed::Record(record)) => record.envelope.seq.to_string(),
                Ok(Followed::Offline(error)) => format!("offline: {}", error.code().unwrap()),
                Ok(Followed::Online) => "online".to_owned(),
                Ok(Followed::Live(_)) => "live".to_owned(),
                Err(error) => format!("error: {}", error.code().unwrap()),
            });
        }
        assert_eq!(
            seen,
            ["offline: stopping", "online", "1", "error: not_found"]
        );
    }

    #[tokio::test]
    async fn the_stream_of_all_tasks_knows_where_it_is_before_anything_happens() {
        let mut line = events([1]);
        line = line.replace("id: 1", "id: 101");
        let service = service(vec![
            Answer::Events("id: 100\nevent: stream_open\ndata: {}\n\n".to_owned()),
            Answer::Events(line),
        ])
        .await;
        let mut stream = service.client.follow_all(None);
        let id = loop {
            match stream.next().await.unwrap().unwrap() {
                Followed::Record(record) => break record.id,
                Followed::Live(_) | Followed::Offline(_) | Followed::Online => {}
            }
        };
        assert_eq!(id, 101);
        let asked = service.asked.lock().unwrap().clone();
        assert_eq!(asked, [None, Some("100".to_owned())]);
    }

    #[tokio::test]
    async fn what_is_no_event_of_this_api_ends_the_stream_with_an_error() {
        let service = service(vec![Answer::Events("data: hello\n\n".to_owned())]).await;
        let mut stream = service.client.follow(task(), Seq::ZERO);
        let first = stream.next().await.unwrap();
        assert!(
            matches!(first, Err(ClientError::Strange { .. })),
            "{first:?}"
        );
        assert!(stream.next().await.is_none());
    }
}
