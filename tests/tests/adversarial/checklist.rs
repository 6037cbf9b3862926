//! The project's security checklist, line by line, with the tests that show each point of it.
//!
//! A test is named by its file and function: files of this folder's parent by their name alone, others by their path in
//! the repository. That each exists, and is run, is checked; `cargo xtask test adversarial` prints the list.

use crate::{attack::Class, case::repository, network_themes::sources};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::Write as _,
};

/// A line of the checklist.
pub(crate) struct Line {
    pub number: &'static str,
    pub title: &'static str,
    pub points: &'static [Point],
}

/// Something that a line asks for, and the tests that show it.
pub(crate) struct Point {
    pub what: &'static str,
    pub tests: &'static [&'static str],
}

/// The names of the tests in `sources`, which are a file's path without `.rs` and its text.
fn tests_in(file: &str, text: &str) -> Vec<String> {
    let mut names = Vec::new();
    // Attributes of the function to come; whether they make it a test, and one that runs.
    let (mut test, mut ignored) = (false, false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") {
            test |= line == "#[test]" || line.starts_with("#[tokio::test");
            ignored |= line.starts_with("#[ignore");
        } else if let Some(rest) = line.strip_prefix("fn ").or_else(|| line.strip_prefix("async fn ")) {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            if test && !ignored {
                names.push(format!("{file}::{name}"));
            }
            (test, ignored) = (false, false);
        }
    }
    names
}

/// Every test that a point can name.
fn existing_tests() -> BTreeSet<String> {
    let root = repository();
    let mut all = BTreeSet::new();
    let folders = [
        "tests/tests",
        "sdk/core/src",
        "programs/common/src",
        "programs/registry/src",
        "programs/staking/src",
        "programs/market/src",
    ];
    for folder in folders {
        let folder = root.join(folder);
        for (file, text) in sources(&folder) {
            let path = std::path::Path::new(&file).strip_prefix(&root).expect("below the root");
            let path = path.with_extension("").display().to_string();
            let name = path.strip_prefix("tests/tests/").unwrap_or(&path);
            all.extend(tests_in(name, &text));
        }
    }
    all
}

#[test]
fn every_line_of_the_checklist_names_tests_that_exist() {
    let existing = existing_tests();
    assert!(existing.len() > 400, "only {} tests were found", existing.len());
    let mut text = String::new();
    let mut missing = Vec::new();
    for Line { number, title, points } in crate::checklist_lines::LINES {
        let named: BTreeSet<_> = points.iter().flat_map(|point| point.tests).collect();
        let _ = writeln!(
            text,
            "\nchecklist {number} {title}: {} points, {} tests",
            points.len(),
            named.len()
        );
        assert!(!points.is_empty(), "{title} has no points");
        for Point { what, tests } in *points {
            let _ = writeln!(text, "  {what}");
            assert!(!tests.is_empty(), "nothing shows: {what}");
            for test in *tests {
                let _ = writeln!(text, "    {test}");
                if !existing.contains(*test) {
                    missing.push(*test);
                }
            }
        }
    }
    assert!(
        missing.is_empty(),
        "no such test, or it is not run: {missing:#?}; see adversarial/checklist_lines.rs"
    );
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[test]
fn the_security_model_has_the_same_lines() {
    let path = repository().join("docs/security-model.md");
    let text = std::fs::read_to_string(path).expect("the security model");
    let rows: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" |")?.0.split_once(". "))
        .collect();
    let numbered = crate::checklist_lines::LINES
        .iter()
        .filter_map(|line| Some((line.number.strip_suffix('.')?, line.title)));
    let lines: BTreeMap<&str, &str> = numbered.collect();
    assert_eq!(
        rows, lines,
        "docs/security-model.md and adversarial/checklist_lines.rs differ"
    );
    assert_eq!(lines.len(), 12);
}

#[test]
fn the_classes_line_names_each_class_of_sealevel_attacks() {
    let of_others = |class: &&Class| **class != Class::ReadOnly;
    let classes: Vec<_> = Class::ALL.iter().filter(of_others).map(|class| class.name()).collect();
    assert_eq!(classes.len(), 11);
    let line = crate::checklist_lines::LINES.iter().find(|line| line.number == "12.");
    let points: Vec<_> = line.expect("the line").points.iter().map(|point| point.what).collect();
    assert_eq!(points, classes);
}

#[test]
fn a_test_that_is_not_run_counts_for_nothing() {
    let text = "#[test]\nfn runs() {}\n#[test]\n#[ignore = \"slow\"]\nfn rests() {}\nfn helps() {}\n#[cfg(test)]\n";
    assert_eq!(tests_in("file", text), ["file::runs"]);
}

#[test]
fn every_file_of_tests_is_compiled() {
    for name in ["market", "registry", "staking"] {
        let folder = repository().join("tests/tests").join(name);
        let main = std::fs::read_to_string(folder.join("main.rs")).expect("a main file");
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let file = entry.expect("an entry").path().with_extension("");
            let module = file.file_name().expect("a name").to_string_lossy();
            assert!(
                module == "main" || main.contains(&format!("mod {module};")),
                "{name}/{module}.rs is in no `mod`: its tests do not run"
            );
        }
    }
}
