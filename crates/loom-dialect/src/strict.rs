//! JSON as it was sent, or the reason why not. Never a repair.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Why a text is not one JSON value.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// It ends inside of a value.
    Truncated,
    /// It breaks the grammar.
    Malformed {
        /// Where and what, in words.
        reason: String,
    },
    /// It has one key twice with different values.
    Ambiguous {
        /// In words.
        reason: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("it is cut off"),
            Self::Malformed { reason } | Self::Ambiguous { reason } => f.write_str(reason),
        }
    }
}

/// Reads the whole text as one value.
pub fn parse(text: &str) -> Result<Value, Fault> {
    serde_json::from_str::<Unambiguous>(text)
        .map(|value| value.0)
        .map_err(|error| fault(text, &error))
}

/// Reads one value from the start of the text; also tells how many bytes it took.
pub(crate) fn parse_prefix(text: &str) -> Result<(Value, usize), Fault> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Unambiguous>();
    match values.next() {
        Some(Ok(value)) => Ok((value.0, values.byte_offset())),
        Some(Err(error)) => Err(fault(text, &error)),
        None => Err(Fault::Truncated),
    }
}

fn fault(text: &str, error: &serde_json::Error) -> Fault {
    if error.is_eof() {
        return Fault::Truncated;
    }
    if error.is_data() {
        return Fault::Ambiguous {
            reason: error.to_string(),
        };
    }
    Fault::Malformed {
        reason: format!("{error}, after {}", before(text, error)),
    }
}

/// The few characters in front of an error, so that a model sees where it is.
fn before(text: &str, error: &serde_json::Error) -> String {
    const SHOWN: usize = 24;
    let line = text
        .split('\n')
        .nth(error.line().saturating_sub(1))
        .unwrap_or_default();
    // Columns count bytes, the offending one included.
    let end = line.floor_char_boundary(error.column().saturating_sub(1));
    let start = line.ceil_char_boundary(end.saturating_sub(SHOWN));
    format!("{:?}", &line[start.min(end)..end])
}

/// A value in which no key has two meanings; `serde_json::Value` would silently keep the last.
struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unambiguous(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Unambiguous(value))) = entries.next_entry::<String, _>()? {
            if map.get(&key).is_some_and(|earlier| *earlier != value) {
                return Err(de::Error::custom(format_args!(
                    "key {key:?} is there twice with different values"
                )));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_valid_is_read_as_serde_json_reads_it() {
        let text = r#" {"a":[1,-2,3.5,true,null,"ü\n"],"b":{"c":18446744073709551615}} "#;
        assert_eq!(
            parse(text).unwrap(),
            serde_json::from_str::<Value>(text).unwrap()
        );
    }

    #[test]
    fn every_open_end_is_truncated() {
        for text in [
            "",
            "{",
            r#"{"a"#,
            r#"{"a""#,
            r#"{"a":"#,
            r#"{"a":"x"#,
            r#"{"a":1"#,
            r#"{"a":tr"#,
            r#"{"a":[1,"#,
            r#"{"a":"\u12"#,
        ] {
            assert_eq!(parse(text), Err(Fault::Truncated), "{text}");
        }
    }

    #[test]
    fn an_inner_quote_is_malformed_and_the_place_is_shown() {
        let Err(Fault::Malformed { reason }) = parse(r#"{"content": "print("hi")"}"#) else {
            panic!("must be malformed");
        };
        assert_eq!(
            reason,
            r#"expected `,` or `}` at line 1 column 21, after "{\"content\": \"print(\"""#
        );
    }

    #[test]
    fn a_key_with_two_values_is_ambiguous_and_one_with_the_same_twice_is_not() {
        assert_eq!(
            parse(r#"{"path":"a","path":"a"}"#),
            Ok(json!({"path": "a"}))
        );
        assert!(matches!(
            parse(r#"{"path":"tmp","path":"src"}"#),
            Err(Fault::Ambiguous { .. })
        ));
    }

    #[test]
    fn a_prefix_ends_where_the_value_ends() {
        assert_eq!(
            parse_prefix(r#" {"a":"</x>"} </x>"#),
            Ok((json!({"a": "</x>"}), 13))
        );
    }

    #[test]
    fn depth_without_end_is_refused_and_not_followed() {
        assert!(matches!(
            parse(&"[".repeat(100_000)),
            Err(Fault::Malformed { .. })
        ));
    }
}
