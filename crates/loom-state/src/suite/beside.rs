//! What is kept beside the events of a task.

use super::{J, read, revert, suite};
use crate::fixtures::{append, created, number, subtask, task, whole_task};
use crate::{
    AppendError, Claim, DeliveryState, DeliveryTried, Lesson, ModelFacts, NewDelivery, Taught,
    Teacher,
};
use loom_events::{Seq, Time};

suite! {
    reverts_have_a_stream_of_their_own
    a_collection_is_noted_once
    the_newest_facts_of_a_model_are_kept
    a_task_teaches_once_and_what_is_forgotten_is_not_learned_again
    a_key_is_claimed_once_its_task_exists_and_forgotten_after_its_time
    an_imported_task_is_history_and_never_replaces_one
    a_message_is_there_with_its_batch_and_not_without_it
    messages_wait_until_they_are_delivered_or_given_up
}

async fn reverts_have_a_stream_of_their_own(j: J) {
    append(&*j, task(1), whole_task()).await.unwrap();
    for scope in ["task", "src/main.rs"] {
        j.record_revert(task(1), revert(scope)).await.unwrap();
    }
    let kept = j.reverts(task(1)).await.unwrap();
    assert_eq!(kept, [revert("task"), revert("src/main.rs")]);
    assert_eq!(j.reverts(task(2)).await.unwrap(), []);
    assert_eq!(read(&j, task(1)).await.len(), 19);
}

async fn a_collection_is_noted_once(j: J) {
    let at = Time::from_millis;
    assert_eq!(j.collected(task(1)).await.unwrap(), None);
    j.record_collection(vec![task(1), task(2)], at(5))
        .await
        .unwrap();
    j.record_collection(vec![task(1), task(3)], at(9))
        .await
        .unwrap();
    let mut seen = Vec::new();
    for n in 1..=4 {
        seen.push(j.collected(task(n)).await.unwrap());
    }
    assert_eq!(seen, [Some(at(5)), Some(at(5)), Some(at(9)), None]);
}

fn facts(server: &str, model: &str, window: u32) -> ModelFacts {
    ModelFacts {
        server: server.into(),
        model: model.into(),
        facts: serde_json::json!({"window": window, "family": null}),
        seen: Time::from_millis(i64::from(window)),
    }
}

async fn the_newest_facts_of_a_model_are_kept(j: J) {
    assert_eq!(j.model_facts().await.unwrap(), []);
    for known in [
        facts("http://b", "m", 1),
        facts("http://a", "m", 2),
        facts("http://b", "m", 3),
        facts("http://b", "a'; --", 4),
    ] {
        j.put_model_facts(known).await.unwrap();
    }
    let kept = [
        facts("http://a", "m", 2),
        facts("http://b", "a'; --", 4),
        facts("http://b", "m", 3),
    ];
    assert_eq!(j.model_facts().await.unwrap(), kept);
    j.close().await;
    let refused = j.put_model_facts(facts("http://a", "m", 5)).await;
    assert!(matches!(refused, Err(AppendError::Closed)), "{refused:?}");
    assert_eq!(j.model_facts().await.unwrap(), kept);
}

fn lesson(section: &str, name: &str, value: u64) -> Lesson {
    Lesson {
        section: section.into(),
        name: name.into(),
        value: serde_json::json!({ "n": value }),
        last: Time::from_millis(i64::try_from(value).unwrap()),
    }
}

async fn a_task_teaches_once_and_what_is_forgotten_is_not_learned_again(j: J) {
    let taught = |n: u128, kept: Vec<Lesson>, forgotten: &[(&str, &str)]| Taught {
        by: Teacher::Task(task(n)),
        at: Time::from_millis(7),
        kept,
        forgotten: forgotten
            .iter()
            .map(|(section, name)| ((*section).to_owned(), (*name).to_owned()))
            .collect(),
    };
    let first = vec![lesson("tally", "b", 1), lesson("plan", "a'; --", 2)];
    assert!(j.keep_lessons(taught(1, first.clone(), &[])).await.unwrap());
    // The same task again, as after a restart.
    let again = vec![lesson("tally", "b", 9)];
    assert!(!j.keep_lessons(taught(1, again, &[])).await.unwrap());
    // The revert of a subtask is another teacher, and one too.
    let revert = || Taught {
        by: Teacher::Revert(task(1), subtask("first")),
        ..taught(1, Vec::new(), &[])
    };
    assert!(j.keep_lessons(revert()).await.unwrap());
    assert!(!j.keep_lessons(revert()).await.unwrap());
    let kept = [first[1].clone(), first[0].clone()];
    assert_eq!(j.lessons().await.unwrap(), kept);
    let second = taught(2, vec![lesson("tally", "b", 3)], &[("plan", "a'; --")]);
    assert!(j.keep_lessons(second).await.unwrap());
    assert_eq!(j.lessons().await.unwrap(), [lesson("tally", "b", 3)]);
    // A human may say something else later.
    for said in [5, 6] {
        let kept = vec![lesson("look", "a", said)];
        let by_a_human = Taught {
            by: Teacher::Human,
            ..taught(1, kept.clone(), &[])
        };
        assert!(j.keep_lessons(by_a_human).await.unwrap());
        assert_eq!(j.lessons().await.unwrap()[..1], kept);
    }
    j.forget_lessons().await.unwrap();
    assert_eq!(j.lessons().await.unwrap(), []);
    let after = taught(1, vec![lesson("tally", "b", 4)], &[]);
    assert!(!j.keep_lessons(after).await.unwrap());
    assert_eq!(j.lessons().await.unwrap(), []);
    j.close().await;
    let refused = j.keep_lessons(taught(3, Vec::new(), &[])).await;
    assert!(matches!(refused, Err(AppendError::Closed)), "{refused:?}");
    let refused = j.forget_lessons().await;
    assert!(matches!(refused, Err(AppendError::Closed)), "{refused:?}");
}

async fn a_key_is_claimed_once_its_task_exists_and_forgotten_after_its_time(j: J) {
    let claim = |n: u128, digest: &str, at: i64| Claim {
        key: "k".into(),
        digest: digest.into(),
        task: task(n),
        at: Time::from_millis(at),
    };
    // A task that never came to be keeps nobody from asking again, also for something else.
    let first = claim(1, "a", 1);
    assert_eq!(j.claim(first.clone()).await.unwrap(), first);
    let second = claim(2, "b", 2);
    assert_eq!(j.claim(second.clone()).await.unwrap(), second);
    append(&*j, task(2), vec![created("b")]).await.unwrap();
    assert_eq!(j.claim(claim(3, "b", 3)).await.unwrap(), second);
    assert_eq!(j.claim(claim(4, "a", 4)).await.unwrap(), second);
    let week = i64::try_from(Claim::KEPT.as_millis()).unwrap();
    let later = claim(5, "c", week + 3);
    assert_eq!(j.claim(later.clone()).await.unwrap(), later);
    j.close().await;
    let refused = j.claim(claim(6, "d", 9)).await;
    assert!(matches!(refused, Err(AppendError::Closed)), "{refused:?}");
}

async fn an_imported_task_is_history_and_never_replaces_one(j: J) {
    let batch = |n| number(task(n), Seq::ZERO, vec![created("told")]);
    let at = Time::from_millis(7);
    let records = j.import(task(1), batch(1), at).await.unwrap();
    assert_eq!(j.read(task(1), Seq::ZERO, 10).await.unwrap(), records);
    assert_eq!(j.imported(task(1)).await.unwrap(), Some(at));
    append(&*j, task(2), vec![created("here")]).await.unwrap();
    assert_eq!(j.imported(task(2)).await.unwrap(), None);
    // It has no end, and nobody goes on with it.
    assert_eq!(j.unfinished().await.unwrap(), [task(2)]);
    for n in [1, 2] {
        let again = j.import(task(n), batch(n), at).await;
        assert!(
            matches!(again, Err(AppendError::Conflict { .. })),
            "{again:?}"
        );
    }
    assert_eq!(j.imported(task(2)).await.unwrap(), None);
    j.close().await;
    let closed = j.import(task(3), batch(3), at).await;
    assert!(matches!(closed, Err(AppendError::Closed)));
}

fn message(id: &str, seq: u64, due: i64) -> NewDelivery {
    NewDelivery {
        id: id.to_owned(),
        seq: Seq(seq),
        url: format!("https://a.example/{id}"),
        due: Time::from_millis(due),
    }
}

async fn a_message_is_there_with_its_batch_and_not_without_it(j: J) {
    let batch = || number(task(1), Seq::ZERO, vec![created("told")]);
    let told = vec![message("a", 1, 5), message("b", 1, 5)];
    let appended = j.append_with(task(1), Seq::ZERO, batch(), told).await;
    assert_eq!(appended.unwrap().len(), 1);
    let late = vec![message("c", 1, 5)];
    let refused = j.append_with(task(1), Seq::ZERO, batch(), late).await;
    assert!(matches!(refused, Err(AppendError::Conflict { .. })));

    let of_task = j.deliveries(task(1)).await.unwrap();
    let ids: Vec<_> = of_task.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(of_task[0].url, "https://a.example/a");
    assert_eq!((of_task[0].seq, of_task[0].tries), (Seq(1), 0));
    assert_eq!(j.deliveries(task(2)).await.unwrap(), []);
}

async fn messages_wait_until_they_are_delivered_or_given_up(j: J) {
    let batch = number(task(1), Seq::ZERO, vec![created("told")]);
    let told = vec![
        message("a", 1, 30),
        message("b", 1, 10),
        message("c", 1, 20),
    ];
    j.append_with(task(1), Seq::ZERO, batch, told)
        .await
        .unwrap();
    let waiting = async |limit| {
        let waiting = j.waiting_deliveries(limit).await.unwrap();
        waiting.into_iter().map(|d| d.id).collect::<Vec<_>>()
    };
    assert_eq!(waiting(10).await, ["b", "c", "a"]);
    assert_eq!(waiting(2).await, ["b", "c"]);
    let tried = |id: &str, state| DeliveryTried {
        id: id.to_owned(),
        state,
        tries: 1,
        due: Time::from_millis(40),
        outcome: "answered 500".to_owned(),
        at: Time::from_millis(11),
    };
    for (id, state) in [
        ("b", DeliveryState::Waiting),
        ("c", DeliveryState::Delivered),
        ("unknown", DeliveryState::Delivered),
    ] {
        j.record_delivery(tried(id, state)).await.unwrap();
    }
    assert_eq!(waiting(10).await, ["a", "b"]);
    j.record_delivery(tried("a", DeliveryState::GivenUp))
        .await
        .unwrap();
    assert_eq!(waiting(10).await, ["b"]);
    let all = j.deliveries(task(1)).await.unwrap();
    let states: Vec<_> = all
        .iter()
        .map(|d| (d.id.as_str(), d.state, d.tries))
        .collect();
    assert_eq!(
        states,
        [
            ("a", DeliveryState::GivenUp, 1),
            ("b", DeliveryState::Waiting, 1),
            ("c", DeliveryState::Delivered, 1)
        ]
    );
    assert_eq!(all[1].outcome, "answered 500");
    assert_eq!(all[1].updated, Time::from_millis(11));
    j.forget_deliveries(Time::from_millis(11)).await.unwrap();
    assert_eq!(j.deliveries(task(1)).await.unwrap().len(), 3);
    j.forget_deliveries(Time::from_millis(12)).await.unwrap();
    let left = j.deliveries(task(1)).await.unwrap();
    let left: Vec<_> = left.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(left, ["b"], "what waits stays, however old it is");
    j.close().await;
    let closed = j
        .record_delivery(tried("b", DeliveryState::Delivered))
        .await;
    assert!(matches!(closed, Err(AppendError::Closed)));
}
