//! Verdicts that are none. Without a verdict a result does not count, however good it is.

use super::say::*;
use super::{Row, once};
use serde_json::{Value, json};

/// The same verdict on every criterion, with a quote.
fn all(verdict: &str, quote: &str) -> String {
    let one = |n: u32| json!({"id": format!("c{n}"), "verdict": verdict, "quote": quote, "at": "D1:1", "why": "so"});
    let criteria: Vec<Value> = (1..=9).map(one).collect();
    json!({"criteria": criteria, "worst_problem": "none"}).to_string()
}

pub(super) fn rows() -> Vec<Row> {
    let strange = json!({"criteria": [{"id": "c999", "verdict": "met", "quote": "hello"}]});
    let deep: String = (0..20_000).map(|n| format!("[{n},")).collect();
    let thought = delta(json!({"reasoning_content": "hm"}));
    let rows = vec![
        once("nothing", words("")),
        once("prose", words("Looks good to me, everything is met!")).always(),
        once("a word", words("{\"pass\": true}")).always(),
        once("no criteria", words("{\"criteria\": []}")).always(),
        once("another criterion", words(&strange.to_string())).always(),
        once("all met", words(&all("met", "hello"))),
        once("all met", words(&all("met", "hello"))).always(),
        once("all met by nothing", words(&all("met", "this is nowhere"))).always(),
        once("nothing met", words(&all("not_met", "hello"))),
        once("nothing met", words(&all("not_met", "hello"))).always(),
        once("nothing to be told", words(&all("cannot_tell", ""))).always(),
        once(
            "both",
            words(&(all("met", "hello") + &all("not_met", "hello"))),
        )
        .always(),
        once("half a verdict", words(&all("met", "hello")[..90])),
        once("deep lists", words(&deep)),
        once(
            "criteria by name",
            words("{\"criteria\": {\"c1\": \"met\"}}"),
        )
        .always(),
        once("500", says("500 Oops", "boom")),
        once("only thoughts", chunks(&[thought, finish("length")])).always(),
    ];
    rows.into_iter().map(|row| row.of("verifier")).collect()
}
