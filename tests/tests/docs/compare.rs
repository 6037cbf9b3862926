//! Whether a command printed what its page shows, where `…` stands for anything: alone in a line for any number of lines,
//! within one for any characters. How wide a table's columns are is not compared.

/// What is different, if anything is.
pub(crate) fn difference(shown: &str, printed: &str) -> Option<String> {
    let (shown, printed) = (lines(shown), lines(printed));
    if matches(&shown, &printed) {
        return None;
    }
    let first = printed
        .iter()
        .zip(&shown)
        .find(|(printed, shown)| shown.as_str() != "…" && !line_matches(shown, printed));
    let first = first.map_or_else(
        || "one has lines that the other has not".to_owned(),
        |(printed, shown)| format!("first at: {printed}\n    shown as: {shown}"),
    );
    Some(format!(
        "the page shows another output than the command prints, {first}\n--- shown\n{}\n--- printed\n{}",
        shown.join("\n"),
        printed.join("\n")
    ))
}

fn lines(text: &str) -> Vec<String> {
    text.trim_matches('\n')
        .lines()
        .map(|line| squeezed(line.trim_end()))
        .collect()
}

/// Without repetitions of what only fills: blanks and the lines of tables.
fn squeezed(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for letter in line.chars() {
        if " ─═╌".contains(letter) && text.ends_with(letter) {
            continue;
        }
        text.push(letter);
    }
    text
}

fn matches(shown: &[String], printed: &[String]) -> bool {
    match shown {
        [] => printed.is_empty(),
        [any, rest @ ..] if any == "…" => (0..=printed.len()).any(|skip| matches(rest, &printed[skip..])),
        [first, rest @ ..] => match printed {
            [line, others @ ..] => line_matches(first, line) && matches(rest, others),
            [] => false,
        },
    }
}

fn line_matches(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut left) = parts.next().and_then(|start| printed.strip_prefix(start)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((end, middle)) = parts.split_last() else {
        return left.is_empty();
    };
    for part in middle {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(end)
}

#[test]
fn an_ellipsis_stands_for_anything_and_nothing_else_does() {
    let same = |shown, printed| difference(shown, printed).is_none();
    assert!(same("a\n", "a"));
    assert!(same("Job …: … s\nend", "Job 7 (x): 12 s\nend\n"));
    assert!(same("…\nlast", "one\ntwo\nlast"));
    assert!(same("first\n…", "first"));
    assert!(same("│ a   │ b │\n╞═══╡", "│ a │ b      │\n╞═══════╡"));
    assert!(!same("a", "b"));
    assert!(!same("a\nb", "a"));
    assert!(!same("a", "a\nb"));
    assert!(!same("Job …: 1 s", "Job 7: 12 s"));
    assert!(!same("ab…ba", "aba"));
    let said = difference("a\nb 1\n", "a\nb 2\n").expect("different");
    assert!(said.contains("first at: b 2"), "{said}");
}
