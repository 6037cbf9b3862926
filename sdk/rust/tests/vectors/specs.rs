//! Job specs as customers write them, and the terms that their jobs are opened with.

use super::super::key;
use gantry_sdk::{blob::BlobStore, ix, spec::JobSpec};
use serde_json::{Value, json};

const SPECS: [&str; 3] = [
    r#"{"version":1,"name":"least","runner":{"process":{"command":["true"]}},"max_price_per_hour":"2","max_duration_seconds":1}"#,
    r#"{"version":1,"name":"all","runner":{"process":{"command":["render","a b"],"env":{"B":"2","A":"1"}}},
        "outputs":["out/picture.png"],
        "requirements":{"gpu":{"count":2,"models":["h100","A100"],"vram_gib":80},"ram_gib":64,"disk_gib":100,"mbps":1000,
            "countries":["DE","SE"],"flags":["EEA","DATACENTER"],"tier":2,"reputation_bps":5000},
        "max_price_per_hour":"1.500001","max_duration_seconds":86400,"sla_uptime_bps":9950,"start_deadline_seconds":120,
        "proof_timeout_seconds":45}"#,
    r#"{"version":1,"name":"Grüße","runner":{"process":{"command":["echo","✓"]}},"requirements":{"countries":["JP"]},
        "max_price_per_hour":"0.10","max_duration_seconds":60}"#,
];

pub(crate) async fn all() -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = BlobStore::open(folder.path()).expect("opens");
    let mut vectors = Vec::new();
    for text in SPECS {
        let spec = JobSpec::from_json(text.as_bytes()).expect("a spec");
        let prepared = spec.prepare(folder.path(), &blobs).await.expect("prepares");
        let args = prepared.job_args(3, 6).expect("terms");
        let instruction = ix::open_job(
            &key(1),
            &key(1),
            ix::MintRef {
                mint: key(2),
                token_program: key(20),
            },
            &key(9),
            args,
        );
        vectors.push(json!({
            "spec": serde_json::from_str::<Value>(text).expect("JSON"),
            "prepared": String::from_utf8(prepared.bytes().to_vec()).expect("JSON is text"),
            "spec_hash": hex::encode(prepared.hash()),
            "open_job": hex::encode(instruction.data),
        }));
    }
    json!({ "description": "Opened as number 3 of its customer in a mint with 6 decimals.", "vectors": vectors })
}
