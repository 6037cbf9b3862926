//! Runs histories on several threads, and makes those that fail short enough to read.

use super::{
    dice::Dice,
    history::{self, Counts, Errors, History, Step},
    ops::{Op, SUCCEEDING},
    rules::PROFILES,
};
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Steps of one history, before the way out.
pub(crate) const HISTORY: usize = 400;
/// Steps between two comparisons of everything.
const SWEEP: usize = 100;
/// How long a failing history is being made shorter.
const SHRINKING: Duration = Duration::from_secs(60);

/// What went wrong, in which history, and how to see it again.
pub(crate) struct Failure {
    pub(crate) report: String,
}

/// What all histories together did.
#[derive(Default)]
pub(crate) struct Summary {
    pub(crate) steps: u64,
    pub(crate) histories: u64,
    pub(crate) counts: Counts,
    pub(crate) errors: Errors,
}

impl Summary {
    fn add(&mut self, (counts, errors): &(Counts, Errors)) {
        self.histories += 1;
        for (name, [done, refused]) in counts {
            let sum = self.counts.entry(name).or_default();
            sum[0] += done;
            sum[1] += refused;
            self.steps += done + refused;
        }
        for (why, times) in errors {
            *self.errors.entry(*why).or_default() += times;
        }
    }

    /// How often each kind of step succeeded and was refused, and by which errors; one line per kind.
    pub(crate) fn table(&self) -> String {
        let line = |(name, [done, refused]): (&&'static str, &[u64; 2])| {
            let errors = self
                .errors
                .range((*name, "")..)
                .take_while(|((kind, _), _)| kind == name);
            let errors: Vec<_> = errors.map(|((_, error), times)| format!("{error} {times}")).collect();
            format!("  {name:<20}{done:>8}{refused:>8}  {}\n", errors.join(", "))
        };
        let lines: String = self.counts.iter().map(line).collect();
        format!("  kind                    done refused  by\n{lines}")
    }

    /// The kinds of steps that never went through, or were never refused: those are not put to the test.
    pub(crate) fn untested(&self) -> Vec<String> {
        let counts = |name: &str| self.counts.get(name).copied().unwrap_or_default();
        let odd = |name: &&str| {
            let [done, refused] = counts(name);
            done == 0 || (refused == 0 && !name.starts_with('('))
        };
        let known = SUCCEEDING
            .iter()
            .chain(self.counts.keys().filter(|name| !name.starts_with('(')));
        let mut names: Vec<&str> = known.copied().filter(odd).collect();
        names.dedup();
        names.iter().map(|name| format!("{name} {:?}", counts(name))).collect()
    }

    /// The final line.
    pub(crate) fn line(&self, took: Duration) -> String {
        let rate = self.steps as f64 / took.as_secs_f64();
        let seconds = took.as_secs();
        format!(
            "{} steps in {} histories in {seconds} s, {rate:.0} a second",
            self.steps, self.histories
        )
    }
}

/// What one history did.
type Done = (Counts, Errors);

fn panicked(cause: &(dyn Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("?"))
}

/// Runs `body` on a fresh history of `seed`; a panic is an error like any other.
fn attempt(seed: u64, body: impl FnOnce(&mut History) -> Result<(), String>) -> Result<Done, String> {
    let run = AssertUnwindSafe(|| {
        let mut history = History::new(seed);
        body(&mut history).map(|()| (history.counts, history.errors))
    });
    catch_unwind(run).unwrap_or_else(|cause| Err(panicked(cause.as_ref())))
}

/// Runs the history of `seed`; gives its counts, or the steps up to the failure and what it was.
fn run(seed: u64, length: usize) -> Result<Done, (Vec<Step>, String)> {
    let mut steps: Vec<Step> = Vec::new();
    let result = attempt(seed, |history| {
        let mut dice = Dice::new(seed);
        let mut done: Vec<Op> = Vec::new();
        for number in 0..length {
            let step = history::draw(history, &mut dice, number, &done);
            done.push(Rc::clone(&step.op));
            steps.push(step.clone());
            history.step(&step)?;
            if number % SWEEP == 0 {
                history.compare_all()?;
            }
        }
        history.end()
    });
    result.map_err(|error| (steps, error))
}

/// Does `steps` again in a fresh history.
fn again(seed: u64, steps: &[Step]) -> Result<Done, String> {
    attempt(seed, |history| {
        for step in steps {
            history.step(step)?;
        }
        history.compare_all()?;
        history.end()
    })
}

/// Which kind of failure it is, so that shrinking does not wander off to another one.
fn kind(error: &str) -> &str {
    let end = error.find([':', ';', '(']).unwrap_or(error.len());
    &error[..end]
}

/// Leaves out what the failure does not need: halves first, single steps last.
fn shrink(seed: u64, mut steps: Vec<Step>, mut error: String) -> (Vec<Step>, String) {
    let started = Instant::now();
    let mut size = steps.len().div_ceil(2);
    while size > 0 {
        let (mut at, mut shorter) = (0, false);
        while at < steps.len() && started.elapsed() < SHRINKING {
            let end = (at + size).min(steps.len());
            let rest: Vec<Step> = steps[..at].iter().chain(&steps[end..]).cloned().collect();
            match again(seed, &rest) {
                Err(same) if kind(&same) == kind(&error) => {
                    (steps, error, shorter) = (rest, same, true);
                }
                _ => at = end,
            }
        }
        if size > 1 || !shorter {
            size /= 2;
        }
        if started.elapsed() >= SHRINKING {
            break;
        }
    }
    (steps, error)
}

/// Runs the history of `seed`, and on failure reports it with its seed and the fewest steps that show it.
pub(crate) fn check(seed: u64, length: usize) -> Result<Done, Failure> {
    run(seed, length).map_err(|(steps, error)| {
        let before = steps.len();
        let (steps, short) = shrink(seed, steps, error.clone());
        let list: Vec<_> = steps
            .iter()
            .map(|step| format!("  {}{:?}", if step.unsigned { "(unsigned) " } else { "" }, step.op))
            .collect();
        let report = format!(
            "history {seed} (rules {}) fails at step {before}: {error}\n\
             {} of its steps are enough:\n{}\nand then: {short}\n\
             run it alone with GANTRY_INVARIANT_SEED={seed}, and keep the seed in invariants/regressions.txt",
            seed % PROFILES,
            steps.len(),
            list.join("\n"),
        );
        Failure { report }
    })
}

/// Runs histories from `first` on until together they have `steps` steps, on `threads` threads.
pub(crate) fn search(first: u64, steps: u64, threads: usize) -> Result<Summary, Failure> {
    let (next, failed) = (AtomicU64::new(first), AtomicBool::new(false));
    let (summary, failure) = (Mutex::new(Summary::default()), Mutex::new(None));
    let worker = || {
        while !failed.load(Ordering::Relaxed) && summary.lock().expect("a summary").steps < steps {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            match check(seed, HISTORY) {
                Ok(counts) => summary.lock().expect("a summary").add(&counts),
                Err(found) => {
                    // Only the first: it ends the others.
                    failed.store(true, Ordering::Relaxed);
                    failure.lock().expect("a failure").get_or_insert(found);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(worker);
        }
    });
    match failure.into_inner().expect("a failure") {
        Some(failure) => Err(failure),
        None => Ok(summary.into_inner().expect("a summary")),
    }
}
