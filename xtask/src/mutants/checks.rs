//! The checks of the instructions, left out one at a time: each `require!`, and each `constraint` and `address` of an
//! account. cargo-mutants sees neither, because they are inside macros, and only the VM can tell what they are good for.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{paths, programs::PROGRAMS, sh};

/// One check, at a place of its file.
struct Check {
    file: PathBuf,
    line: usize,
    program: &'static str,
    /// The file without it.
    mutant: String,
    /// What is left out, in one line.
    text: String,
}

/// Leaves out each check whose `file:line: text` has all of `words` in it; fails where the tests of its program in the
/// VM do not notice.
pub(super) fn run(tree: &Path, words: &[String]) -> Result<()> {
    let mut checks = Vec::new();
    for program in PROGRAMS {
        let source = tree.join("programs").join(program).join("src");
        for file in rust_files(&source)? {
            find(program, &file, tree, words, &mut checks)?;
        }
    }
    if checks.is_empty() {
        bail!(
            "no check has all of these words in its file, line or text: {}",
            words.join(" ")
        );
    }
    // The tests need all three, whichever of them is changed.
    for program in PROGRAMS {
        build(tree, program, true).context("a program as it is does not compile")?;
    }
    let mut missed = Vec::new();
    for program in PROGRAMS {
        let of_it: Vec<_> = checks.iter().filter(|check| check.program == program).collect();
        if of_it.is_empty() {
            continue;
        }
        let tests = vm_tests(tree, program)?;
        eprintln!(
            "{program}: {} checks, {} test files; first as it is",
            of_it.len(),
            tests.len()
        );
        if !pass(tree, &tests, true) {
            bail!("the tests of {program} fail without any change");
        }
        for check in of_it {
            let file = tree.join(&check.file);
            let original = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            fs::write(&file, &check.mutant).with_context(|| file.display().to_string())?;
            let built = build(tree, program, false);
            let outcome = if built.is_err() {
                "unviable"
            } else if pass(tree, &tests, false) {
                "MISSED"
            } else {
                "caught"
            };
            fs::write(&file, original).with_context(|| file.display().to_string())?;
            let line = format!("{}:{}: {}", check.file.display(), check.line, check.text);
            println!("{outcome:<8} {line}");
            if outcome == "MISSED" {
                missed.push(line);
            }
        }
        // The program as it is again, for whoever runs the tests of the copy next.
        build(tree, program, false)?;
    }
    if !missed.is_empty() {
        bail!(
            "{} of {} checks can go without a test that notices",
            missed.len(),
            checks.len()
        );
    }
    Ok(())
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn find(program: &'static str, file: &Path, tree: &Path, words: &[String], checks: &mut Vec<Check>) -> Result<()> {
    let source = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let relative = file.strip_prefix(tree).unwrap_or(file).to_path_buf();
    for range in checks_in(&source) {
        let line = source[..range.start].matches('\n').count() + 1;
        let text = source[range.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
        let name = format!("{}:{line}: {text}", relative.display());
        if words.iter().all(|word| name.contains(word.as_str())) {
            checks.push(Check {
                file: relative.clone(),
                line,
                program,
                mutant: format!("{}{}", &source[..range.start], &source[range.end..]),
                text,
            });
        }
    }
    Ok(())
}

/// The test files that run this program in the VM, by name.
fn vm_tests(tree: &Path, program: &str) -> Result<Vec<String>> {
    let mut names: Vec<_> = rust_files(&tree.join("tests/tests"))?
        .iter()
        .filter(|file| file.parent().is_some_and(|folder| folder.ends_with("tests/tests")))
        .filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()))
        .filter(|name| name.starts_with(&format!("{program}_")) || name == "adversarial")
        .collect();
    names.sort();
    Ok(names)
}

/// Compiles one program of the copy, by this same program pointed at the copy.
fn build(tree: &Path, program: &str, shown: bool) -> Result<()> {
    let own = std::env::current_exe().context("where this program is")?;
    let mut build = Command::new(own);
    build
        .current_dir(tree)
        .env("CARGO_MANIFEST_DIR", tree.join("xtask"))
        .args(["programs", "build", "--only", program]);
    if shown {
        return sh::shown(&mut build);
    }
    sh::quiet(&mut build, &tree.join("target/mutant-build.log"))
}

/// Whether the tests of the tree here pass over the programs of the copy.
fn pass(tree: &Path, tests: &[String], shown: bool) -> bool {
    let mut test = Command::new(paths::cargo());
    test.current_dir(paths::root())
        .env("GANTRY_PROGRAMS_DIR", tree.join("target/deploy"))
        .env_remove("LD_LIBRARY_PATH")
        .args(["test", "--workspace"]);
    for name in tests {
        test.args(["--test", name]);
    }
    if shown {
        return sh::shown(&mut test).is_ok();
    }
    sh::quiet(&mut test, &tree.join("target/mutant-tests.log")).is_ok()
}

/// Where each check is, whole statements and whole arguments of `#[account(…)]`.
fn checks_in(source: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (start, _) in source.match_indices("require!(") {
        if is_comment(source, start) {
            continue;
        }
        let end = close(source, start + "require!".len());
        if source[end..].starts_with(';') {
            found.push(start..end + 1);
        }
    }
    for (start, opening) in source.match_indices("#[account(") {
        if is_comment(source, start) {
            continue;
        }
        let open = start + opening.len() - 1;
        let end = close(source, open) - 1;
        let mut begin = open + 1;
        for stop in commas(source, begin, end) {
            let argument = &source[begin..stop];
            let word = argument.trim_start();
            if word.starts_with("constraint =") || word.starts_with("address =") {
                // With the comma behind it, or before it where it is the last.
                found.push(match (stop < end, begin > open + 1) {
                    (true, _) => begin..stop + 1,
                    (false, true) => begin - 1..stop,
                    (false, false) => begin..stop,
                });
            }
            begin = stop + 1;
        }
    }
    found.sort_by_key(|range| range.start);
    found
}

fn is_comment(source: &str, at: usize) -> bool {
    let line = source[..at].rfind('\n').map_or(0, |end| end + 1);
    source[line..at].contains("//")
}

/// One past the bracket that closes the one at `open`. Brackets in strings count too: no check here has any that differ.
fn close(source: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in source.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 1 => return at + 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    source.len()
}

/// Where the arguments between `begin` and `end` stop: at commas outside of brackets, and at the end.
fn commas(source: &str, begin: usize, end: usize) -> Vec<usize> {
    let mut depth = 0usize;
    let mut stops = Vec::new();
    for (at, byte) in source.bytes().enumerate().take(end).skip(begin) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => stops.push(at),
            _ => {}
        }
    }
    stops.push(end);
    stops
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_each(source: &str) -> Vec<String> {
        checks_in(source)
            .into_iter()
            .map(|range| format!("{}{}", &source[..range.start], &source[range.end..]))
            .collect()
    }

    #[test]
    fn a_requirement_goes_as_a_whole_statement() {
        let source = "{ require!(f(a, (b)) == c, E::X); d(); require!(\n    g,\n    E::Y\n); Ok(()) }";
        let left = [
            "{  d(); require!(\n    g,\n    E::Y\n); Ok(()) }",
            "{ require!(f(a, (b)) == c, E::X); d();  Ok(()) }",
        ];
        assert_eq!(without_each(source), left);
        assert!(without_each("// require!(a, b);\n// #[account(address = X)]").is_empty());
    }

    #[test]
    fn a_constraint_goes_with_one_comma() {
        let source = "#[account(mut, constraint = same(a, &b.c(d)) @ E::X, address = F @ G)]";
        let left = [
            "#[account(mut, address = F @ G)]",
            "#[account(mut, constraint = same(a, &b.c(d)) @ E::X)]",
        ];
        assert_eq!(without_each(source), left);
        assert_eq!(without_each("#[account(address = X)] x: Y"), ["#[account()] x: Y"]);
    }
}
