//! What `/metrics` says, and what the dashboard and the alerts in `deploy/` expect of it.

use std::collections::BTreeSet;

use serde_json::Value;

const DASHBOARD: &str = include_str!("../../../deploy/grafana/gantry-indexer.json");
const ALERTS: &str = include_str!("../../../deploy/prometheus/alerts.yml");

/// The names of measurements in an expression.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let ours = words.filter(|word| word.starts_with("gantry_indexer_") || word.starts_with("process_"));
    ours.map(str::to_owned).collect()
}

/// Every expression of the dashboard, wherever in it.
fn expressions(value: &Value, found: &mut String) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let ("expr" | "query" | "definition", Value::String(text)) = (name.as_str(), value) {
                    found.push_str(text);
                    found.push('\n');
                }
                expressions(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

/// Asserts that the dashboard and the alerts name what is measured, and that all that is measured is explained.
pub fn all_that_is_looked_at(metrics: &str) {
    let mut queries = String::new();
    expressions(&serde_json::from_str(DASHBOARD).expect("JSON"), &mut queries);
    let series = |line: &str| line.split(['{', ' ']).next().map(str::to_owned);
    let measured: BTreeSet<_> = metrics
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(series)
        .collect();
    for (file, text) in [("dashboard", queries.as_str()), ("alerts", ALERTS)] {
        let named = names(text);
        assert!(named.len() > 8, "{file}: {named:?}");
        let missing: Vec<_> = named.difference(&measured).collect();
        assert!(
            missing.is_empty(),
            "the {file} looks at {missing:?}, which is not in\n{metrics}"
        );
    }
    let after = |start: &str| -> BTreeSet<_> {
        let lines = metrics.lines().filter_map(|line| line.strip_prefix(start));
        lines.filter_map(|line| line.split(' ').next()).collect()
    };
    let unexplained: Vec<_> = after("# TYPE ").difference(&after("# HELP ")).copied().collect();
    assert!(unexplained.is_empty(), "{unexplained:?} lack a line in measurements.rs");
}

/// The value of a measurement that has no labels.
pub fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("no {name} in\n{metrics}"))
}
