//! Server-sent events as they stand on the wire. They are bytes that can be shared: one event is made once,
//! however many read it.

use axum::body::Bytes;

/// What a silent stream says: that it is there.
pub(crate) const ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// One event. Neither its name nor its data can make a second one.
pub(crate) fn event(name: &str, id: Option<u64>, data: &str) -> Bytes {
    let mut text = String::with_capacity(data.len() + name.len() + 64);
    let mut field = |field: &str, value: &str| {
        for line in value.split(['\n', '\r']) {
            text.extend([field, ": ", line, "\n"]);
        }
    };
    field("event", name);
    field("data", data);
    if let Some(id) = id {
        field("id", &id.to_string());
    }
    text.push('\n');
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_its_name_its_data_and_its_id() {
        let sent = event("task_created", Some(7), r#"{"a":1}"#);
        let wire = "event: task_created\ndata: {\"a\":1}\nid: 7\n\n";
        assert_eq!(sent, wire.as_bytes());
        let passing = event("x", None, "{}");
        assert_eq!(passing, b"event: x\ndata: {}\n\n".as_slice());
    }

    #[test]
    fn what_is_in_the_data_cannot_end_it() {
        let sent = event("x", Some(1), "a\n\nid: 9\rb");
        let wire = "event: x\ndata: a\ndata: \ndata: id: 9\ndata: b\nid: 1\n\n";
        assert_eq!(sent, wire.as_bytes());
    }
}
