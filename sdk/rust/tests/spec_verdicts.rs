//! Job specs, good and bad, that the parser and the JSON Schema of `docs/schema` agree on: the schema's side is
//! `sdk/typescript/test/unit/schema.test.ts`.

use gantry_sdk::spec::{JobSpec, SpecError};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// A base with one change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    base: String,
    #[serde(default)]
    set: BTreeMap<String, Value>,
    remove: Option<String>,
    valid: bool,
    /// The schema's verdict where it cannot say what the parser checks, and why it cannot.
    schema: Option<bool>,
    why: Option<String>,
}

#[derive(Deserialize)]
struct Table {
    bases: BTreeMap<String, Value>,
    cases: Vec<Case>,
}

impl Case {
    fn spec(&self, bases: &BTreeMap<String, Value>) -> Value {
        let mut spec = bases[&self.base].clone();
        for (pointer, value) in &self.set {
            match place(&mut spec, pointer) {
                (Value::Object(fields), name) => {
                    fields.insert(name.to_owned(), value.clone());
                }
                (parent, name) => {
                    let item = name.parse::<usize>().ok().and_then(|i| parent.get_mut(i));
                    *item.unwrap_or_else(|| panic!("{}: no {pointer}", self.name)) = value.clone();
                }
            }
        }
        if let Some(pointer) = &self.remove {
            let (parent, name) = place(&mut spec, pointer);
            let removed = parent.as_object_mut().and_then(|fields| fields.remove(name));
            assert!(removed.is_some(), "{}: no {pointer}", self.name);
        }
        spec
    }
}

/// What holds the value at `pointer`, and its name in there.
fn place<'a, 'b>(spec: &'a mut Value, pointer: &'b str) -> (&'a mut Value, &'b str) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    let parent = spec.pointer_mut(parent);
    (parent.unwrap_or_else(|| panic!("nothing holds {pointer}")), name)
}

fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn read(path: &str) -> String {
    let path = repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_parser_gives_every_spec_its_verdict() {
    let table: Table = serde_json::from_str(&read("sdk/vectors/spec-verdicts-v1.json")).expect("a table");
    let valid = table.cases.iter().filter(|case| case.valid).count();
    let refused = table.cases.len() - valid;
    assert!(valid > 100 && refused > 400, "{valid} valid, {refused} not");
    for case in &table.cases {
        let spec = case.spec(&table.bases).to_string();
        let read = JobSpec::from_json(spec.as_bytes());
        assert_eq!(read.is_ok(), case.valid, "{}: {read:?}\n{spec}", case.name);
        // A table of broken JSON would be refused just as well.
        assert!(!matches!(read, Err(SpecError::NotJson(_))), "{}", case.name);
        assert_eq!(case.schema.is_some(), case.why.is_some(), "{}", case.name);
    }
}

#[test]
fn the_examples_are_valid() {
    let page = read("docs/job-spec.md");
    let blocks = page.split("```json\n").skip(1).map(|rest| rest.split("```").next());
    let mut specs: Vec<_> = blocks.flatten().map(str::to_owned).collect();
    assert!(!specs.is_empty(), "docs/job-spec.md shows no spec");
    let examples = repository().join("examples");
    for entry in fs::read_dir(&examples).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            specs.push(fs::read_to_string(&path).expect("a file"));
        }
    }
    assert!(specs.len() > 3, "{} examples", specs.len());
    for spec in specs {
        JobSpec::from_json(spec.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{spec}"));
    }
}
