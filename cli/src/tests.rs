//! The command line itself: every command parses as its help says, and none is without help.

use super::*;
use clap::CommandFactory;

const KEY: &str = "So11111111111111111111111111111111111111112";
const HASH: &str = "0101010101010101010101010101010101010101010101010101010101010101";

fn parse(line: &str) -> Result<Cli, clap::Error> {
    let line = line
        .replace("WALLET", KEY)
        .replace("JOB", KEY)
        .replace("NODE", KEY)
        .replace("MINT", KEY)
        .replace("KEY", KEY)
        .replace("SHA256", HASH);
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn mints_are_named_on_the_command_line() {
    let parse = |names: String| Cli::try_parse_from(["gantry", "--mints", &names, "balance"]);
    let cli = parse(format!("TEST={KEY}")).expect("names");
    let names = cli.global.mints.expect("given");
    assert_eq!(names.symbol(&KEY.parse().expect("a key")), Some("TEST"));
    assert!(parse(format!("{KEY}=TEST")).is_err());
}

#[test]
fn every_command_parses() {
    for line in [
        "gantry job top-up 0 30m",
        "gantry job acknowledge 0",
        "gantry job acknowledge 0 10m --yes",
        "gantry job dispute 0 late",
        "gantry job dispute 0 --reason-file reason.txt",
        "gantry job settle JOB",
        "gantry job resolve JOB --output yaml",
        "gantry node decline JOB --node-key node.json",
        "gantry node end JOB --node-key node.json -y",
        "gantry node drain NODE",
        "gantry node resume NODE",
        "gantry node close NODE --dry-run",
        "gantry node price NODE 1.20",
        "gantry node hardware NODE --ram-gib 512 --country SE",
        "gantry provider update --payout-owner WALLET --metadata about-us.json",
        "gantry doctor --output json",
        "gantry profile add local --rpc http://127.0.0.1:8899 --key a.json --use",
        "gantry profile use local",
        "gantry profile list",
        "gantry config show",
        "gantry job watch 0 --until running",
        "gantry job watch 0 --logs --output json",
        "gantry job logs 0",
        "gantry job logs JOB -f",
        "gantry job open spec.json --once invoice-17",
        "gantry job open secret.json --node NODE --seal",
        "gantry address",
        "gantry balance WALLET --field lamports",
        "gantry provider list",
        "gantry provider close",
        "gantry pool commission 800",
        "gantry pool claim",
        "gantry pool claim JOB JOB",
        "gantry pool close",
        "gantry stake 500",
        "gantry stake 500 --provider WALLET --dry-run",
        "gantry stake deposit 0.5 --provider WALLET",
        "gantry stake --yes deposit 0.5",
        "gantry stake unstake all",
        "gantry stake cancel 7 --provider WALLET",
        "gantry stake withdraw",
        "gantry stake rewards --provider WALLET",
        "gantry stake list",
        "gantry stake list WALLET",
        "gantry stake close",
        "gantry dispute list --mine",
        "gantry dispute show 0",
        "gantry dispute vote JOB --provider-share-bps 0 --slash-bps 10000",
        "gantry attest NODE --tier 2 --flag EEA --days 90 --device-hash SHA256",
        "gantry attest revoke NODE",
        "gantry attest show",
        "gantry keeper assign JOB NODE",
        "gantry keeper expire JOB",
        "gantry keeper lapse JOB",
        "gantry keeper claim JOB",
        "gantry keeper settle JOB",
        "gantry keeper resolve JOB",
        "gantry keeper carry JOB --receipt one.json",
        "gantry node receipts journal --node-key node.json --out receipts",
        "gantry keeper convict JOB --node-key KEY --receipt one.json --receipt other.json",
        "gantry network init my-network",
        "gantry network show",
        "gantry network pause --jobs",
        "gantry network unpause",
        "gantry network propose-authority WALLET",
        "gantry network accept-authority",
        "gantry network cancel-authority",
        "gantry network set-guardian WALLET",
        "gantry network council propose --arbiter WALLET --threshold 1",
        "gantry network council apply",
        "gantry network council cancel",
        "gantry network attestor list",
        "gantry network attestor add WALLET --max-tier 2 --flag EEA",
        "gantry network attestor update WALLET --max-tier 1 --inactive",
        "gantry network attestor remove WALLET",
        "gantry network terms show --file",
        "gantry network terms propose terms.json",
        "gantry network terms apply",
        "gantry network terms cancel",
        "gantry network mint list",
        "gantry network mint enable MINT --minimum-price 0.01 --stake-rate 2.5",
        "gantry network mint update MINT --disable",
        "gantry completions bash",
        "gantry man pages",
    ] {
        if let Err(error) = parse(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for line in [
        "gantry job top-up 0",
        "gantry job top-up 0 2d",
        "gantry job dispute 0",
        "gantry job dispute 0 late --reason-file reason.txt",
        "gantry node decline JOB",
        "gantry node hardware NODE",
        "gantry provider update",
        "gantry pool commission 10001",
        "gantry stake",
        "gantry stake cancel 8",
        "gantry dispute vote JOB --provider-share-bps 0",
        "gantry dispute vote JOB --provider-share-bps 0 --slash-bps 10001",
        "gantry attest NODE",
        "gantry attest NODE --tier 4 --device-hash SHA256",
        "gantry keeper convict JOB",
        "gantry network council propose --threshold 1",
        "gantry network attestor add WALLET",
        "gantry job open secret.json --seal",
        "gantry job open secret.json --node NODE --seal --once invoice-17",
        "gantry network mint update MINT",
        "gantry network mint update MINT --enable --disable",
        "gantry --output xml balance",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

/// The examples in the help of `command` and of what is below it.
fn examples(command: &clap::Command, found: &mut Vec<String>) {
    let helps = [command.get_after_help(), command.get_after_long_help()];
    for help in helps.into_iter().flatten() {
        // An example may go on in the next line after a backslash.
        let text = help.to_string().replace("\\\n", " ");
        for line in text.lines() {
            let line = line.trim().trim_start_matches("Example:").trim();
            let ends = ["&&", "|", ">", ", change"];
            let end = ends.iter().filter_map(|end| line.find(end)).min().unwrap_or(line.len());
            if line.starts_with("gantry ") {
                found.push(line[..end].trim().to_owned());
            }
        }
    }
    for below in command.get_subcommands() {
        examples(below, found);
    }
}

#[test]
fn every_example_in_the_help_parses() {
    let mut found = Vec::new();
    examples(&Cli::command(), &mut found);
    assert!(found.len() > 30, "{found:?}");
    for example in found {
        // A quoted text is one word here.
        let mut quoted = false;
        let example: String = example
            .chars()
            .filter_map(|letter| match letter {
                '\'' => {
                    quoted = !quoted;
                    None
                }
                ' ' if quoted => Some('_'),
                other => Some(other),
            })
            .collect();
        if let Err(error) = parse(&example) {
            panic!("{example}: {error}");
        }
    }
}

#[test]
fn every_command_and_argument_says_what_it_is() {
    fn check(command: &clap::Command, path: &str) {
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            let path = format!("{path} {}", below.get_name());
            assert!(below.get_about().is_some(), "{path}");
            for argument in below.get_arguments() {
                assert!(argument.get_help().is_some(), "{path} {}", argument.get_id());
            }
            check(below, &path);
        }
    }
    check(&Cli::command(), "gantry");
}

#[test]
fn only_what_scripts_have_always_called_goes_on_without_a_question() {
    for (line, strict) in [
        ("gantry job open spec.json", false),
        ("gantry stake 500", false),
        ("gantry stake deposit 500", true),
        ("gantry job top-up 0 30m", true),
        ("gantry dispute vote JOB --provider-share-bps 0 --slash-bps 0", true),
    ] {
        let cli = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(cli.command.is_strict(), strict, "{line}");
    }
}
