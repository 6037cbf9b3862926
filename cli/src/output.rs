//! Writing results, for people or for scripts.

use crate::{Format, context::Context, exit::Usage};
use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use gantry_sdk::Signature;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes a line to standard output.
pub(crate) fn line(text: impl AsRef<str>) -> Result<()> {
    writeln!(io::stdout().lock(), "{}", text.as_ref())?;
    Ok(())
}

/// Whether `error` is that nobody reads standard output any more.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes an error to standard error.
pub(crate) fn print_error(format: Format, error: &anyhow::Error, code: u8) {
    let message = message(error);
    match format {
        Format::Table => eprintln!("error: {message}"),
        Format::Json => eprintln!("{}", json!({ "error": message, "exit_code": code })),
        Format::Yaml => {
            let value = json!({ "error": message, "exit_code": code });
            eprint!("{}", serde_yaml_ng::to_string(&value).unwrap_or(message));
        }
    }
}

/// The error and its causes, without those that the ones before them have named already.
fn message(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .fold(String::new(), |message, cause| match message.as_str() {
            "" => cause,
            said if said.contains(&cause) => message,
            said if cause.starts_with(said) => cause,
            said => format!("{said}: {cause}"),
        })
}

impl Context {
    /// Writes `value` as JSON, or what `text` makes for people.
    pub(crate) fn show(&self, mut value: Value, text: impl FnOnce() -> String) -> Result<()> {
        if self.is_rehearsal() {
            return Ok(());
        }
        if let Some(field) = self.field() {
            return line(field_of(&value, field)?);
        }
        if let (Some(event), Value::Object(fields)) = (self.event.get(), &mut value) {
            fields.insert("event".into(), event.into());
        }
        match self.format() {
            Format::Json if self.event.get().is_some() => line(value.to_string()),
            Format::Json => line(serde_json::to_string_pretty(&value)?),
            Format::Yaml => line(serde_yaml_ng::to_string(&value)?.trim_end()),
            Format::Table => line(text().trim_end()),
        }
    }

    /// Says that something was done: `text` for people, the transaction for everyone.
    pub(crate) fn done(&self, text: impl AsRef<str>, transaction: Signature) -> Result<()> {
        let value = json!({ "done": text.as_ref(), "transaction": transaction.to_string() });
        self.show(value, || format!("{}\nTransaction {transaction}", text.as_ref()))
    }
}

/// The field at `path` as bare text: of an object, or of each item of a list.
fn field_of(value: &Value, path: &str) -> Result<String> {
    if let Value::Array(items) = value {
        let lines: Result<Vec<String>> = items.iter().map(|item| field_of(item, path)).collect();
        return Ok(lines?.join("\n"));
    }
    let mut at = value;
    for name in path.split('.') {
        let inner = match at {
            Value::Array(items) => name.parse::<usize>().ok().and_then(|place| items.get(place)),
            other => other.get(name),
        };
        at = inner.ok_or_else(|| {
            let names = match at {
                Value::Object(fields) => fields.keys().cloned().collect::<Vec<_>>().join(", "),
                _ => "none".to_owned(),
            };
            Usage(format!("--field {path}: the result has no `{name}`; it has: {names}"))
        })?;
    }
    Ok(match at {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

/// A table with `header`, one row each.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    for row in rows {
        table.add_row(row);
    }
    trim_lines(&table.to_string())
}

/// Two columns: what, and its value.
pub(crate) fn fields(rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    for (name, value) in rows {
        table.add_row(vec![name.to_owned(), value]);
    }
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 1));
    }
    trim_lines(&table.to_string())
}

fn trim_lines(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// `3 nodes`, `1 node`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_named_once() {
        let error = anyhow::anyhow!("no such file")
            .context("cannot read a.json: no such file")
            .context("a.json");
        assert_eq!(message(&error), "a.json: cannot read a.json: no such file");
        assert_eq!(message(&anyhow::anyhow!("x").context("y")), "y: x");
    }

    #[test]
    fn a_field_is_bare_and_a_wrong_one_says_which_there_are() {
        let value = json!({ "id": 7, "node": { "key": "k", "gone": null }, "list": [{ "a": "x" }, { "a": "y" }] });
        let field = |path| field_of(&value, path);
        assert_eq!(field("id").expect("there"), "7");
        assert_eq!(field("node.key").expect("there"), "k");
        assert_eq!(field("node.gone").expect("there"), "");
        assert_eq!(field("list.1.a").expect("there"), "y");
        assert_eq!(field_of(&value["list"], "a").expect("there"), "x\ny");
        let said = field("node.name").expect_err("not there").to_string();
        assert!(said.contains("gone, key") || said.contains("key, gone"), "{said}");
        assert!(field("id.x").is_err() && field("list.2.a").is_err());
    }

    #[test]
    fn fields_are_aligned_and_not_indented() {
        assert_eq!(
            fields([("A", "1".to_owned()), ("Long", "2".to_owned())]),
            "A     1\nLong  2"
        );
    }
}
