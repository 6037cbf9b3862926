//! The scene file: what a person writes, checked before anything is rendered.

mod check;

use std::collections::BTreeMap;

use serde::Deserialize;

/// Largest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 8_192;
/// Most samples per pixel.
pub const MAX_SAMPLES: u32 = 16_384;
/// Most shapes that one spiral may make.
pub const MAX_SPIRAL: u32 = 100_000;

/// Red, green and blue, linear. 1 is full reflection, or the radiance of a white sky.
pub type Color = [f64; 3];
/// A point or a direction; y is up.
pub type Point = [f64; 3];

/// Why a scene cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// No JSON, or a field that is missing, unknown or of the wrong type.
    #[error("the scene is not valid: {0}")]
    Parse(#[from] serde_json::Error),
    /// A value that cannot be rendered.
    #[error("the scene is not valid: {at}: {problem}")]
    Value {
        /// Where, as a path in the file.
        at: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

/// A scene file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// Size and quality; the command line may override them.
    pub image: Image,
    /// Who looks.
    pub camera: Camera,
    /// What is behind everything.
    pub sky: Sky,
    /// By the names that objects use.
    pub materials: BTreeMap<String, Material>,
    /// What there is to see.
    pub objects: Vec<Object>,
}

/// Size and quality of the picture.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Per pixel.
    pub samples: u32,
    /// Most bounces of a path.
    #[serde(default = "default_depth")]
    pub max_depth: u32,
    /// Factor on all light before tone mapping.
    #[serde(default = "one")]
    pub exposure: f64,
}

/// A camera with a thin lens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// Where it stands.
    pub from: Point,
    /// What it looks at; this is in focus unless `focus_distance` says otherwise.
    pub at: Point,
    /// Vertical field of view, in degrees.
    pub fov_degrees: f64,
    /// Diameter of the lens, in scene units; 0 has everything in focus.
    #[serde(default)]
    pub aperture: f64,
    /// Distance of the plane in focus, in scene units.
    #[serde(default)]
    pub focus_distance: Option<f64>,
}

/// A sky: a gradient, and a sun if wanted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sky {
    /// Straight up.
    pub zenith: Color,
    /// At eye level and below.
    pub horizon: Color,
    /// The sun.
    #[serde(default)]
    pub sun: Option<Sun>,
    /// Distance at which things have faded to two thirds into the horizon; none: no haze.
    #[serde(default)]
    pub haze_distance: Option<f64>,
}

/// A light at infinity.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sun {
    /// Towards the sun.
    pub direction: Point,
    /// Light that falls on a surface that faces it.
    pub color: Color,
    /// How wide it looks, in degrees (the real one: 0.5); wider is softer.
    pub size_degrees: f64,
    /// How bright the sky glows around it, in parts of `color`.
    #[serde(default)]
    pub glow: f64,
}

/// What a surface does to light.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Material {
    /// Matt; in two colours when there is a checker.
    Diffuse {
        /// What it reflects.
        color: Color,
        /// The second colour of a chess board.
        #[serde(default)]
        checker: Option<Checker>,
    },
    /// Matt under a clear coat.
    Plastic {
        /// What it reflects below the coat.
        color: Color,
        /// Of the coat: 0 is a mirror, 1 is dull.
        #[serde(default)]
        roughness: f64,
    },
    /// A mirror with a colour.
    Metal {
        /// What it reflects.
        color: Color,
        /// 0 is a mirror, 1 is dull.
        #[serde(default)]
        roughness: f64,
    },
    /// Clear.
    Glass {
        /// Refractive index: water 1.33, glass 1.5, diamond 2.4.
        index: f64,
        /// What it lets through.
        #[serde(default = "white")]
        color: Color,
    },
    /// Shines.
    Light {
        /// Radiance.
        color: Color,
    },
}

/// The dark half of a chess board.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checker {
    /// Of every other square.
    pub color: Color,
    /// Side of a square, in scene units.
    pub size: f64,
}

/// A thing in the scene.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Object {
    /// A ball.
    Sphere {
        /// The middle.
        center: Point,
        /// Above 0.
        radius: f64,
        /// A name in `materials`.
        material: String,
    },
    /// An endless floor or wall.
    Plane {
        /// Any point of it.
        point: Point,
        /// Its upper side; any length but 0.
        normal: Point,
        /// A name in `materials`.
        material: String,
    },
    /// A block.
    Box {
        /// The middle.
        center: Point,
        /// Length of each side.
        size: Point,
        /// Turn about the vertical axis, in degrees.
        #[serde(default)]
        turn_degrees: f64,
        /// A name in `materials`.
        material: String,
    },
    /// Balls on the ground, placed like the seeds of a sunflower.
    Spiral(Spiral),
}

/// Balls on the ground (y of `center`), placed like the seeds of a sunflower.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spiral {
    /// The middle.
    pub center: Point,
    /// How many balls.
    pub count: u32,
    /// How many places are left free in the middle.
    #[serde(default)]
    pub skip: u32,
    /// Distance of neighbours, in scene units.
    pub spacing: f64,
    /// Radius of the first and of the last ball.
    pub radius: [f64; 2],
    /// How much radii vary, in parts of the radius.
    #[serde(default)]
    pub variation: f64,
    /// From the first to the last ball; at least one.
    pub colors: Vec<Color>,
    /// How often each kind of ball comes up, relative to the others.
    pub mix: Mix,
    /// Another number, another field.
    #[serde(default)]
    pub seed: u32,
}

/// How often each material comes up in a spiral; any scale.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// Matt under a clear coat.
    pub plastic: f64,
    /// Mirrors.
    pub metal: f64,
    /// Clear.
    pub glass: f64,
    /// Shining.
    pub light: f64,
    /// Radiance of the shining ones, in parts of their color.
    pub light_power: f64,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            plastic: 0.0,
            metal: 0.0,
            glass: 0.0,
            light: 0.0,
            light_power: 4.0,
        }
    }
}

fn default_depth() -> u32 {
    8
}

fn one() -> f64 {
    1.0
}

fn white() -> Color {
    [1.0; 3]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: &str = include_str!("../tests/tiny.json");

    #[test]
    fn a_good_scene_is_read() {
        assert_eq!(Scene::parse(SCENE).unwrap().objects.len(), 5);
    }

    #[test]
    fn a_wrong_scene_is_refused_and_says_where() {
        for (from, to, complaint) in [
            ("\"width\": 32", "\"width\": 0", "image.width: must be 1 to 8192"),
            ("\"width\": 32", "\"width\": -1", "line 2"),
            ("\"width\"", "\"wdith\"", "unknown field `wdith`"),
            (
                "\"radius\": 1.0",
                "\"radius\": 0.0",
                "objects[1].radius: must be above 0",
            ),
            (
                "\"material\": \"gold\"",
                "\"material\": \"silver\"",
                "\"silver\" is not in `materials`",
            ),
            ("\"metal\"", "\"plasma\"", "unknown variant `plasma`"),
            (
                "\"index\": 1.5",
                "\"index\": 0.5",
                "materials.glass.index: must be 1 to 4",
            ),
            (
                "\"from\": [0, 1.5, -6]",
                "\"from\": [0, 1, 0]",
                "camera.at: must not be `from`",
            ),
            (
                "\"color\": [0.9, 0.6, 0.2]",
                "\"color\": [1.9, 0.6, 0.2]",
                "materials.gold.color: each part must be 0 to 1",
            ),
        ] {
            let scene = SCENE.replacen(from, to, 1);
            assert_ne!(scene, SCENE, "{from} is not in the scene");
            let error = Scene::parse(&scene).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error:?} does not say {complaint:?}");
        }
        assert!(Scene::parse("not json").is_err());
    }
}
