//! A little of the measurement, for every run of the tests: the order of the variants, and faults.

use loom_tests::lift::{Cell, Class, Place, Tally, Variant, matrix, run};

/// Seeded, so it is the same figure every time. Short tasks, so it takes seconds.
async fn finished(letter: char) -> Tally {
    let cell = Cell {
        variant: Variant::letter(letter),
        class: Class::Middling,
        steps: 5,
        tasks: 16,
        seed: 1,
        trouble: None,
    };
    Tally::of(&run(&cell, &Place::in_memory()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_all_its_defences_the_harness_finishes_more_than_a_plain_loop() {
    let (plain, whole) = (finished('B').await, finished('H').await);
    assert!(
        whole.finished >= plain.finished + 15.0,
        "{plain:?} became {whole:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_of_a_model_or_a_server_makes_a_task_silently_wrong() {
    let wrong = matrix(false).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Its last gate has more to look at than a verifier is shown at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_fifty_steps_passes_its_last_gate() {
    let cell = Cell {
        variant: Variant::letter('H'),
        class: Class::Faultless,
        steps: 50,
        tasks: 1,
        seed: 1,
        trouble: None,
    };
    let tally = Tally::of(&run(&cell, &Place::in_memory()).await);
    assert!(tally.finished > 99.0, "{tally:?}");
}
