//! Sealed specs and results, from both sides, and the vectors that every implementation shares.

use gantry_sdk::blob::{BlobError, BlobStore};
use gantry_sdk::manifest::{ManifestError, ResultManifest, StoredFile, VERSION};
use gantry_sdk::seal::{Context, Kind, Opener, SealError, Sealer, is_sealed};
use gantry_sdk::spec::{JobSpec, PreparedSpec, SpecError};
use gantry_sdk::{Hash32, Keypair, Pubkey, Signer as _};
use serde_json::{Value, json};

const VECTORS: &str = include_str!("../../vectors/sealed-v1.json");

fn bytes<const N: usize>(vector: &Value, field: &str) -> [u8; N] {
    let mut bytes = [0; N];
    hex::decode_to_slice(vector[field].as_str().expect(field), &mut bytes).expect(field);
    bytes
}

#[test]
fn the_vectors_seal_and_open() {
    let document: Value = serde_json::from_str(VECTORS).expect("JSON");
    let vectors = document["vectors"].as_array().expect("vectors");
    assert!(vectors.len() >= 4);
    for vector in vectors {
        let kind = match vector["kind"].as_u64() {
            Some(1) => Kind::Spec,
            Some(2) => Kind::Manifest,
            Some(3) => Kind::File,
            other => panic!("kind {other:?}"),
        };
        let key = Keypair::new_from_array(bytes(vector, "recipient_seed"));
        let recipient = Pubkey::new_from_array(bytes(vector, "recipient_public_key"));
        assert_eq!(key.pubkey().to_bytes(), recipient.to_bytes());
        let context = Context {
            genesis_hash: bytes(vector, "genesis_hash"),
            job: Pubkey::new_from_array(bytes(vector, "job")),
        };
        let content = hex::decode(vector["content"].as_str().expect("content")).expect("hex");
        let sealer = Sealer { recipient, context };
        let sealed = sealer.seal_with(kind, &content, bytes(vector, "sender_secret"), bytes(vector, "nonce"));
        let sealed = sealed.expect("sealed");
        assert_eq!(hex::encode(&sealed), vector["sealed"], "{}", vector["name"]);
        let opener = Opener { key: &key, context };
        assert_eq!(
            opener.open(kind, &sealed).expect("opens"),
            content,
            "{}",
            vector["name"]
        );
    }
}

struct Bench {
    folder: tempfile::TempDir,
    blobs: BlobStore,
    node: Keypair,
    context: Context,
}

fn address(key: &Keypair) -> Pubkey {
    Pubkey::new_from_array(key.pubkey().to_bytes())
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("model.bin"), b"the secret model").expect("written");
        let blobs = BlobStore::open(folder.path().join("blobs")).expect("opens");
        Self {
            folder,
            blobs,
            node: Keypair::new(),
            context: Context {
                genesis_hash: [5; 32],
                job: Pubkey::new_from_array([6; 32]),
            },
        }
    }

    async fn prepare(&self) -> PreparedSpec {
        let spec = json!({
            "version": 1, "name": "the secret name",
            "runner": { "process": { "command": ["tool"] } },
            "inputs": [{ "path": "model.bin", "file": "model.bin" }],
            "max_price_per_hour": "1", "max_duration_seconds": 60,
        });
        let sealer = Sealer {
            recipient: address(&self.node),
            context: self.context,
        };
        let spec = JobSpec::from_json(spec.to_string().as_bytes()).expect("valid");
        let prepared = spec.prepare_sealed(self.folder.path(), &self.blobs, &sealer).await;
        prepared.expect("prepared")
    }

    fn path(&self, hash: &Hash32) -> std::path::PathBuf {
        let name = hash.to_string();
        self.folder.path().join(format!("blobs/sha256/{}/{name}", &name[..2]))
    }
}

#[tokio::test]
async fn only_the_node_reads_a_sealed_spec_and_its_inputs() {
    let bench = Bench::new();
    let prepared = bench.prepare().await;
    assert!(prepared.is_sealed());
    for hash in [Hash32(prepared.hash()), prepared.inputs()[0].sha256] {
        let stored = bench.blobs.get(&hash.0).await.expect("stored");
        assert!(is_sealed(&stored) && !String::from_utf8_lossy(&stored).contains("secret"));
    }
    let opener = Opener {
        key: &bench.node,
        context: bench.context,
    };
    let read = PreparedSpec::fetch_with(&bench.blobs, &prepared.hash(), &opener)
        .await
        .expect("reads");
    assert_eq!(read, prepared);
    let input = bench.blobs.get(&read.inputs()[0].sha256.0).await.expect("stored");
    assert_eq!(opener.open(Kind::File, &input).expect("opens"), b"the secret model");

    let other = Keypair::new();
    let other = Opener { key: &other, ..opener };
    let refused = PreparedSpec::fetch_with(&bench.blobs, &prepared.hash(), &other).await;
    assert!(
        matches!(refused, Err(SpecError::Seal(SealError::Closed))),
        "{refused:?}"
    );
    let replayed = Opener {
        context: Context {
            job: Pubkey::new_from_array([7; 32]),
            ..bench.context
        },
        ..opener
    };
    let refused = PreparedSpec::fetch_with(&bench.blobs, &prepared.hash(), &replayed).await;
    assert!(
        matches!(refused, Err(SpecError::Seal(SealError::Closed))),
        "{refused:?}"
    );
    let unaware = PreparedSpec::fetch(&bench.blobs, &prepared.hash()).await;
    assert!(matches!(unaware, Err(SpecError::Seal(_))), "{unaware:?}");
}

#[tokio::test]
async fn only_the_customer_reads_a_sealed_result() {
    let bench = Bench::new();
    let customer = Keypair::new();
    let sealer = Sealer {
        recipient: address(&customer),
        context: bench.context,
    };
    let file = sealer.seal(Kind::File, b"the secret answer").expect("sealed");
    let sha256 = Hash32(bench.blobs.put(file).await.expect("stored"));
    let manifest = ResultManifest {
        version: VERSION,
        job: bench.context.job.to_string(),
        spec: Hash32([1; 32]),
        exit_code: 0,
        device: "cpu".to_owned(),
        outputs: vec![StoredFile {
            path: "answer".to_owned(),
            sha256,
            size: 17,
        }],
        missing: Vec::new(),
        logs: None,
    };
    let sealed = sealer.seal(Kind::Manifest, &manifest.encode()).expect("sealed");
    let digest = bench.blobs.put(sealed).await.expect("stored");
    let opener = Opener {
        key: &customer,
        context: bench.context,
    };
    let read = ResultManifest::fetch_with(&bench.blobs, &digest, &opener)
        .await
        .expect("reads");
    assert_eq!(read, manifest);
    let out = bench.folder.path().join("out");
    read.save_with(&bench.blobs, &out, Some(&opener)).await.expect("saved");
    assert_eq!(
        std::fs::read(out.join("answer")).expect("written"),
        b"the secret answer"
    );

    let stranger = Keypair::new();
    let stranger = Opener {
        key: &stranger,
        ..opener
    };
    let refused = ResultManifest::fetch_with(&bench.blobs, &digest, &stranger).await;
    assert!(
        matches!(refused, Err(ManifestError::Seal(SealError::Closed))),
        "{refused:?}"
    );
    let refused = read.save_with(&bench.blobs, &out, Some(&stranger)).await;
    assert!(
        matches!(refused, Err(ManifestError::Seal(SealError::Closed))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_tampered_blob_is_refused_by_both_sides() {
    let bench = Bench::new();
    let prepared = bench.prepare().await;
    let opener = Opener {
        key: &bench.node,
        context: bench.context,
    };
    let spec = Hash32(prepared.hash());
    let mut stored = std::fs::read(bench.path(&spec)).expect("stored");
    stored[100] ^= 1;
    std::fs::write(bench.path(&spec), &stored).expect("tampered with");
    let refused = PreparedSpec::fetch_with(&bench.blobs, &spec.0, &opener).await;
    assert!(
        matches!(refused, Err(SpecError::Blob(BlobError::Damaged { .. }))),
        "the node: {refused:?}"
    );
    let refused = ResultManifest::fetch_with(&bench.blobs, &spec.0, &opener).await;
    assert!(
        matches!(refused, Err(ManifestError::Blob(BlobError::Damaged { .. }))),
        "the customer: {refused:?}"
    );
    // Another spec under its own name is none of this job's, however well it is sealed.
    let other = bench.prepare().await;
    let refused = PreparedSpec::decode_with(other.bytes(), &spec.0, Some(&opener));
    assert!(matches!(refused, Err(SpecError::NotTheJobs { .. })), "{refused:?}");
}
