//! What finished tasks taught, over HTTP.

use crate::support::{ONE_STEP, Service, read};
use loomd::Scope;
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learned_is_shown_to_everybody_and_forgotten_by_its_owner_only() {
    let service = Service::new(ONE_STEP).await;
    let task = service.finished().await;
    while service.engine.is_running(task) {
        tokio::task::yield_now().await;
    }
    let shown = service.client().learning().await.unwrap();
    assert_eq!((shown.enabled, shown.attempts), (true, 1));
    assert_eq!(shown.records[0].passed, 1);
    assert!(
        shown.adjustments[0]
            .why
            .contains("(seen in 1 of 60 attempts)"),
        "{shown:?}"
    );
    let export = service.client().export_learning().await.unwrap();
    assert_eq!(export.lessons.len(), 2, "{export:?}");

    let asked = service.as_scope(Scope::Agent, Method::DELETE, "/learning");
    assert_eq!(read(asked).await.0, StatusCode::FORBIDDEN);
    assert_eq!(service.client().export_learning().await.unwrap(), export);
    let asked = service.as_scope(Scope::Owner, Method::DELETE, "/learning");
    assert_eq!(
        read(asked).await,
        (StatusCode::OK, json!({ "forgotten": 2 }))
    );
    let export = service.client().export_learning().await.unwrap();
    assert!(export.lessons.is_empty(), "{export:?}");
    service.end().await;
}
