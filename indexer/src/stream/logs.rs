//! Events out of a transaction's logs.
//!
//! Anyone can log bytes that look like an event. What counts is who logs them: the stack of invocations is followed, and
//! a line belongs to the program at its top.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{Key, key};

/// What a program logged as data: discriminator and body of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedData {
    /// The program that logged it.
    pub program: Key,
    /// What it logged.
    pub data: Vec<u8>,
}

/// What the logs of one transaction hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// Data in order.
    pub data: Vec<LoggedData>,
    /// The validator cut the logs, or they make no sense: events may be missing.
    pub incomplete: bool,
}

/// Reads the logs of a transaction; keeps what programs log for which `wanted` holds.
pub fn read<'a>(lines: impl IntoIterator<Item = &'a str>, wanted: impl Fn(&Key) -> bool) -> Logged {
    let mut logged = Logged::default();
    let mut stack: Vec<Key> = Vec::new();
    for line in lines {
        if line == "Log truncated" {
            logged.incomplete = true;
            break;
        }
        if let Some(data) = line.strip_prefix("Program data: ") {
            let Some(program) = stack.last().copied().filter(|program| wanted(program)) else {
                continue;
            };
            // `sol_log_data` takes several slices and prints them with spaces between; an event is one.
            match data
                .split(' ')
                .map(|part| STANDARD.decode(part))
                .collect::<Result<Vec<_>, _>>()
            {
                Ok(parts) => logged.data.push(LoggedData {
                    program,
                    data: parts.concat(),
                }),
                Err(_) => logged.incomplete = true,
            }
            continue;
        }
        // What a program writes itself comes after `log: `, so none can forge the lines below.
        let Some((name, event)) = line.strip_prefix("Program ").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let Some(program) = key::parse(name) else { continue };
        if let Some(depth) = event.strip_prefix("invoke [").and_then(|rest| rest.strip_suffix(']')) {
            stack.push(program);
            if depth.parse() != Ok(stack.len()) {
                logged.incomplete = true;
                break;
            }
        } else if (event == "success" || event.starts_with("failed")) && stack.pop() != Some(program) {
            logged.incomplete = true;
            break;
        }
    }
    logged
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Key = [1; 32];
    const THEIRS: Key = [2; 32];

    fn invoke(program: &Key, depth: usize) -> String {
        format!("Program {} invoke [{depth}]", key::text(program))
    }

    fn success(program: &Key) -> String {
        format!("Program {} success", key::text(program))
    }

    fn data(bytes: &[u8]) -> String {
        format!("Program data: {}", STANDARD.encode(bytes))
    }

    fn ours(lines: &[String]) -> Logged {
        read(lines.iter().map(String::as_str), |program| *program == OURS)
    }

    #[test]
    fn data_belongs_to_the_program_at_the_top_of_the_stack() {
        let lines = [
            invoke(&THEIRS, 1),
            data(b"forged before"),
            invoke(&OURS, 2),
            data(b"first"),
            invoke(&THEIRS, 3),
            data(b"forged inside"),
            success(&THEIRS),
            data(b"second"),
            format!("Program {} consumed 5 of 10 compute units", key::text(&OURS)),
            success(&OURS),
            data(b"forged after"),
            success(&THEIRS),
            invoke(&OURS, 1),
            data(b"third"),
            success(&OURS),
        ];
        let logged = ours(&lines);
        let texts: Vec<_> = logged.data.iter().map(|logged| logged.data.as_slice()).collect();
        assert_eq!(texts, [b"first".as_slice(), b"second", b"third"]);
        assert!(logged.data.iter().all(|logged| logged.program == OURS) && !logged.incomplete);
    }

    #[test]
    fn what_a_program_prints_does_not_move_the_stack() {
        let lines = [
            invoke(&THEIRS, 1),
            format!("Program log: {}", invoke(&OURS, 2)),
            format!("Program log: x\n{}", invoke(&OURS, 2)),
            data(b"forged"),
            success(&THEIRS),
        ];
        assert_eq!(ours(&lines), Logged::default());
    }

    #[test]
    fn cut_or_senseless_logs_are_told() {
        let cut = [invoke(&OURS, 1), data(b"whole"), "Log truncated".to_owned()];
        assert_eq!((ours(&cut).data.len(), ours(&cut).incomplete), (1, true));
        assert!(ours(&[invoke(&THEIRS, 1), success(&OURS)]).incomplete);
        assert!(ours(&[invoke(&OURS, 2)]).incomplete);
        assert!(ours(&[invoke(&OURS, 1), "Program data: %%%".to_owned()]).incomplete);
    }
}
