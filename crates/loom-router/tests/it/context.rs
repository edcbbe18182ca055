//! What fits into a window, what a server made of it, and how long reading takes.

use crate::fake::{Does, Fake, ask, entry};
use loom_events::{FailureClass, Message, Usage};
use loom_router::{CallError, Capabilities, ChatRequest, Deadlines, ModelEntry, Router};
use std::time::Duration;

/// Words, about four bytes to a token.
fn words(tokens: usize) -> Message {
    let text: Vec<_> = (0..tokens)
        .map(|word| format!("{:03x}", word % 4096))
        .collect();
    Message::User {
        text: text.join(" "),
    }
}

fn request(tokens: usize) -> ChatRequest {
    ChatRequest::new(vec![words(tokens)])
}

fn reports(prompt: u64, cached: u64) -> Does {
    Does::Reports(Usage {
        prompt,
        cached,
        completion: 20,
        estimated: false,
    })
}

fn with_window(fake: &Fake, window: u32) -> Router {
    let entry = ModelEntry {
        context_length: Some(window),
        ..entry("m", "a")
    };
    fake.router(vec![entry])
}

#[tokio::test]
async fn what_cannot_fit_is_not_sent_and_the_settings_are_named() {
    let fake = Fake::default();
    let router = with_window(&fake, 4096);
    let error = ask(&router, "m", &request(8000)).await.unwrap_err();
    let CallError::Overflow {
        prompt: Some(prompt),
        window: Some(4096),
        ..
    } = &error
    else {
        panic!("must overflow: {error}");
    };
    assert!((7000..12_000).contains(prompt), "{prompt}");
    assert_eq!(error.class(), FailureClass::Model);
    for part in ["num_ctx", "context_length", "not sent"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    assert!(fake.asked().is_empty());
}

#[tokio::test]
async fn the_answer_gets_what_is_left_but_never_less_than_a_call_needs() {
    let fake = Fake::default();
    let router = with_window(&fake, 4096);
    // What no request asks for is bounded by half of the window.
    for (tokens, wanted, expected) in [
        (10, None, 2048..=2048),
        (10, Some(3000), 3000..=3000),
        (2500, Some(3000), 900..=1500),
        (3500, Some(3000), 256..=256),
        (3500, Some(100), 100..=100),
    ] {
        let request = ChatRequest {
            max_tokens: wanted,
            ..request(tokens)
        };
        let budget = router.budget("m", &request).unwrap();
        ask(&router, "m", &request).await.unwrap();
        let sent = fake.requests().pop().unwrap().max_tokens.unwrap();
        assert!(expected.contains(&sent), "{tokens} {wanted:?}: {sent}");
        assert_eq!(budget.answer, u64::from(sent));
        assert_eq!((budget.window, budget.exact), (Some(4096), false));
    }
}

#[tokio::test]
async fn the_window_that_a_server_tells_counts_where_it_is_the_smaller_one() {
    let fake = Fake::default();
    let router = with_window(&fake, 32_768);
    assert_eq!(router.window("m"), Some(32_768));
    let learnt = |window| Capabilities {
        window: Some(window),
        ..Capabilities::default()
    };
    router.learn("m", learnt(4096));
    assert_eq!(router.window("m"), Some(4096));
    assert_eq!(router.models()[0].context_length, Some(4096));
    router.learn("m", learnt(100_000));
    assert_eq!(router.window("m"), Some(32_768));
}

#[tokio::test]
async fn a_server_that_counts_is_asked_where_it_matters() {
    let fake = Fake::default();
    fake.counts(3000);
    let router = with_window(&fake, 4096);
    router.learn(
        "m",
        Capabilities {
            counts_tokens: true,
            ..Capabilities::default()
        },
    );
    // By estimate there would be little room, and by count there is enough.
    let long = ChatRequest {
        max_tokens: Some(1000),
        ..request(3600)
    };
    assert!(router.budget("m", &long).unwrap().answer < 1000);
    ask(&router, "m", &long).await.unwrap();
    assert_eq!(fake.requests()[0].max_tokens, Some(1000));
    let budget = router.count("m", &long).await.unwrap();
    assert!(budget.exact && budget.prompt == 3000 && budget.left() == Some(96));
    fake.counts(4000);
    assert!(matches!(
        ask(&router, "m", &long).await,
        Err(CallError::Overflow { .. })
    ));
}

#[tokio::test]
async fn the_window_that_a_server_names_when_it_refuses_is_heeded() {
    let overflow = CallError::Overflow {
        server: "s".into(),
        model: "m".into(),
        prompt: Some(6315),
        window: Some(4096),
        said: "too long".into(),
    };
    let fake = Fake::new([Does::Fails(overflow)]);
    let router = fake.router(vec![entry("m", "a")]);
    for _ in 0..2 {
        let error = ask(&router, "m", &request(9000)).await.unwrap_err();
        assert!(matches!(error, CallError::Overflow { .. }), "{error}");
        assert_eq!(router.window("m"), Some(4096));
    }
    assert_eq!(fake.asked().len(), 1, "the second one was not sent");
}

#[tokio::test]
async fn estimates_follow_what_is_reported() {
    let fake = Fake::default();
    let router = fake.router(vec![entry("m", "a")]);
    let prompt = |router: &Router| router.budget("m", &request(2000)).unwrap().prompt;
    assert!((2000..2600).contains(&prompt(&router)));
    for tokens in [1000, 1010, 1020, 1030, 1040] {
        fake.then([reports(tokens as u64 * 2, 0)]);
        ask(&router, "m", &request(tokens)).await.unwrap();
    }
    assert!(
        (3800..4200).contains(&prompt(&router)),
        "{}",
        prompt(&router)
    );
}

/// A model's own words for a conversation of three turns; every turn adds 400 tokens to 3000.
async fn conversation(fake: &Fake, reported: [(u64, u64); 3]) -> Vec<Result<Usage, CallError>> {
    fake.then(reported.map(|(prompt, cached)| reports(prompt, cached)));
    let router = fake.router(vec![entry("m", "a")]);
    let mut messages = vec![words(3000)];
    let mut replies = Vec::new();
    for _ in 0..3 {
        let request = ChatRequest::new(messages.clone());
        let reply = ask(&router, "m", &request).await;
        replies.push(reply.map(|reply| reply.usage));
        messages.push(words(400));
    }
    replies
}

#[tokio::test]
async fn an_answer_to_a_cut_prompt_is_an_error_that_names_the_setting() {
    let fake = Fake::default();
    let replies = conversation(&fake, [(3010, 0), (3420, 3000), (2100, 50)]).await;
    let error = replies[2].as_ref().unwrap_err();
    assert!(
        matches!(error, CallError::Cut { reported: 2100, .. }),
        "{error}"
    );
    assert_eq!(error.class(), FailureClass::Environment);
    assert!(error.to_string().contains("num_ctx"), "{error}");
    assert!(error.is_worth_another_model() && !error.is_worth_retrying());
    assert!(replies[..2].iter().all(Result::is_ok));

    let router = fake.router(vec![entry("m", "a")]);
    router.learn(
        "m",
        Capabilities {
            server: Some("Ollama 0.12".into()),
            ..Capabilities::default()
        },
    );
    fake.then([reports(2048, 0)]);
    let error = ask(&router, "m", &request(9000)).await.unwrap_err();
    assert!(matches!(error, CallError::Cut { .. }));
    assert!(
        error.to_string().contains("raise Ollama's `num_ctx`"),
        "{error}"
    );
}

#[tokio::test]
async fn counts_of_what_was_not_cached_and_nonsense_are_no_alarm_and_are_completed() {
    for reported in [
        [(3010, 0), (412, 0), (409, 0)],
        [(5, 0), (412, 0), (409, 0)],
        [(10, 4), (10, 4), (10, 4)],
        [(0, 0), (0, 0), (0, 0)],
    ] {
        let replies = conversation(&Fake::default(), reported).await;
        let last = replies[2].as_ref().unwrap();
        let told = reported[2].0 > 0;
        assert!(
            !told || (last.prompt > 3300 && last.estimated),
            "{reported:?}: {last:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_to_read_a_prompt_is_told_once_it_was_measured_and_granted() {
    let fake = Fake::default();
    let impatient = ModelEntry {
        deadlines: Deadlines {
            first_token: Duration::from_secs(100),
            ..Deadlines::default()
        },
        ..entry("m", "a")
    };
    let router = fake.router(vec![impatient]);
    assert_eq!(router.expect("m", 1000), None);
    router.learn(
        "m",
        Capabilities {
            prefill_per_s: Some(20.0),
            ..Capabilities::default()
        },
    );
    assert_eq!(router.expect("m", 1000), Some(Duration::from_secs(50)));
    for tokens in [10, 4000] {
        ask(&router, "m", &request(tokens)).await.unwrap();
    }
    let granted: Vec<_> = fake
        .requests()
        .iter()
        .map(|request| request.first_token)
        .collect();
    assert_eq!(granted[0], None, "never less than configured");
    // 4000 tokens at 20 a second, three times, and loading.
    assert!(
        granted[1].is_some_and(|time| (600..900).contains(&time.as_secs())),
        "{granted:?}"
    );
    assert_eq!(router.models()[0].speed.first_token_ms, Some(0));
}
