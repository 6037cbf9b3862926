//! The blob store over S3, against a server of the same protocol: `cargo xtask test s3` starts one and says where it is.
#![cfg(feature = "s3")]

use gantry_sdk::{
    Hash32,
    blob::{BlobError, BlobStore},
};

/// A store in the server's only bucket, under a prefix of its own.
fn store(prefix: &str) -> BlobStore {
    for name in ["AWS_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        assert!(std::env::var_os(name).is_some(), "no {name}: run `cargo xtask test s3`");
    }
    BlobStore::open(format!("s3://blobs/{prefix}")).expect("an address")
}

#[tokio::test]
async fn blobs_go_there_and_back() {
    let store = store("small");
    let hash = store.put(&b"gantry"[..]).await.expect("stored");
    assert_eq!(hash, Hash32::of(b"gantry").0);
    assert_eq!(store.put(&b"gantry"[..]).await.expect("stored again"), hash);
    assert_eq!(store.get(&hash).await.expect("read"), "gantry");
    assert!(store.contains(&hash).await.expect("an answer"));
    let empty = store.put(&b""[..]).await.expect("nothing is a blob, too");
    assert_eq!(store.get(&empty).await.expect("read"), "");
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_prefixes_are_apart() {
    let one = store("one/of/several");
    let hash = one.put(&b"here"[..]).await.expect("stored");
    for elsewhere in [store("other"), store("")] {
        let missing = elsewhere.get(&hash).await;
        assert!(
            matches!(missing, Err(BlobError::Missing(found)) if found.0 == hash),
            "{missing:?}"
        );
        assert!(!elsewhere.contains(&hash).await.expect("an answer"));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let missing = one.get_file(&[1; 32], &folder.path().join("copy")).await;
    assert!(matches!(missing, Err(BlobError::Missing(_))), "{missing:?}");
}

#[tokio::test]
async fn large_files_go_in_parts_and_come_back_whole() {
    let store = store("large");
    let folder = tempfile::tempdir().expect("a folder");
    let (file, copy) = (folder.path().join("file"), folder.path().join("copy"));
    let content: Vec<u8> = (0..20_000_003u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&file, &content).expect("written");
    let hash = store.put_file(&file).await.expect("stored");
    // A download that broke off goes on in the middle: by a range.
    let partial = folder.path().join(format!("copy.{}.partial", Hash32(hash)));
    std::fs::write(&partial, &content[..9_000_001]).expect("as if it had broken off");
    let size = store.get_file(&hash, &copy).await.expect("fetched");
    assert_eq!(size, content.len() as u64);
    assert!(std::fs::read(&copy).expect("read") == content, "other bytes");
    let small = store.with_limit(20_000_002);
    assert!(matches!(small.get(&hash).await, Err(BlobError::TooLarge { .. })));
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_an_error() {
    let _ = store("");
    let store = BlobStore::open("s3://nobodys/prefix").expect("an address");
    let refused = store.put(&b"gantry"[..]).await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(BlobStore::open("s3://").is_err());
}
