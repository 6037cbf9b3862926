//! Blobs in a folder: verified, mended, resumed, bounded.

use super::*;

#[tokio::test]
async fn blobs_are_found_by_their_hash_and_verified() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = BlobStore::open(folder.path().join("blobs")).expect("opens");
    let hash = store.put(&b"gantry"[..]).await.expect("stores");
    assert_eq!(hash, Hash32::of(b"gantry").0);
    assert_eq!(store.put(&b"gantry"[..]).await.expect("stores again"), hash);
    assert_eq!(store.get(&hash).await.expect("reads"), "gantry");
    assert!(matches!(store.get(&[1; 32]).await, Err(BlobError::Missing(_))));

    let name = Hash32(hash).to_string();
    std::fs::write(
        folder.path().join(format!("blobs/sha256/{}/{name}", &name[..2])),
        "other",
    )
    .expect("written");
    assert!(matches!(store.get(&hash).await, Err(BlobError::Damaged { .. })));
}

/// A store of small blobs, where the local ones lie, and a folder for files.
fn bench() -> (tempfile::TempDir, BlobStore) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = BlobStore::open(folder.path().join("blobs")).expect("opens");
    (folder, store.with_limit(40 << 20))
}

fn place(folder: &tempfile::TempDir, hash: &[u8; 32]) -> PathBuf {
    folder.path().join("blobs").join(location(Hash32(*hash)).to_string())
}

#[tokio::test]
async fn a_damaged_blob_is_refused_and_mended_by_storing_it_again() {
    let (folder, store) = bench();
    let file = folder.path().join("file");
    std::fs::write(&file, vec![7; 1_000]).expect("written");
    let hash = store.put_file(&file).await.expect("stores");
    for damage in [vec![8; 1_000], vec![7; 999], Vec::new()] {
        std::fs::write(place(&folder, &hash), &damage).expect("damaged");
        assert!(matches!(store.get(&hash).await, Err(BlobError::Damaged { .. })));
        let copy = folder.path().join("copy");
        assert!(matches!(
            store.get_file(&hash, &copy).await,
            Err(BlobError::Damaged { .. })
        ));
        assert!(!copy.exists(), "nothing unverified has its name");
        assert_eq!(store.put(vec![7; 1_000]).await.expect("stores again"), hash);
        assert_eq!(store.get(&hash).await.expect("whole").len(), 1_000);
    }
}

#[tokio::test]
async fn large_files_go_in_parts_and_a_download_goes_on_where_it_stopped() {
    let (folder, store) = bench();
    let file = folder.path().join("file");
    let content: Vec<u8> = (0..20_000_003u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&file, &content).expect("written");
    let hash = store.put_file(&file).await.expect("stores");
    assert_eq!(hash, Hash32::of(&content).0);
    let copy = folder.path().join("copy");
    let partial = folder.path().join(format!("copy.{}.partial", Hash32(hash)));
    std::fs::write(&partial, &content[..9_000_001]).expect("as if it had broken off");
    // What is there already is not read again: only the end of the blob is left, and that is enough.
    let blob = place(&folder, &hash);
    let mut beginning = std::fs::read(&blob).expect("read");
    beginning[..1_000].fill(0);
    std::fs::write(&blob, &beginning).expect("damaged where it is not needed");
    assert_eq!(
        store.get_file(&hash, &copy).await.expect("fetches"),
        content.len() as u64
    );
    assert!(std::fs::read(&copy).expect("read") == content && !partial.exists());
    // A wrong beginning is noticed, and not gone on with.
    std::fs::write(&partial, b"something else").expect("written");
    std::fs::write(&blob, &content).expect("mended");
    assert!(matches!(
        store.get_file(&hash, &copy).await,
        Err(BlobError::Damaged { .. })
    ));
    store.get_file(&hash, &copy).await.expect("starts over");
}

#[tokio::test]
async fn sizes_have_bounds_both_ways() {
    let (folder, store) = bench();
    let hash = store.put(vec![1; 2_000]).await.expect("stores");
    let small = store.clone().with_limit(1_999);
    assert!(matches!(
        small.get(&hash).await,
        Err(BlobError::TooLarge { size: 2_000, .. })
    ));
    let copy = folder.path().join("copy");
    assert!(matches!(
        small.get_file(&hash, &copy).await,
        Err(BlobError::TooLarge { .. })
    ));
    assert!(matches!(
        small.put(vec![2; 2_000]).await,
        Err(BlobError::TooMuch { .. })
    ));
    let file = folder.path().join("file");
    std::fs::write(&file, vec![3; 2_000]).expect("written");
    assert!(matches!(small.put_file(&file).await, Err(BlobError::TooMuch { .. })));
}

#[test]
#[cfg(not(feature = "s3"))]
fn a_store_that_was_not_built_in_says_how_to_get_it() {
    let error = BlobStore::open("s3://bucket/prefix")
        .expect_err("not built in")
        .to_string();
    assert!(error.contains("--features gantry-sdk/s3"), "{error}");
}
