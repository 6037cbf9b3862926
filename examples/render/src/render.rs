//! Renders the rows of a picture on several threads.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use crate::sampler::Sampler;
use crate::scene::Scene;
use crate::shading::tone_map;
use crate::tracer::{Camera, radiance};
use crate::world::World;

/// A finished picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Three bytes a pixel, sRGB, rows from the top.
    pub rgb: Vec<u8>,
}

/// How far a rendering is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Finished rows.
    pub rows: u32,
    /// All rows.
    pub of_rows: u32,
    /// Finished samples: each is one path from the camera.
    pub samples: u64,
}

impl Progress {
    /// From 0 to 100, rounded down: 100 is the end.
    pub fn percent(&self) -> u32 {
        (u64::from(self.rows) * 100 / u64::from(self.of_rows)) as u32
    }
}

/// Renders a scene that has been checked, on `threads` threads (at least one). `progress` is called after each row, from
/// the calling thread.
pub fn render(scene: &Scene, threads: usize, mut progress: impl FnMut(Progress)) -> Picture {
    let (width, height) = (scene.image.width, scene.image.height);
    let world = World::new(scene);
    let camera = Camera::new(scene);
    let next_row = AtomicU32::new(0);
    let mut rgb = vec![0; width as usize * height as usize * 3];
    std::thread::scope(|scope| {
        let (sender, finished) = mpsc::channel();
        for _ in 0..threads.max(1) {
            let (sender, world, camera, next_row) = (sender.clone(), &world, &camera, &next_row);
            scope.spawn(move || {
                loop {
                    let y = next_row.fetch_add(1, Ordering::Relaxed);
                    if y >= height || sender.send((y, render_row(scene, world, camera, y))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (rows, (y, row)) in (1..).zip(finished) {
            let start = y as usize * row.len();
            rgb[start..start + row.len()].copy_from_slice(&row);
            let samples = u64::from(rows) * u64::from(width) * u64::from(scene.image.samples);
            progress(Progress {
                rows,
                of_rows: height,
                samples,
            });
        }
    });
    Picture { width, height, rgb }
}

fn render_row(scene: &Scene, world: &World, camera: &Camera, y: u32) -> Vec<u8> {
    let image = &scene.image;
    (0..image.width)
        .flat_map(|x| {
            let sum = (0..image.samples).fold(glam::DVec3::ZERO, |sum, sample| {
                let mut sampler = Sampler::new(x, y, sample, image.samples);
                let ray = camera.ray(x, y, &mut sampler);
                sum + radiance(world, ray, image.max_depth, &mut sampler)
            });
            tone_map(sum * (image.exposure / f64::from(image.samples)))
        })
        .collect()
}
