//! Finding servers without configuration.

use crate::server::Server;
use loom_events::Role;
use loom_router::{Candidate, Router, discover, entries, local_candidates};

#[tokio::test]
async fn servers_that_answer_become_entries_and_the_others_say_why_not() {
    let many = Server::start([])
        .await
        .has_models(&["qwen3:8b", "nomic-embed-text", "qwen3:32b"]);
    let none = Server::start([]).await;
    let candidate = |url: &str| Candidate {
        label: "x".into(),
        base_url: url.into(),
    };
    let places = [
        candidate(&none.url),
        candidate(&many.url),
        candidate("http://127.0.0.1:1/v1"),
    ];
    let found = discover(&places).await;
    let worked: Vec<_> = found.iter().map(|found| found.models.is_ok()).collect();
    assert_eq!(worked, [false, true, false]);

    let entries = entries(&found);
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["qwen3:8b", "qwen3:32b"]);
    let router = Router::new(entries).unwrap();
    for role in Role::ALL {
        let selected = router.select(role, loom_events::Tier::Small).unwrap();
        assert_eq!(selected.degraded, None, "{role}");
    }
}

#[test]
fn the_usual_ports_are_looked_at() {
    let urls: Vec<_> = local_candidates()
        .into_iter()
        .map(|place| place.base_url)
        .collect();
    let expected = [11434, 1234, 8080, 8000].map(|port| format!("http://127.0.0.1:{port}/v1"));
    assert_eq!(urls, expected);
}
