//! Each program says in its own binary where to report a flaw, in the form that explorers look for.

use std::{collections::BTreeMap, fs, path::Path};

const BEGIN: &str = "=======BEGIN SECURITY.TXT V1=======\0";
const END: &str = "=======END SECURITY.TXT V1=======\0";

/// Where `needle` is in `bytes`, everywhere.
fn places(bytes: &[u8], needle: &str) -> Vec<usize> {
    let windows = bytes.windows(needle.len()).enumerate();
    windows
        .filter(|(_, window)| *window == needle.as_bytes())
        .map(|(place, _)| place)
        .collect()
}

/// Keys and values of the one `security.txt` in a program.
fn security_txt(name: &str) -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/deploy/{name}.so"));
    let program = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (begin, end) = (places(&program, BEGIN), places(&program, END));
    assert_eq!((begin.len(), end.len()), (1, 1), "{name} has not one security.txt");
    let text = &program[begin[0] + BEGIN.len()..end[0]];
    assert!(
        BEGIN.len() + text.len() + END.len() < 300,
        "{name}: {} bytes",
        text.len()
    );
    let text = std::str::from_utf8(text).expect("text");
    let fields: Vec<_> = text.strip_suffix('\0').expect("an ended value").split('\0').collect();
    assert_eq!(fields.len() % 2, 0, "a key without a value: {fields:?}");
    let pairs = fields.chunks_exact(2);
    pairs.map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

#[test]
fn each_program_says_where_to_report_a_flaw() {
    for name in ["registry", "staking", "market"] {
        let fields = security_txt(name);
        assert_eq!(fields["name"], format!("Gantry {name}"), "another program's text");
        assert_eq!(fields["policy"], "SECURITY.md");
        assert!(fields["contacts"].contains("SECURITY.md"), "{fields:?}");
        assert!(fields.values().all(|value| !value.contains('@')), "{fields:?}");
    }
}
