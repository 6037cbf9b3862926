//! The command as a job runner sees it.

use std::path::Path;
use std::process::{Command, Output};

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tiny.json");

fn run(scene: &Path, out: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gantry-render"));
    command.arg(scene).arg("--out").arg(out).args(more).output().unwrap()
}

#[test]
fn it_says_device_and_progress_and_writes_a_png_of_the_asked_size() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("picture.png");
    let output = run(
        Path::new(TINY),
        &out,
        &["--width", "24", "--height", "16", "--samples", "4", "--threads", "2"],
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.starts_with("device: cpu (2 threads)\n"), "{text}");
    assert!(text.contains("progress 50% rows 8/16 samples 768\n"), "{text}");
    assert!(text.contains("progress 100% rows 16/16 samples 1536\n"), "{text}");
    let picture = image::open(&out).unwrap();
    assert_eq!((picture.width(), picture.height()), (24, 16));
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        1,
        "no partial file is left"
    );
}

#[test]
fn a_bad_scene_is_exit_code_2_and_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("picture.png");
    let bad = folder.path().join("bad.json");
    std::fs::write(
        &bad,
        std::fs::read_to_string(TINY)
            .unwrap()
            .replace("\"gold\"", "\"glod\"")
            .replacen("glod", "gold", 1),
    )
    .unwrap();
    let missing = folder.path().join("missing.json");
    for (scene, more, complaint) in [
        (bad.as_path(), &[][..], "\"glod\" is not in `materials`"),
        (missing.as_path(), &[][..], "cannot read"),
        (Path::new(TINY), &["--samples", "0"][..], "image.samples: must be 1 to"),
    ] {
        let output = run(scene, &out, more);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(complaint), "{text}");
        assert!(!out.exists());
    }
}

#[test]
fn a_picture_that_cannot_be_written_is_exit_code_1() {
    let output = run(
        Path::new(TINY),
        Path::new("/nonexistent/picture.png"),
        &["--samples", "1"],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("/nonexistent/picture.png")
    );
}
