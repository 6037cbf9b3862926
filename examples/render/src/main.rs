//! `gantry-render SCENE.json --out picture.png`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use gantry_render::render::{Picture, Progress, render};
use gantry_render::scene::Scene;

/// Exit code for a scene that cannot be rendered, as for a wrong command line.
const BAD_SCENE: u8 = 2;

/// Render a scene file to a PNG by path tracing.
///
/// Exits with 0 when the picture is written, 2 when the scene or the command line is wrong, 1 when the picture cannot be
/// written. The same scene gives the same picture whatever the number of threads.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Scene file (JSON).
    scene: PathBuf,
    /// Where the picture goes.
    #[arg(long, default_value = "picture.png")]
    out: PathBuf,
    /// Width in pixels [default: the scene's].
    #[arg(long)]
    width: Option<u32>,
    /// Height in pixels [default: the scene's].
    #[arg(long)]
    height: Option<u32>,
    /// Samples per pixel [default: the scene's].
    #[arg(long)]
    samples: Option<u32>,
    /// Threads [default: all processors].
    #[arg(long)]
    threads: Option<std::num::NonZeroUsize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let scene = match read_scene(&arguments) {
        Ok(scene) => scene,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(BAD_SCENE);
        }
    };
    match run(&arguments, &scene) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn read_scene(arguments: &Arguments) -> anyhow::Result<Scene> {
    let name = arguments.scene.display();
    let json = std::fs::read_to_string(&arguments.scene).with_context(|| format!("cannot read {name}"))?;
    let mut scene = Scene::parse(&json).with_context(|| format!("cannot render {name}"))?;
    let image = &mut scene.image;
    image.width = arguments.width.unwrap_or(image.width);
    image.height = arguments.height.unwrap_or(image.height);
    image.samples = arguments.samples.unwrap_or(image.samples);
    scene.check().context("with the size and samples of the command line")?;
    Ok(scene)
}

fn run(arguments: &Arguments, scene: &Scene) -> anyhow::Result<()> {
    let threads = match arguments.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism().context("cannot count processors: pass --threads")?,
    };
    let image = &scene.image;
    // Said before the work, so that a log shows what was asked for even when the job is stopped.
    say(&format!("device: cpu ({threads} threads)"))?;
    say(&format!(
        "scene: {} at {}x{}, {} samples a pixel",
        arguments.scene.display(),
        image.width,
        image.height,
        image.samples
    ))?;
    let started = Instant::now();
    let mut said = None;
    let mut said_error = None;
    let picture = render(scene, threads.get(), |progress| {
        // One line per percent: enough to follow, and a log that stays short.
        if said != Some(progress.percent()) {
            said = Some(progress.percent());
            said_error = say_progress(progress).err().or(said_error.take());
        }
    });
    if let Some(error) = said_error {
        return Err(error);
    }
    write_png(&picture, &arguments.out)?;
    let seconds = started.elapsed().as_secs_f64();
    say(&format!("done: {} in {seconds:.1} s", arguments.out.display()))
}

fn say_progress(progress: Progress) -> anyhow::Result<()> {
    let Progress { rows, of_rows, samples } = progress;
    say(&format!(
        "progress {}% rows {rows}/{of_rows} samples {samples}",
        progress.percent()
    ))
}

/// Prints a line at once: whoever watches the job reads it through a pipe.
fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

/// Writes the picture under another name first: what has the final name is always whole.
fn write_png(picture: &Picture, path: &Path) -> anyhow::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let (width, height) = (picture.width, picture.height);
    image::save_buffer_with_format(
        &partial,
        &picture.rgb,
        width,
        height,
        image::ColorType::Rgb8,
        image::ImageFormat::Png,
    )
    .with_context(|| format!("cannot write {}", partial.display()))?;
    std::fs::rename(&partial, path)
        .with_context(|| format!("cannot rename {} to {}", partial.display(), path.display()))
}
