//! Whether a changed file can be read by what reads its format.

use crate::Fault;
use crate::files::Changed;
use crate::syntax::{self, Language};
use serde::Deserialize;

/// A fault for each changed file that could be read before, or is new, and cannot be read now.
pub(crate) fn broken(files: &[Changed]) -> Vec<Fault> {
    files.iter().filter_map(broken_file).collect()
}

fn broken_file(file: &Changed) -> Option<Fault> {
    let after = file.after.as_deref()?;
    let (name, error) = error(&file.path, after)?;
    let was_broken = file
        .before
        .as_deref()
        .is_some_and(|text| self::error(&file.path, text).is_some());
    // What nobody could read before is not this attempt's doing.
    (!was_broken).then(|| Fault {
        what: format!("{} can be read as {name}", file.path),
        expected: format!("well-formed {name}"),
        seen: error.what,
        place: Some(match error.line {
            Some(line) => format!("{}:{line}", file.path),
            None => file.path.clone(),
        }),
    })
}

struct Error {
    line: Option<usize>,
    what: String,
}

/// What is wrong with a text, and what it should be: by an exact parser of its format, or by the
/// grammar of its language.
fn error(path: &str, text: &str) -> Option<(&'static str, Error)> {
    if let Some(format) = Format::of(path) {
        let what = format.error(text)?;
        return Some((format.name(), Error { line: None, what }));
    }
    let language = Language::of(path, text)?;
    let (line, what) = syntax::error(language, text)?;
    let line = Some(line);
    Some((language.name(), Error { line, what }))
}

/// Formats with an exact parser here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    JsonLines,
    Yaml,
    Toml,
    Xml,
}

impl Format {
    fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        let (stem, extension) = name.rsplit_once('.')?;
        match extension {
            // These are JSON with comments, whatever their name says.
            "json" if stem.starts_with("tsconfig") || stem.starts_with("jsconfig") => None,
            "json"
                if path
                    .split('/')
                    .any(|dir| dir == ".vscode" || dir == ".devcontainer") =>
            {
                None
            }
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "yaml" | "yml" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "xml" | "svg" | "xsd" | "xsl" | "xslt" | "plist" | "csproj" => Some(Self::Xml),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::JsonLines => "JSON lines",
            Self::Yaml => "YAML",
            Self::Toml => "TOML",
            Self::Xml => "XML",
        }
    }

    /// What is wrong, with line and column.
    fn error(self, text: &str) -> Option<String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Json => json_error(text),
            Self::JsonLines => text.lines().enumerate().find_map(|(at, line)| {
                let error = json_error(line).filter(|_| !line.trim().is_empty())?;
                Some(format!("line {}: {error}", at + 1))
            }),
            Self::Yaml => yaml_error(text),
            Self::Toml => text
                .parse::<toml::Table>()
                .err()
                .map(|error| error.to_string()),
            Self::Xml => xml_error(text),
        }
    }
}

fn xml_error(text: &str) -> Option<String> {
    // A document type is no error; what it declares is not fetched.
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..roxmltree::ParsingOptions::default()
    };
    let error = roxmltree::Document::parse_with_options(text, options).err()?;
    // Entities of a document type that is elsewhere cannot be known.
    if matches!(error, roxmltree::Error::UnknownEntityReference(..)) {
        return None;
    }
    Some(format!("line {}: {error}", error.pos().row))
}

fn json_error(text: &str) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .err()
        .map(|error| error.to_string())
}

fn yaml_error(text: &str) -> Option<String> {
    // Templates of YAML (Helm, Jinja) are not YAML yet, and tags of applications are not errors.
    if text.contains("{{") || text.contains("{%") {
        return None;
    }
    serde_yaml::Deserializer::from_str(text)
        .find_map(|document| serde_yaml::Value::deserialize(document).err())
        .map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, before: Option<&str>, after: &str) -> Changed {
        Changed {
            path: path.to_owned(),
            before: before.map(str::to_owned),
            after: Some(after.to_owned()),
            gone: false,
            existed: before.is_some(),
            base: None,
        }
    }

    #[test]
    fn a_file_that_no_longer_parses_is_a_fault_with_its_place() {
        for (path, text) in [
            ("a.json", "{\"a\": 1,}"),
            ("a.yaml", "a: [1\nb: 2"),
            ("a.toml", "a = \n"),
            ("a.jsonl", "{}\n{"),
            ("a.xml", "<a>\n<b></a>"),
        ] {
            let faults = broken(&[file(path, None, text)]);
            assert_eq!(faults.len(), 1, "{path}");
            assert!(faults[0].seen.contains("line"), "{}", faults[0].seen);
            assert_eq!(faults[0].place.as_deref(), Some(path));
        }
        for (path, text, place) in [
            ("a.py", "x = 1\ndef f(:\n    pass\n", "a.py:2"),
            ("bin/run", "#!/usr/bin/env python3\nx = (\n", "bin/run:2"),
            ("a.tsx", "const a = <p>a</p;\n", "a.tsx:1"),
        ] {
            let faults = broken(&[file(path, None, text)]);
            assert_eq!(faults[0].place.as_deref(), Some(place));
        }
    }

    #[test]
    fn good_files_and_formats_without_a_parser_are_no_fault() {
        let files = [
            file("a.json", None, "{\"a\": 1}"),
            file("a.yml", None, "a: 1\n---\nb: 2\n"),
            file("chart/a.yaml", None, "a: {{ .Values.a }}"),
            file("a.toml", None, "a = 1"),
            file("tsconfig.json", None, "// why\n{}"),
            file("a.jsonl", None, "{}\n\n[]\n"),
            file("a.txt", None, "{"),
            file(
                "a.xml",
                None,
                "<!DOCTYPE a [<!ENTITY b \"c\">]>\n<a>&b;&d;</a>",
            ),
            file("a.py", None, "def f():\n    return 1\n"),
        ];
        assert_eq!(broken(&files), []);
    }

    #[test]
    fn what_was_broken_before_is_not_blamed_on_the_attempt() {
        assert_eq!(broken(&[file("a.json", Some("{"), "{,")]), []);
        assert_eq!(broken(&[file("a.py", Some("def f(:"), "def g(:")]), []);
        assert_eq!(broken(&[file("a.py", Some("x = 1"), "def g(:")]).len(), 1);
    }
}
