//! The judgement on a call that was found.
//!
//! One rule by risk: what is certain runs with any tool, what had to be inferred only with a tool
//! that changes nothing, and what would have to be guessed with none.

use crate::arguments::{Arguments, allows, is_markup_file, kind_is_text};
use crate::draft::{Call, Doubt, Draft, Field, Found, Given, Item, Refused, Why};
use crate::json::{self, Missing, Notes, Read};
use crate::names;
use crate::offer::Offer;
use crate::refuse::{self, code, refusal, unreadable};
use loom_events::{Refusal, ToolSpec};
use serde_json::{Map, Value};

/// Judges what was found.
pub(crate) fn judge(found: Found<'_>, offer: &Offer<'_>) -> Vec<Item> {
    match found {
        Found::Draft(draft) => judge_draft(&draft, offer),
        Found::Bad { name, raw, why } => {
            let tool = offer.spec(name.as_deref());
            let unknown = name.as_deref().and_then(|name| offer.resolve(name).err());
            let refusal = match why {
                // What else is wrong does not matter when there is no such tool.
                Why::Malformed(what) => unknown.unwrap_or_else(|| refuse::malformed(tool, &what)),
                Why::Truncated => refuse::truncated(tool, raw, offer.finish),
                Why::Collision => refuse::collision(tool),
                Why::Nameless => refuse::nameless(offer.tools),
            };
            let name = tool.map(|tool| tool.name.as_str()).or(name.as_deref());
            vec![refused(name, raw, refusal, None)]
        }
    }
}

fn refused(name: Option<&str>, raw: &str, refusal: Refusal, arguments: Option<Value>) -> Item {
    Err(Box::new(Refused {
        id: None,
        call: unreadable(name, raw, refusal),
        arguments,
    }))
}

fn judge_draft(draft: &Draft<'_>, offer: &Offer<'_>) -> Vec<Item> {
    let Some(name) = draft.name.as_deref() else {
        return vec![refused(
            None,
            draft.raw,
            refuse::nameless(offer.tools),
            None,
        )];
    };
    let arguments = match offer.resolve(name) {
        Ok(arguments) => arguments,
        Err(refusal) => {
            if let Some((tool, times)) = names::repeated(name, offer.tools) {
                return joined(draft, offer, tool, times);
            }
            let refusal = match names::is_joined(name, offer.tools) {
                true => two_names(name),
                false => refusal,
            };
            let arguments = as_they_are(&draft.given);
            let name = Some(name).filter(|name| !name.trim().is_empty());
            return vec![refused(name, draft.raw, refusal, arguments)];
        }
    };
    Judge {
        draft,
        offer,
        arguments: &arguments,
    }
    .items()
}

/// One read-only name as often as there are objects: what belongs to several calls was joined.
fn joined(draft: &Draft<'_>, offer: &Offer<'_>, tool: &ToolSpec, times: usize) -> Vec<Item> {
    let name = draft.name.as_deref().unwrap_or_default();
    let objects = match &draft.given {
        Given::Json(reads) => reads.len(),
        _ => 0,
    };
    let Some(tool) = offer.tools.iter().find(|known| known.name == tool.name) else {
        return Vec::new();
    };
    if !tool.read_only || objects != times {
        return vec![refused(Some(name), draft.raw, two_names(name), None)];
    }
    let arguments = offer.arguments(tool);
    Judge {
        draft,
        offer,
        arguments: &arguments,
    }
    .items()
}

fn two_names(name: &str) -> Refusal {
    let shown: String = name.chars().take(64).collect();
    let message = format!(
        "`{shown}` is the names of two tools in one and was not run. Send each call by itself."
    );
    refusal(code::AMBIGUOUS_NAME, message)
}

/// The arguments of a call that nobody can judge, for the record.
fn as_they_are(given: &Given<'_>) -> Option<Value> {
    match given {
        Given::Nothing => Some(Value::Object(Map::new())),
        Given::Json(reads) => match &reads[..] {
            [one] if one.value.is_object() => Some(one.value.clone()),
            _ => None,
        },
        Given::Fields(fields) | Given::Tagged(fields) => Some(Value::Object(
            fields
                .iter()
                .map(|field| (field.key.to_owned(), Value::from(field.text.as_ref())))
                .collect(),
        )),
        Given::Python { named, .. } => Some(Value::Object(named.clone())),
        Given::Bare(_) => None,
    }
}

/// A draft whose tool is known.
struct Judge<'a, 'o, 't> {
    draft: &'a Draft<'t>,
    offer: &'a Offer<'o>,
    arguments: &'a Arguments,
}

impl Judge<'_, '_, '_> {
    fn items(&self) -> Vec<Item> {
        if let Some(doubt) = self.draft.doubt
            && let Err(refusal) = self.allow(doubt)
        {
            return vec![self.refuse(refusal, None)];
        }
        match &self.draft.given {
            Given::Nothing => vec![self.fit(Value::Object(Map::new()))],
            Given::Json(reads) => self.values(reads),
            Given::Fields(fields) => vec![self.fields(fields)],
            Given::Tagged(fields) => {
                let doubt = Doubt::markup("its arguments are in tags where JSON should be");
                match self.allow(doubt) {
                    Ok(()) => vec![self.fields(fields)],
                    Err(refusal) => vec![self.refuse(refusal, None)],
                }
            }
            Given::Python {
                positional,
                named,
                notes,
            } => vec![self.python(positional, named, notes)],
            Given::Bare(text) => vec![self.scalar(Value::from(*text))],
        }
    }

    fn spec(&self) -> &ToolSpec {
        self.arguments.spec()
    }

    /// Whether what had to be inferred may be: only where nothing is changed.
    fn allow(&self, doubt: Doubt) -> Result<(), Refusal> {
        if self.spec().read_only {
            return Ok(());
        }
        let tool = Some(self.spec());
        Err(match doubt.code {
            code::MALFORMED => refuse::malformed(tool, doubt.what),
            code::TRUNCATED => refuse::truncated(tool, self.draft.raw, self.offer.finish),
            _ => refuse::markup(tool, doubt.what),
        })
    }

    fn refuse(&self, refusal: Refusal, arguments: Option<Value>) -> Item {
        refused(Some(&self.spec().name), self.draft.raw, refusal, arguments)
    }

    fn fit(&self, arguments: Value) -> Item {
        let kept = arguments.is_object().then(|| arguments.clone());
        match self.arguments.fit(arguments) {
            Ok(arguments) => Ok(Call {
                id: None,
                name: self.spec().name.clone(),
                arguments,
            }),
            Err(refusal) => self.refuse(refusal, kept),
        }
    }

    /// A value that stands alone where an object should.
    fn scalar(&self, value: Value) -> Item {
        let Some(sole) = self.arguments.sole() else {
            let what = "a single value stands where an object of arguments should";
            return self.refuse(refuse::malformed(Some(self.spec()), what), None);
        };
        match self.allow(Doubt::malformed(
            "a single value stands where an object of arguments should",
        )) {
            Ok(()) => self.fit(Value::Object(Map::from_iter([(sole.to_owned(), value)]))),
            Err(refusal) => self.refuse(refusal, None),
        }
    }

    fn values(&self, reads: &[Read]) -> Vec<Item> {
        for read in reads {
            if let Err(refusal) = self
                .sound(&read.notes)
                .and_then(|()| self.whole(read.missing))
            {
                return vec![self.refuse(refusal, None)];
            }
        }
        let values: Vec<&Value> = match reads {
            [one] => match &one.value {
                Value::Array(items) if items.len() > 1 && items.iter().all(Value::is_object) => {
                    items.iter().collect()
                }
                value => vec![value],
            },
            several => several.iter().map(|read| &read.value).collect(),
        };
        let mut distinct: Vec<&Value> = Vec::new();
        for value in values {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        // An empty object in front of the real one is how some servers begin a stream.
        if distinct.len() > 1 {
            distinct.retain(|value| value.as_object().is_none_or(|object| !object.is_empty()));
        }
        match distinct[..] {
            [] => vec![self.fit(Value::Object(Map::new()))],
            [one] => vec![self.value(one)],
            _ => self.several(&distinct),
        }
    }

    fn value(&self, value: &Value) -> Item {
        match peeled(value.clone()) {
            Value::Null => self.fit(Value::Object(Map::new())),
            scalar @ (Value::String(_) | Value::Bool(_) | Value::Number(_)) => self.scalar(scalar),
            value @ (Value::Array(_) | Value::Object(_)) => self.fit(value),
        }
    }

    /// Several objects for one call: the one that fits; or, where nothing is changed, all of them.
    fn several(&self, values: &[&Value]) -> Vec<Item> {
        let fitting: Vec<&&Value> = values
            .iter()
            .filter(|value| value.is_object() && self.arguments.fits(value))
            .collect();
        match fitting[..] {
            [one] => vec![self.fit((**one).clone())],
            [] => vec![self.value(values[values.len() - 1])],
            _ if self.spec().read_only && fitting.len() == values.len() => values
                .iter()
                .map(|value| self.fit((*value).clone()))
                .collect(),
            _ => {
                let message = format!(
                    "{} different objects of arguments came for one call of `{}`, and it was not run. Send one call with one object.",
                    values.len(),
                    self.spec().name
                );
                vec![self.refuse(refusal(code::CONFLICTING, message), None)]
            }
        }
    }

    /// Whether a value means one thing.
    fn sound(&self, notes: &Notes) -> Result<(), Refusal> {
        let tool = Some(self.spec());
        if let Some(what) = &notes.broken {
            return Err(refuse::malformed(tool, what));
        }
        if let Some(what) = &notes.ambiguous {
            return Err(refuse::ambiguous(tool, what));
        }
        if let Some(lexeme) = &notes.odd {
            let message = format!("{lexeme:?} is not a number that JSON has; send a plain one");
            return Err(refusal(code::SCHEMA, message));
        }
        match notes.bracket {
            true => self.allow(Doubt::malformed(
                "a bracket does not fit the one that it closes",
            )),
            false => Ok(()),
        }
    }

    /// Whether what is missing at the end of a value can only have been braces.
    fn whole(&self, missing: Missing) -> Result<(), Refusal> {
        if missing.braces == 0 {
            return Ok(());
        }
        let raw = self.draft.raw;
        if self.offer.is_cut() {
            return Err(refuse::truncated(Some(self.spec()), raw, self.offer.finish));
        }
        match missing.braces == 1 {
            true => Ok(()),
            false => self.allow(Doubt {
                code: code::TRUNCATED,
                what: "its end is missing",
            }),
        }
    }

    fn python(&self, positional: &[Value], named: &Map<String, Value>, notes: &Notes) -> Item {
        if let Err(refusal) = self.sound(notes) {
            return self.refuse(refusal, None);
        }
        match (positional, named.is_empty()) {
            ([], _) => self.fit(Value::Object(named.clone())),
            ([Value::Object(one)], true) => self.fit(Value::Object(one.clone())),
            ([one], true) => self.scalar(one.clone()),
            _ => {
                let what =
                    "arguments without names stand beside others; give every argument its name";
                self.refuse(refuse::malformed(Some(self.spec()), what), None)
            }
        }
    }

    fn fields(&self, fields: &[Field<'_>]) -> Item {
        let mut arguments: Map<String, Value> = Map::new();
        for field in fields {
            let value = match self.field(field, fields) {
                Ok(Some(value)) => value,
                Ok(None) => continue,
                Err(refusal) => return self.refuse(refusal, None),
            };
            let earlier = arguments.get(field.key);
            if earlier.is_some_and(|earlier| *earlier != value) {
                let what = format!("`{}` is given twice with different values", field.key);
                return self.refuse(refuse::ambiguous(Some(self.spec()), &what), None);
            }
            arguments.insert(field.key.to_owned(), value);
        }
        self.fit(Value::Object(arguments))
    }

    /// The value of a field: its type is the schema's, never the look of the text.
    fn field(&self, field: &Field<'_>, all: &[Field<'_>]) -> Result<Option<Value>, Refusal> {
        let text = self.without_cdata(field, all)?;
        let Some(schema) = self.schema_of(field.key) else {
            return Ok(Some(Value::from(text)));
        };
        let trimmed = text.trim();
        if kind_is_text(schema) {
            if trimmed == "null" && allows(schema, "null") && schema.get("type").is_some() {
                return Ok(Some(Value::Null));
            }
            let quoted = field.is_json && trimmed.starts_with('"');
            let decoded = quoted.then(|| json::whole(trimmed)).flatten();
            return Ok(Some(match decoded {
                Some(read) if read.value.is_string() => read.value,
                _ => Value::from(text),
            }));
        }
        if trimmed.is_empty() {
            return Ok(None);
        }
        if let Some(number) = json::number(trimmed) {
            return Ok(Some(number));
        }
        match json::whole(trimmed) {
            Some(read) => {
                self.sound(&read.notes)?;
                Ok(Some(read.value))
            }
            None => Ok(Some(Value::from(text))),
        }
    }

    fn schema_of(&self, key: &str) -> Option<&Value> {
        let declared = self.arguments.declared()?;
        declared.get(key).or_else(|| {
            let mut aliases = self.spec().parameter_aliases.iter();
            let (name, _) = aliases.find(|(_, all)| all.iter().any(|alias| alias == key))?;
            declared.get(name)
        })
    }

    /// The text without a CDATA section around all of it, unless that may be what was meant.
    fn without_cdata<'f>(
        &self,
        field: &'f Field<'_>,
        all: &[Field<'_>],
    ) -> Result<&'f str, Refusal> {
        let text = field.text.as_ref();
        let inner = text
            .trim()
            .strip_prefix("<![CDATA[")
            .and_then(|rest| rest.strip_suffix("]]>"));
        let Some(inner) = inner.filter(|inner| !inner.contains("]]>")) else {
            return Ok(text);
        };
        let is_markup = all
            .iter()
            .any(|other| other.key != field.key && is_markup_file(other.text.trim()));
        match is_markup {
            true => {
                let what = format!(
                    "`{}` is one CDATA section, which may be meant or not",
                    field.key
                );
                Err(refuse::ambiguous(Some(self.spec()), &what))
            }
            false => Ok(inner),
        }
    }
}

/// A value that was written as the text of a text. Nothing at all is no arguments.
fn peeled(mut value: Value) -> Value {
    // Models encode twice or three times, never deeper.
    for _ in 0..3 {
        let Value::String(text) = &value else {
            return value;
        };
        if matches!(text.trim(), "" | "null" | "None") {
            return Value::Null;
        }
        match json::whole(text) {
            Some(read) if read.notes == Notes::default() => value = read.value,
            _ => return value,
        }
    }
    value
}
