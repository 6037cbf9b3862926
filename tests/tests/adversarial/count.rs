//! What came of the attacks, by class.

use crate::{attack::Class, cases};
use std::{collections::BTreeMap, fmt::Write as _, io::Write as _, sync::Mutex};

/// What came of attacks.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    pub refused: usize,
    /// How many went through and harmed nobody, by the reason why.
    pub harmless: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn harmless(&self) -> usize {
        self.harmless.values().sum()
    }

    fn line(&self, class: &str) -> String {
        format!("{class:<36} {:>7} {:>9}", self.refused, self.harmless())
    }
}

/// The classes that have run.
static COUNTED: Mutex<BTreeMap<Class, Tally>> = Mutex::new(BTreeMap::new());

/// Says what came of a class; after the last of them also what came of all.
pub(crate) fn report(class: Class, tally: Tally) {
    let mut text = format!(
        "adversarial {}: {} attacks refused, {} harmless by reason\n",
        class.name(),
        tally.refused,
        tally.harmless()
    );
    let mut counted = COUNTED.lock().expect("no test panics while it counts");
    counted.insert(class, tally);
    if counted.len() == Class::ALL.len() {
        text += &table(&counted);
    }
    // Not through `println!`: the count is worth a line also where all is well. In one piece: tests run beside each other.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn table(counted: &BTreeMap<Class, Tally>) -> String {
    let instructions = |program: &str| cases::NAMES.iter().filter(|name| name.starts_with(program)).count();
    let [registry, staking, market] = ["registry::", "staking::", "market::"].map(instructions);
    let mut all = Tally::default();
    let mut text = format!(
        "\nattacks on {registry} instructions of registry, {staking} of staking, {market} of market\n  {:<36} {:>7} {:>9}\n",
        "class", "refused", "harmless"
    );
    for (class, tally) in counted {
        let _ = writeln!(text, "  {}", tally.line(class.name()));
        all.refused += tally.refused;
        for (reason, count) in &tally.harmless {
            *all.harmless.entry(reason).or_default() += count;
        }
    }
    let _ = writeln!(text, "  {}\n  why the harmless ones are:", all.line("all"));
    for (reason, count) in &all.harmless {
        let _ = writeln!(text, "  {count:>7}  {reason}");
    }
    text
}
