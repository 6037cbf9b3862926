//! The stack around a chain that somebody else runs.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use gantry_stack::binaries::Binaries;
use gantry_stack::child::{ChildSpec, Readiness, Signal};
use gantry_stack::postgres::Postgres;
use gantry_stack::processes::{Process, with_descendants};
use gantry_stack::stack::ChainUrls;
use gantry_stack::{Chain, Database, Ports, Stack, StackBuilder, StackError};

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o755))
        .tempdir()
        .unwrap()
}

fn around_a_validator(folder: &tempfile::TempDir) -> StackBuilder {
    let urls = ChainUrls {
        rpc: "http://127.0.0.1:1".to_owned(),
        ws: "ws://127.0.0.1:2".to_owned(),
        grpc: None,
    };
    Stack::builder(folder.path())
        .chain(Chain::External(urls))
        .indexer(false)
        .ports(Ports::FREE)
}

fn worker(stack: &Stack, name: &str) -> ChildSpec {
    let script = format!("trap 'echo {name} >> order; exit 0' TERM; echo up; while :; do sleep 0.02; done");
    ChildSpec::new(name, "/bin/sh", stack.run_dir().log(name))
        .args(["-c", &format!("cd {}; {script}", stack.run_dir().path().display())])
        .ready(Readiness::LogLine("up".to_owned()))
}

#[tokio::test]
async fn it_stops_in_order_and_leaves_nothing() {
    let folder = folder();
    let mut stack = around_a_validator(&folder).start(|_| {}).await.unwrap();
    for name in ["matcher", "node-1", "node-2"] {
        stack.spawn(worker(&stack, name)).await.unwrap();
    }
    let url = stack.database_url().unwrap().to_owned();
    Postgres::external(&url).await.unwrap();
    stack.child("node-1").unwrap().kill9().await.unwrap();
    stack.child("node-1").unwrap().restart().await.unwrap();
    assert!(matches!(stack.child("node-3"), Err(StackError::Unknown(_))));
    let mut all = with_descendants(&[stack.child("matcher").unwrap().pid().unwrap()]);
    let server = stack
        .postgres()
        .unwrap()
        .private_server()
        .unwrap()
        .child()
        .pid()
        .unwrap();
    all.extend(with_descendants(&[server]));
    stack.stop().await;
    let order = std::fs::read_to_string(folder.path().join("order")).unwrap();
    assert_eq!(order, "node-2\nnode-1\nmatcher\n");
    assert!(all.len() > 4 && all.iter().all(|process| !process.is_alive()));
}

#[tokio::test]
async fn a_process_that_ends_by_itself_is_named() {
    let folder = folder();
    let mut stack = around_a_validator(&folder)
        .database(Database::None)
        .start(|_| {})
        .await
        .unwrap();
    for name in ["node-1", "node-2"] {
        stack.spawn(worker(&stack, name)).await.unwrap();
    }
    let node = Process::find(stack.child("node-2").unwrap().pid().unwrap()).unwrap();
    node.signal(Signal::KILL);
    let failure = stack.failed().await.to_string();
    assert!(
        failure.contains("node-2 ended by itself") && failure.contains("node-2.log"),
        "{failure}"
    );
    drop(stack);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("order")).unwrap(),
        "node-1\n"
    );
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let folder = folder();
    let stack = || around_a_validator(&folder).database(Database::None);
    let error = stack().indexer(true).start(|_| {}).await.unwrap_err().to_string();
    assert!(error.contains("the indexer needs a database"), "{error}");
    let running = stack().start(|_| {}).await.unwrap();
    let error = stack().start(|_| {}).await.unwrap_err().to_string();
    assert!(error.contains("another stack runs in"), "{error}");
    drop(running);
    let stack = stack()
        .binaries(Binaries::new(folder.path()))
        .start(|_| {})
        .await
        .unwrap();
    let error = stack.daemon("node-1", "gantry-node").unwrap_err().to_string();
    assert!(error.contains("cargo build --bin gantry-node"), "{error}");
}
