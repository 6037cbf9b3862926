//! The picture itself: it may not change by accident, nor with the number of threads.

use gantry_render::render::{Picture, render};
use gantry_render::scene::Scene;

/// Largest mean difference of a byte: other processors and libraries round sines and powers differently.
const TOLERANCE: f64 = 0.5;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tiny.png");

fn tiny(threads: usize) -> Picture {
    render(&Scene::parse(include_str!("tiny.json")).unwrap(), threads, |_| {})
}

/// `GANTRY_BLESS=1 cargo test -p gantry-render` writes the picture anew; look at it before it is kept.
#[test]
fn the_tiny_scene_looks_as_it_did() {
    let picture = tiny(2);
    if std::env::var_os("GANTRY_BLESS").is_some() {
        image::save_buffer(
            GOLDEN,
            &picture.rgb,
            picture.width,
            picture.height,
            image::ColorType::Rgb8,
        )
        .unwrap();
    }
    let golden = image::open(GOLDEN).unwrap().into_rgb8();
    assert_eq!((golden.width(), golden.height()), (picture.width, picture.height));
    let difference: u64 = golden
        .as_raw()
        .iter()
        .zip(&picture.rgb)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    let mean = difference as f64 / picture.rgb.len() as f64;
    assert!(mean <= TOLERANCE, "bytes differ by {mean} on average");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    assert_eq!(tiny(1), tiny(5));
}

#[test]
fn progress_counts_every_row_once() {
    let scene = Scene::parse(include_str!("tiny.json")).unwrap();
    let mut rows = Vec::new();
    render(&scene, 3, |progress| rows.push(progress.rows));
    assert_eq!(rows, (1..=20).collect::<Vec<_>>());
}
