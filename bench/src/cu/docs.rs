//! The parts of the documentation that are made from the table and the IDLs. Each is between two lines that say so.

use std::{fmt::Write as _, fs};

use anyhow::{Context, Result, bail};

use super::{
    idl::{self, Account, Program},
    root,
    table::{Figures, LIFECYCLE},
};

const BEGIN: &str = "<!-- made by `cargo xtask bench cu --write` -->";
const END: &str = "<!-- end of what is made -->";

/// What each of the programs may be, at most; the same for a job's life and its rent.
const BYTES_AIM: u64 = 81_920;
const LIFECYCLE_AIM: u64 = 40_000;
const RENT_AIM: u64 = 6_000_000;

/// Writes the parts anew; gives the files that have changed.
pub(crate) fn write(figures: &Figures) -> Result<Vec<String>> {
    let mut changed = Vec::new();
    for (file, text, new) in files(figures)? {
        if text != new {
            fs::write(root().join(&file), new).with_context(|| file.clone())?;
            changed.push(file);
        }
    }
    Ok(changed)
}

/// The files whose parts are not what the table and the IDLs say.
pub(crate) fn outdated(figures: &Figures) -> Result<Vec<String>> {
    let files = files(figures)?.into_iter();
    Ok(files
        .filter(|(_, text, new)| text != new)
        .map(|(file, ..)| file)
        .collect())
}

/// Each file, as it is and as it should be.
fn files(figures: &Figures) -> Result<Vec<(String, String, String)>> {
    let programs = idl::programs()?;
    let mut parts = vec![
        ("README.md".to_owned(), summary(figures)),
        ("docs/benchmarks.md".to_owned(), overview(figures, &programs)),
    ];
    for program in &programs {
        parts.push((
            format!("programs/{}/README.md", program.name),
            accounts(figures, program),
        ));
    }
    parts
        .into_iter()
        .map(|(file, part)| {
            let text = fs::read_to_string(root().join(&file)).with_context(|| file.clone())?;
            let new = replaced(&text, &part).with_context(|| file.clone())?;
            Ok((file, text, new))
        })
        .collect()
}

/// `text` with `part` between the two lines.
fn replaced(text: &str, part: &str) -> Result<String> {
    let (Some(begin), Some(end)) = (text.find(BEGIN), text.find(END)) else {
        bail!("there must be a line {BEGIN:?} and, after it, a line {END:?}");
    };
    let begin = begin + BEGIN.len();
    if end < begin {
        bail!("{END:?} comes before {BEGIN:?}");
    }
    Ok(format!("{}\n\n{}\n{}", &text[..begin], part.trim_end(), &text[end..]).replace("\n\n\n", "\n\n"))
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The few figures that matter most, beside what they should be.
fn summary(figures: &Figures) -> String {
    let mut text = "| | measured | aim |\n| --- | --- | --- |\n".to_owned();
    let mut row = |what: &str, measured: u64, aim: u64, unit: &str| {
        let _ = writeln!(text, "| {what} | {} {unit} | {} |", grouped(measured), grouped(aim));
    };
    row(
        "whole life of a job (open, assign, start, one proof, settle), stakers paid too",
        figures.lifecycle,
        LIFECYCLE_AIM,
        "compute units",
    );
    row("rent held while it runs", figures.rent_lamports, RENT_AIM, "lamports");
    for program in idl::PROGRAMS {
        let bytes = figures.program_bytes.get(program).copied().unwrap_or_default();
        row(&format!("`{program}`"), bytes, BYTES_AIM, "bytes");
    }
    text
}

/// Every instruction of every program.
fn overview(figures: &Figures, programs: &[Program]) -> String {
    let mut text = summary(figures);
    let _ = writeln!(text, "\nA job's life is {}.", quoted(&LIFECYCLE));
    for program in programs {
        let _ = writeln!(
            text,
            "\n### {}\n\n| instruction | mean | least | most |\n| --- | ---: | ---: | ---: |",
            program.name
        );
        for instruction in &program.instructions {
            for (name, units) in rows(figures, &instruction.key) {
                let of = |map: &std::collections::BTreeMap<String, u64>| {
                    map.get(name).map_or_else(String::new, |units| grouped(*units))
                };
                let shown = name.replacen(&instruction.key, &format!("`{}`", instruction.name), 1);
                let (least, most) = (of(&figures.least), of(&figures.most));
                let _ = writeln!(text, "| {shown} | {} | {least} | {most} |", grouped(units));
            }
        }
    }
    text
}

/// What was measured of an instruction: itself, and its special cases.
fn rows<'a>(figures: &'a Figures, key: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
    let of_key = move |name: &str| {
        name.strip_prefix(key)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
    };
    let all = figures.instructions.iter().map(|(name, units)| (name.as_str(), *units));
    all.filter(move |(name, _)| of_key(name))
}

/// The accounts of every instruction of a program, and what it takes.
fn accounts(figures: &Figures, program: &Program) -> String {
    let mut text = "| instruction | compute units | accounts, in order |\n| --- | ---: | --- |\n".to_owned();
    for instruction in &program.instructions {
        let units = figures.instructions.get(&instruction.key).copied().unwrap_or_default();
        let accounts: Vec<_> = instruction.accounts.iter().map(described).collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} |",
            instruction.name,
            grouped(units),
            accounts.join(", ")
        );
    }
    text
}

fn described(account: &Account) -> String {
    let marks = match (account.signer, account.writable) {
        (true, true) => " **s** w",
        (true, false) => " **s**",
        (false, true) => " w",
        (false, false) => "",
    };
    format!("{}{marks}", account.name)
}

fn quoted(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_says_what_the_table_says() {
        let figures = Figures::checked_in().expect("the table");
        let outdated = outdated(&figures).expect("the documentation");
        assert!(outdated.is_empty(), "{outdated:?}: run `cargo xtask bench cu --write`");
    }

    #[test]
    fn the_table_has_every_instruction() {
        let figures = Figures::checked_in().expect("the table");
        let programs = idl::programs().expect("the IDLs");
        for instruction in programs.iter().flat_map(|program| &program.instructions) {
            assert!(
                figures.instructions.contains_key(&instruction.key),
                "{}",
                instruction.key
            );
        }
    }

    /// Names in backticks of the table that says who signs and what is refused, by instruction.
    fn refusals(readme: &str) -> Vec<(&str, Vec<&str>)> {
        let table = readme.split("| refuses with |").nth(1).expect("a table of refusals");
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        rows.map(|row| {
            let mut names = row.split('`').skip(1).step_by(2);
            (names.next().expect("an instruction"), names.collect())
        })
        .collect()
    }

    #[test]
    fn each_readme_tells_the_signer_and_the_refusals_of_every_instruction() {
        for program in idl::programs().expect("the IDLs") {
            let path = root().join("programs").join(program.name).join("README.md");
            let readme = fs::read_to_string(path).expect("a README");
            let rows = refusals(&readme);
            let named: Vec<_> = rows.iter().map(|(name, _)| *name).collect();
            for instruction in &program.instructions {
                let count = named.iter().filter(|name| **name == instruction.name).count();
                assert_eq!(count, 1, "{} of {}", instruction.name, program.name);
            }
            assert_eq!(rows.len(), program.instructions.len(), "{}", program.name);
            for (row, names) in rows {
                for name in names.iter().filter(|name| !name.ends_with('…')) {
                    let known = program.errors.iter().any(|error| error.as_str() == *name) || named.contains(name);
                    assert!(known, "{} of {}: {name} is no error", row, program.name);
                }
            }
            let excused = |error: &str| error.starts_with("Unmet") || error == "Overflow";
            let untold = |error: &&String| !excused(error) && !readme.contains(&format!("`{error}`"));
            let untold: Vec<_> = program.errors.iter().filter(untold).collect();
            assert!(untold.is_empty(), "{} never tells of {untold:?}", program.name);
        }
    }

    #[test]
    fn only_what_is_between_the_lines_changes() {
        let text = format!("before\n{BEGIN}\n\nold\n{END}\nafter\n");
        let new = replaced(&text, "new\n").expect("both lines");
        assert_eq!(new, format!("before\n{BEGIN}\n\nnew\n{END}\nafter\n"));
        assert_eq!(replaced(&new, "new").expect("both lines"), new);
        assert!(replaced("before", "new").is_err());
    }

    #[test]
    fn thousands_are_grouped() {
        let grouped = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(grouped, ["0", "999", "1,000", "1,234,567"]);
    }
}
