//! Writing results, for people or for scripts.

use crate::{Format, context::Context};
use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes a line to standard output.
pub(crate) fn line(text: impl AsRef<str>) -> Result<()> {
    writeln!(io::stdout().lock(), "{}", text.as_ref())?;
    Ok(())
}

/// Whether `error` is that nobody reads standard output any more.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes an error to standard error.
pub(crate) fn print_error(format: Format, error: &anyhow::Error, code: u8) {
    match format {
        Format::Table => eprintln!("error: {error:#}"),
        Format::Json => eprintln!("{}", json!({ "error": format!("{error:#}"), "exit_code": code })),
    }
}

impl Context {
    /// Writes `value` as JSON, or what `text` makes for people.
    pub(crate) fn show(&self, value: Value, text: impl FnOnce() -> String) -> Result<()> {
        match self.format() {
            Format::Json => line(serde_json::to_string_pretty(&value)?),
            Format::Table => line(text().trim_end()),
        }
    }
}

/// A table with `header`, one row each.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    trim_lines(&table.to_string())
}

/// Two columns: what, and its value.
pub(crate) fn fields(rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for (name, value) in rows {
        table.add_row(vec![name.to_owned(), value]);
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
