use super::*;
use crate::blob::BlobStore;
use serde_json::{Value, json};
use tempfile::TempDir;

fn example() -> Value {
    json!({
        "version": 1,
        "name": "render",
        "runner": { "process": { "command": ["gantry-render", "scene.json", "--out", "picture.png"], "env": { "A_1": "b" } } },
        "inputs": [{ "path": "scene.json", "file": "scenes/x.json" }],
        "outputs": ["picture.png"],
        "requirements": {
            "gpu": { "count": 2, "models": ["h100", "H200"], "vram_gib": 80 },
            "ram_gib": 64, "disk_gib": 100, "mbps": 1000,
            "countries": ["DE", "FR"], "flags": ["EEA"], "tier": 2, "reputation_bps": 5000
        },
        "max_price_per_hour": "1.50",
        "max_duration_seconds": 120,
        "sla_uptime_bps": 9900,
        "start_deadline_seconds": 60,
        "proof_timeout_seconds": 30
    })
}

fn read(value: &Value) -> Result<JobSpec, SpecError> {
    JobSpec::from_json(value.to_string().as_bytes())
}

/// The message that refuses the example with `change` made to it.
fn refusal(change: impl FnOnce(&mut Value)) -> String {
    let mut value = example();
    change(&mut value);
    read(&value).expect_err("the change makes it invalid").to_string()
}

fn folder_with_scene() -> (TempDir, BlobStore) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("scenes")).expect("made");
    std::fs::write(folder.path().join("scenes/x.json"), "{}").expect("written");
    let blobs = BlobStore::open(folder.path().join("blobs")).expect("opens");
    (folder, blobs)
}

#[tokio::test]
async fn a_prepared_spec_names_its_inputs_by_hash_and_reads_back() {
    let (folder, blobs) = folder_with_scene();
    let spec = read(&example()).expect("valid");
    let prepared = spec.prepare(folder.path(), &blobs).await.expect("prepares");
    assert_eq!(
        prepared.inputs(),
        [InputBlob {
            path: "scene.json".into(),
            sha256: Hash32::of(b"{}")
        }]
    );
    assert!(
        !String::from_utf8_lossy(prepared.bytes()).contains("scenes/x.json"),
        "no local path is published"
    );
    assert_eq!(
        PreparedSpec::fetch(&blobs, &prepared.hash()).await.expect("fetches"),
        prepared
    );
    // Preparing is canonical: the same spec has the same hash, also from the prepared form.
    let again = prepared.spec().prepare(folder.path(), &blobs).await.expect("prepares");
    assert_eq!(again.hash(), prepared.hash());
}

#[tokio::test]
async fn what_a_job_asks_for_is_what_the_spec_says() {
    let (folder, blobs) = folder_with_scene();
    let prepared = read(&example())
        .expect("valid")
        .prepare(folder.path(), &blobs)
        .await
        .expect("prepares");
    let args = prepared.job_args(7, 6).expect("six decimals are enough");
    assert_eq!(
        (args.id, args.max_price_per_hour, args.spec_hash),
        (7, 1_500_000, prepared.hash())
    );
    assert_eq!((args.gpu_models, args.gpu_count, args.vram_gib), ([3, 2, 0, 0], 2, 80));
    assert_eq!(
        (args.countries[0], args.countries[1], args.countries[2]),
        (*b"DE", *b"FR", [0; 2])
    );
    assert_eq!((args.flags, args.tier, args.reputation_bps), (32, 2, 5_000));
    assert_eq!(
        (args.max_duration, args.start_deadline, args.proof_timeout),
        (120, 60, 30)
    );
    assert!(
        prepared
            .job_args(7, 0)
            .expect_err("no decimals")
            .to_string()
            .contains("max_price_per_hour")
    );
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let mut value = example();
    let fields = value.as_object_mut().expect("an object");
    for field in [
        "inputs",
        "outputs",
        "requirements",
        "sla_uptime_bps",
        "start_deadline_seconds",
        "proof_timeout_seconds",
    ] {
        fields.remove(field);
    }
    let spec = read(&value).expect("valid");
    assert_eq!(
        (
            spec.sla_uptime_bps,
            spec.start_deadline_seconds,
            spec.proof_timeout_seconds
        ),
        (9_900, 60, 30)
    );
    assert_eq!(spec.requirements, NodeRequirements::default());
}

#[test]
fn what_is_no_json_or_has_another_form_is_told_apart() {
    assert!(matches!(
        JobSpec::from_json(b"{\"version\": 1,"),
        Err(SpecError::NotJson(_))
    ));
    assert!(matches!(JobSpec::from_json(b"hello"), Err(SpecError::NotJson(_))));
    assert!(matches!(JobSpec::from_json(b"[]"), Err(SpecError::WrongForm(_))));
    assert!(matches!(
        JobSpec::from_json(&[b' '; MAX_SPEC + 1]),
        Err(SpecError::TooLong(_))
    ));
    let message = refusal(|spec| spec["gpus"] = json!(1));
    assert!(message.contains("unknown field `gpus`"), "{message}");
    let message = refusal(|spec| spec["requirements"]["gpu"]["memory"] = json!(1));
    assert!(message.contains("unknown field `memory`"), "{message}");
    let message = refusal(|spec| spec["runner"] = json!({ "shell": {} }));
    assert!(message.contains("unknown variant `shell`"), "{message}");
    let message = refusal(|spec| spec["version"] = json!(2));
    assert!(message.contains("version 2"), "{message}");
    let message = refusal(|spec| {
        spec.as_object_mut().expect("an object").remove("max_duration_seconds");
    });
    assert!(message.contains("missing field `max_duration_seconds`"), "{message}");
}

#[test]
fn every_field_is_refused_by_its_name() {
    type Spoil = fn(&mut Value);
    let cases: [(&str, Spoil); 17] = [
        ("`name`", |spec| spec["name"] = json!("")),
        ("`runner.process.command`", |spec| {
            spec["runner"]["process"]["command"] = json!([])
        }),
        ("`runner.process.env.1A`", |spec| {
            spec["runner"]["process"]["env"] = json!({ "1A": "" })
        }),
        ("`inputs[0].path`", |spec| {
            spec["inputs"][0]["path"] = json!("../secret")
        }),
        ("`inputs[0].path`", |spec| {
            spec["inputs"][0]["path"] = json!("/etc/passwd")
        }),
        ("`inputs[0]`", |spec| spec["inputs"][0] = json!({ "path": "a" })),
        ("`inputs[1].path`", |spec| {
            spec["inputs"] = json!([{ "path": "a", "file": "a" }, { "path": "a", "file": "b" }])
        }),
        ("`outputs[0]`", |spec| spec["outputs"] = json!(["a/../b"])),
        ("`requirements.gpu.models`", |spec| {
            spec["requirements"]["gpu"]["models"] = json!(["voodoo"])
        }),
        ("`requirements.gpu.count`", |spec| {
            spec["requirements"]["gpu"]["count"] = json!(0)
        }),
        ("`requirements.countries`", |spec| {
            spec["requirements"]["countries"] = json!(["de"])
        }),
        ("`requirements.flags`", |spec| {
            spec["requirements"]["flags"] = json!(["EU"])
        }),
        ("`requirements.tier`", |spec| spec["requirements"]["tier"] = json!(4)),
        ("`requirements.reputation_bps`", |spec| {
            spec["requirements"]["reputation_bps"] = json!(10_001)
        }),
        ("`max_price_per_hour`", |spec| spec["max_price_per_hour"] = json!("1,5")),
        ("`max_price_per_hour`", |spec| {
            spec["max_price_per_hour"] = json!("0.00")
        }),
        ("`max_duration_seconds`", |spec| spec["max_duration_seconds"] = json!(0)),
    ];
    for (field, spoil) in cases {
        let message = refusal(spoil);
        assert!(message.contains(field), "{field}: {message}");
    }
}

#[tokio::test]
async fn an_input_with_another_hash_or_none_at_all_is_refused() {
    let (folder, blobs) = folder_with_scene();
    let mut value = example();
    value["inputs"][0]["sha256"] = json!("00".repeat(32));
    let refused = read(&value).expect("valid").prepare(folder.path(), &blobs).await;
    assert!(matches!(refused, Err(SpecError::WrongHash { .. })), "{refused:?}");

    value["inputs"][0] = json!({ "path": "scene.json", "sha256": "11".repeat(32) });
    let refused = read(&value).expect("valid").prepare(folder.path(), &blobs).await;
    assert!(
        matches!(refused, Err(SpecError::Blob(crate::blob::BlobError::Missing(_)))),
        "{refused:?}"
    );

    value["inputs"][0] = json!({ "path": "scene.json", "file": "scenes/none.json" });
    let refused = read(&value).expect("valid").prepare(folder.path(), &blobs).await;
    assert!(matches!(refused, Err(SpecError::Io { .. })), "{refused:?}");

    value["inputs"][0] = json!({ "path": "scene.json", "sha256": "11" });
    assert!(
        read(&value)
            .expect_err("too short")
            .to_string()
            .contains("64 hexadecimal digits")
    );
}

#[tokio::test]
async fn a_node_trusts_nothing_that_the_hash_does_not_cover() {
    let (folder, blobs) = folder_with_scene();
    let prepared = read(&example())
        .expect("valid")
        .prepare(folder.path(), &blobs)
        .await
        .expect("prepares");
    let mut bytes = prepared.bytes().to_vec();
    bytes[20] ^= 1;
    let refused = PreparedSpec::decode(&bytes, &prepared.hash());
    assert!(matches!(refused, Err(SpecError::NotTheJobs { .. })), "{refused:?}");

    let local = example().to_string();
    let refused = PreparedSpec::decode(local.as_bytes(), &Hash32::of(local.as_bytes()).0);
    assert!(refused.expect_err("names a file").to_string().contains("inputs[0]"));
}

#[test]
fn safe_paths_stay_inside() {
    for path in ["a", "a/b.png", ".hidden", "a/..b"] {
        assert!(is_safe_path(path), "{path}");
    }
    for path in ["", "/", "/a", "a/", "a//b", ".", "..", "a/..", "a\\b", "C:a", "a\nb"] {
        assert!(!is_safe_path(path), "{path:?}");
    }
    assert!(!is_safe_path(&"a".repeat(256)));
}

fn container() -> Value {
    json!({
        "image": format!("docker.io/team/train@sha256:{}", "ab".repeat(32)),
        "command": ["python", "train.py"], "env": { "SEED": "1" },
        "gpus": 2, "network": "outbound", "memory_mib": 4096, "cpu_millis": 1500, "pids": 64, "disk_mib": 100
    })
}

#[test]
fn a_container_says_what_it_needs_and_no_more() {
    let mut value = example();
    value["runner"] = json!({ "container": container() });
    let spec = read(&value).expect("valid");
    let Runner::Container(runner) = &spec.runner else {
        panic!("{:?}", spec.runner)
    };
    assert_eq!(
        (runner.gpus, runner.network, runner.cpu_millis),
        (2, Network::Outbound, Some(1_500))
    );
    assert_eq!(
        read(&serde_json::to_value(&spec).expect("JSON")).expect("reads back"),
        spec
    );

    value["runner"] = json!({ "container": { "image": container()["image"] } });
    let spec = read(&value).expect("valid");
    let Runner::Container(runner) = &spec.runner else {
        panic!("{:?}", spec.runner)
    };
    assert!(runner.command.is_empty() && runner.network == Network::None && runner.gpus == 0);
    assert_eq!(
        serde_json::to_value(&spec.runner).expect("JSON"),
        value["runner"],
        "nothing is added"
    );
}

#[test]
fn a_container_that_could_not_run_is_refused_by_name() {
    let refusal = |field: &str, bad: Value| {
        refusal(|spec| {
            spec["runner"] = json!({ "container": container() });
            spec["runner"]["container"][field] = bad;
        })
    };
    assert!(refusal("image", json!("debian:12")).contains("has no digest"));
    assert!(refusal("gpus", json!(3)).contains("`requirements.gpu.count` for 2"));
    assert!(refusal("network", json!("host")).contains("unknown variant"));
    assert!(refusal("memory_mib", json!(1)).contains("runner.container.memory_mib"));
    assert!(refusal("pids", json!(0)).contains("runner.container.pids"));
    assert!(refusal("env", json!({ "A B": "" })).contains("runner.container.env.A B"));
    assert!(refusal("privileged", json!(true)).contains("unknown field"));
}
