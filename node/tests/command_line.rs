//! What the program says and refuses before it serves.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const NODE: &str = env!("CARGO_BIN_EXE_gantry-node");

fn node(arguments: &[&str]) -> Output {
    let mut command = Command::new(NODE);
    let variables = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GANTRY_"));
    for (name, _) in variables {
        command.env_remove(name);
    }
    command.args(arguments).output().expect("started")
}

/// A daemon whose network does not answer, and the first line that it says.
fn waiting(folder: &std::path::Path, more: &[&str]) -> (Child, String) {
    let path = |name: &str| folder.join(name).display().to_string();
    for key in ["node.json", "operator.json"] {
        assert!(node(&["keygen", &path(key)]).status.success());
    }
    let mut daemon = Command::new(NODE)
        .args([
            "run",
            "--node-key",
            &path("node.json"),
            "--operator-key",
            &path("operator.json"),
        ])
        .args([
            "--blob-dir",
            &path("blobs"),
            "--state-dir",
            &path("state"),
            "--search-path",
            "/usr/bin",
        ])
        .args([
            "--provider",
            "11111111111111111111111111111111",
            "--rpc-url",
            "http://127.0.0.1:1",
        ])
        .args(more)
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut line = String::new();
    let mut said = BufReader::new(daemon.stderr.take().expect("piped"));
    said.read_line(&mut line).expect("read");
    // Read on, so that it never waits for somebody who does.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    (daemon, line)
}

#[test]
fn a_node_that_serves_nothing_yet_ends_when_it_is_told_to() {
    for how in ["leave", "finish", "hand-back"] {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut daemon, said) = waiting(folder.path(), &["--on-sigterm", how]);
        assert!(said.contains("gantry_node"), "{said}");
        let pid = rustix::process::Pid::from_child(&daemon);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
        let started = Instant::now();
        let status = loop {
            if let Some(status) = daemon.try_wait().expect("looked") {
                break status;
            }
            if started.elapsed() > Duration::from_secs(30) {
                daemon.kill().expect("killed");
                panic!("it does not end with --on-sigterm {how}");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert!(status.success(), "{how}: {status}");
    }
}

/// What `run` says when it refuses to serve with a key of this mode and these options besides.
fn refusal(mode: u32, more: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    for key in ["node.json", "operator.json"] {
        assert!(node(&["keygen", &path(key)]).status.success());
    }
    std::fs::set_permissions(path("node.json"), std::fs::Permissions::from_mode(mode)).expect("set");
    let (key, operator, blobs, state) = (path("node.json"), path("operator.json"), path("blobs"), path("state"));
    let mut arguments = vec![
        "run",
        "--node-key",
        &key,
        "--operator-key",
        &operator,
        "--blob-dir",
        &blobs,
    ];
    arguments.extend(["--provider", "11111111111111111111111111111111", "--state-dir", &state]);
    arguments.extend(more);
    let output = node(&arguments);
    assert_eq!(output.status.code(), Some(1), "it serves");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn keys_that_others_can_read_are_refused_with_the_command_that_mends_it() {
    for mode in [0o640, 0o604, 0o660, 0o644] {
        let said = refusal(mode, &["--search-path", "/usr/bin"]);
        assert!(
            said.contains(&format!("mode {mode:03o}")) && said.contains("chmod 600"),
            "{said}"
        );
    }
}

#[test]
fn a_node_without_a_runner_says_how_to_offer_one() {
    let said = refusal(0o600, &[]);
    assert!(
        said.contains("--search-path") && said.contains("--runner container"),
        "{said}"
    );
    let said = refusal(0o600, &["--container-socket", "/no/such.sock"]);
    assert!(said.contains("no container runtime answers on /no/such.sock"), "{said}");
}

#[test]
fn gpus_and_addresses_that_are_not_there_are_refused() {
    let said = refusal(0o600, &["--search-path", "/usr/bin", "--status-listen", "0.0.0.0:0"]);
    assert!(said.contains("loopback"), "{said}");
}

#[test]
fn what_this_host_has_is_said_to_people_and_programs() {
    let text = node(&["detect"]);
    assert!(text.status.success());
    let text = String::from_utf8(text.stdout).expect("text");
    assert!(text.contains("no GPU") || text.contains("GPU-"), "{text}");
    let json = node(&["detect", "--json", "--mbps", "250"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["listing"]["mbps"], 250);
    assert_eq!(json["declared"], serde_json::json!(["mbps"]));
    assert!(
        json["listing"]["cpu_cores"].as_u64().is_some_and(|cores| cores > 0),
        "{json}"
    );
    let runners = &json["runners"];
    assert!(
        runners["container"]["reasons"].is_array() && runners["process"].is_object(),
        "{json}"
    );
    assert!(text.contains("containers: "), "{text}");
    let missing = node(&["detect", "--gpus", "GPU-0"]);
    let said = String::from_utf8(missing.stderr).expect("text");
    assert!(
        !missing.status.success() && said.contains("this host has no GPU GPU-0"),
        "{said}"
    );
}
