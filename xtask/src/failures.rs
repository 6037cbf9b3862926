//! What failed tests said, found in all that tests print.

/// Lines of one failure that are kept.
const LINES: usize = 24;
/// Failures that are kept: one test that fails may take others with it.
const MOST: usize = 8;

/// Finds failures in output that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    line: Vec<u8>,
    found: Vec<Vec<String>>,
    /// Lines of the newest failure that are still to come.
    open: usize,
}

impl Failures {
    pub(crate) fn push(&mut self, output: &[u8]) {
        for &byte in output {
            if byte == b'\n' {
                let line = String::from_utf8_lossy(&self.line).trim_end().to_owned();
                self.line.clear();
                self.take(line);
            } else {
                self.line.push(byte);
            }
        }
    }

    fn take(&mut self, line: String) {
        if line.contains(" panicked at ") || line.starts_with("Error: ") || line.contains("... Error: ") {
            self.found.push(Vec::new());
            self.open = if self.found.len() > MOST { 0 } else { LINES };
        } else if line == "stack backtrace:" || line == "Stack backtrace:" || line.starts_with("failures:") {
            self.open = 0;
        }
        if let Some(failure) = self.found.last_mut()
            && self.open > 0
        {
            self.open -= 1;
            failure.push(line);
        }
    }

    /// The failures, each of them cut off where it is long.
    pub(crate) fn said(&self) -> String {
        let mut said: Vec<String> = self.found.iter().take(MOST).map(|lines| lines.join("\n")).collect();
        if let Some(more) = self.found.len().checked_sub(MOST).filter(|more| *more > 0) {
            said.push(format!("and {more} more"));
        }
        said.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::{Failures, LINES, MOST};

    fn said(pieces: &[&str]) -> String {
        let mut failures = Failures::default();
        for piece in pieces {
            failures.push(piece.as_bytes());
        }
        failures.said()
    }

    #[test]
    fn what_passed_is_left_out() {
        assert_eq!(said(&["test one ... ok\nError counts: 0\n"]), "");
    }

    #[test]
    fn an_error_that_comes_in_pieces_is_whole() {
        let output = [
            "test a ... ok\ntest b ... Err",
            "or: no answer\n\nCaused",
            " by:\n    refused\n",
        ];
        assert_eq!(said(&output), "test b ... Error: no answer\n\nCaused by:\n    refused");
    }

    #[test]
    fn a_panic_is_kept_without_its_backtrace() {
        let output = "thread 'a' (7) panicked at src/a.rs:1:2:\nleft is not right\nstack backtrace:\n   0: one\n";
        assert_eq!(
            said(&[output]),
            "thread 'a' (7) panicked at src/a.rs:1:2:\nleft is not right"
        );
    }

    #[test]
    fn neither_a_long_failure_nor_many_fill_pages() {
        let long = format!("Error: first\n{}", "more\n".repeat(100));
        assert_eq!(said(&[&long]).lines().count(), LINES);
        let many = "Error: one\n".repeat(MOST + 3);
        assert!(said(&[&many]).ends_with("and 3 more"));
    }
}
