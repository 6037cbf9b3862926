//! A small path tracer that turns a scene file into a picture.
//!
//! It is the job that the demo runs: real work, seconds long, whose result a person can look at. The same scene gives the
//! same picture whatever the number of threads, because every random number is a function of pixel, sample and dimension.

pub mod bvh;
pub mod geometry;
pub mod render;
pub mod sampler;
pub mod scene;
pub mod shading;
pub mod tracer;
pub mod world;
