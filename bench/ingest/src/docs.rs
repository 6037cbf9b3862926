//! The figures' place in docs/benchmarks.md.

use std::path::Path;

use anyhow::{Context, Result};

use crate::report::Report;

const BEGIN: &str = "<!-- made by `cargo xtask bench ingest --write` -->\n";
const END: &str = "<!-- end of what is made by ingest -->";

pub(crate) fn write(report: &Report) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/benchmarks.md");
    let text = std::fs::read_to_string(&file)?;
    let machine = &report.machine;
    let made = format!(
        "\n{}, {} cores, {} GiB; Linux {}; Postgres {}, fsync {}, synchronous_commit {}, full_page_writes {}; {}.\n\n{}\n\n",
        machine.cpu,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        machine.postgres,
        machine.fsync,
        machine.synchronous_commit,
        machine.full_page_writes,
        machine.date,
        report.table()
    );
    std::fs::write(&file, replaced(&text, &made)?)?;
    Ok(())
}

fn replaced(text: &str, made: &str) -> Result<String> {
    let (before, rest) = text
        .split_once(BEGIN)
        .context("docs/benchmarks.md has no place for ingest")?;
    let (_, after) = rest
        .split_once(END)
        .context("docs/benchmarks.md has no end of ingest's place")?;
    Ok(format!("{before}{BEGIN}{made}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_made_is_replaced() {
        let text = format!("a\n{BEGIN}old{END}\nb");
        assert_eq!(
            replaced(&text, "new").expect("a place"),
            format!("a\n{BEGIN}new{END}\nb")
        );
        assert!(replaced("a", "new").is_err());
    }
}
