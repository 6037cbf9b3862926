//! Supervised processes, with real ones: the shell.

use std::path::Path;
use std::time::Duration;

use gantry_stack::child::{Child, ChildError, ChildSpec, Orphan, Readiness, Signal};
use gantry_stack::processes::{Process, with_descendants};

fn shell(folder: &Path, script: &str) -> ChildSpec {
    let mut spec = ChildSpec::new("worker", "/bin/sh", folder.join("worker.log")).args(["-c", script]);
    spec.ready_within = Duration::from_secs(10);
    spec
}

#[tokio::test]
async fn it_is_ready_when_its_file_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ready.json");
    std::fs::write(&file, r#"{"url": "of a run before"}"#).unwrap();
    let script = format!(
        r#"echo '{{"url": "here"}}' > {0}.new; mv {0}.new {0}; exec sleep 600"#,
        file.display()
    );
    let mut child = Child::start(shell(folder.path(), &script).ready(Readiness::File(file)))
        .await
        .unwrap();
    assert_eq!(child.ready_text("/url"), Some("here"));
    let process = Process::find(child.pid().unwrap()).unwrap();
    child.stop().await;
    assert!(!process.is_alive());
    assert!(matches!(child.check(), Err(ChildError::NotRunning { .. })));
}

#[tokio::test]
async fn a_log_line_counts_only_if_it_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "test -e {0} && exit 3; touch {0}; echo it listens; exec sleep 600",
        folder.path().join("ran").display()
    );
    let spec = shell(folder.path(), &script).ready(Readiness::LogLine("listens".to_owned()));
    let mut child = Child::start(spec).await.unwrap();
    child.kill9().await.unwrap();
    let error = child.restart().await.unwrap_err();
    assert!(
        matches!(&error, ChildError::Died { status, .. } if status.code() == Some(3)),
        "{error}"
    );
}

#[tokio::test]
async fn one_that_dies_is_named_with_its_log_and_never_restarted() {
    let folder = tempfile::tempdir().unwrap();
    let spec = shell(folder.path(), "echo the disk is full >&2; exit 7").ready(Readiness::LogLine("never".to_owned()));
    let error = Child::start(spec).await.unwrap_err().to_string();
    for part in [
        "worker ended by itself",
        "exit status: 7",
        "worker.log",
        "the disk is full",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let child = Child::start(shell(folder.path(), "read line; exit 5")).await.unwrap();
    child.check().unwrap();
    Process::find(child.pid().unwrap()).unwrap().signal(Signal::KILL);
    assert!(child.death().await.to_string().contains("signal: 9"));
    assert!(child.check().is_err() && child.pid().is_none());
}

#[tokio::test]
async fn one_that_is_never_ready_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = shell(folder.path(), "exec sleep 600").ready(Readiness::File(folder.path().join("never")));
    spec.ready_within = Duration::from_millis(100);
    let error = Child::start(spec).await.unwrap_err().to_string();
    assert!(error.contains("worker was not ready after 100ms"), "{error}");
    assert_eq!(
        with_descendants(&[std::process::id()])
            .iter()
            .filter(|p| args(p).contains("sleep\x00600"))
            .count(),
        0
    );
}

fn args(process: &Process) -> String {
    std::fs::read_to_string(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default()
}

#[tokio::test]
async fn one_that_does_not_stop_is_killed_with_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; sh -c \"trap '' TERM; sleep 601\" & echo up; wait; sleep 602";
    let mut spec = shell(folder.path(), script).ready(Readiness::LogLine("up".to_owned()));
    spec.stop_within = Duration::from_millis(200);
    let child = Child::start(spec).await.unwrap();
    let all = with_descendants(&[child.pid().unwrap()]);
    assert!(all.len() >= 2);
    tokio::task::spawn_blocking(move || drop(child)).await.unwrap();
    for process in all {
        assert!(process.ended(Duration::from_secs(5)).await, "{process:?} is left");
    }
}

#[tokio::test]
async fn what_a_killed_one_had_started_runs_on_until_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let spec = shell(folder.path(), "sleep 603 & echo up; wait").ready(Readiness::LogLine("up".to_owned()));
    let mut child = Child::start(spec).await.unwrap();
    let all = with_descendants(&[child.pid().unwrap()]);
    let job = all
        .iter()
        .find(|process| process.pid != child.pid().unwrap())
        .copied()
        .unwrap();
    child.kill9().await.unwrap();
    child.restart().await.unwrap();
    assert!(job.is_alive());
    child.stop().await;
    assert!(job.ended(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_guarded_one_gets_its_signal_and_its_exit_code_comes_through() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap 'echo told; exit 0' INT; echo up; while :; do sleep 0.05; done";
    let mut spec = shell(folder.path(), script)
        .ready(Readiness::LogLine("up".to_owned()))
        .orphan(Orphan::Guarded(None));
    spec.stop_signal = Signal::TERM;
    let mut spec_int = spec.clone();
    spec_int.args[1] = script.replace("INT", "TERM").into();
    let mut child = Child::start(spec_int).await.unwrap();
    child.stop().await;
    assert!(std::fs::read_to_string(child.log()).unwrap().contains("told"));
    spec.args[1] = "exit 9".into();
    spec.ready = Readiness::LogLine("up".to_owned());
    let error = Child::start(spec).await.unwrap_err();
    assert!(
        matches!(&error, ChildError::Died { status, .. } if status.code() == Some(9)),
        "{error}"
    );
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = Child::start(ChildSpec::new("ghost", "/nonexistent/ghost", folder.path().join("log")))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("cannot start ghost (/nonexistent/ghost)"),
        "{error}"
    );
}
