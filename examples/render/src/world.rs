//! The scene made ready for rays.

use glam::DVec3;

use crate::bvh::Bvh;
use crate::geometry::{Hit, Ray, Shape};
use crate::sampler::{hash, unit};
use crate::scene::{self, Object, Scene, Spiral};
use crate::shading::{cone_direction, cone_solid_angle, luminance};

/// What a surface does to light; as [`scene::Material`].
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "described at the scene's fields of the same names")]
pub enum Material {
    Diffuse {
        color: DVec3,
        checker: Option<(DVec3, f64)>,
    },
    Plastic {
        color: DVec3,
        roughness: f64,
    },
    Metal {
        color: DVec3,
        roughness: f64,
    },
    Glass {
        index: f64,
        color: DVec3,
    },
    Light {
        color: DVec3,
    },
}

/// A ball that shines: what shadows are cast by.
#[derive(Debug)]
struct Lamp {
    shape: usize,
    center: DVec3,
    radius: f64,
    color: DVec3,
    brightness: f64,
}

#[derive(Debug)]
struct Sun {
    /// On the scale of [`Lamp::power`], to choose by.
    power: f64,
    direction: DVec3,
    cos_half_angle: f64,
    radiance: DVec3,
    glow: DVec3,
}

/// Light that arrives from one chosen direction.
#[derive(Debug, Clone, Copy)]
pub struct LightSample {
    /// Towards the light, of length 1.
    pub direction: DVec3,
    /// What comes from there.
    pub radiance: DVec3,
    /// The density that chose the direction, per steradian.
    pub density: f64,
    /// How far the light is.
    pub distance: f64,
    /// The shape that shines; none for the sun.
    pub shape: Option<usize>,
}

/// Shapes, materials and lights.
#[derive(Debug)]
pub struct World {
    shapes: Vec<Shape>,
    materials: Vec<Material>,
    planes: Vec<usize>,
    bvh: Bvh,
    lamps: Vec<Lamp>,
    sun: Option<Sun>,
    zenith: DVec3,
    horizon: DVec3,
    haze: Option<f64>,
}

impl World {
    /// Builds the world of a scene that has been checked.
    pub fn new(scene: &Scene) -> Self {
        let mut shapes = Vec::new();
        let mut materials = Vec::new();
        for object in &scene.objects {
            let (shape, name) = match object {
                Object::Sphere {
                    center,
                    radius,
                    material,
                } => (
                    Shape::Sphere {
                        center: DVec3::from(*center),
                        radius: *radius,
                    },
                    material,
                ),
                Object::Plane {
                    point,
                    normal,
                    material,
                } => (
                    Shape::Plane {
                        point: DVec3::from(*point),
                        normal: DVec3::from(*normal).normalize(),
                    },
                    material,
                ),
                Object::Box {
                    center,
                    size,
                    turn_degrees,
                    material,
                } => {
                    let turn = turn_degrees.to_radians().sin_cos();
                    (
                        Shape::Block {
                            center: DVec3::from(*center),
                            half: DVec3::from(*size) / 2.0,
                            turn,
                        },
                        material,
                    )
                }
                Object::Spiral(spiral) => {
                    for (shape, material) in balls(spiral) {
                        shapes.push(shape);
                        materials.push(material);
                    }
                    continue;
                }
            };
            shapes.push(shape);
            materials.push(Material::from(&scene.materials[name]));
        }
        let lamps = shapes
            .iter()
            .zip(&materials)
            .enumerate()
            .filter_map(|(index, pair)| match pair {
                (Shape::Sphere { center, radius }, Material::Light { color }) => Some(Lamp {
                    shape: index,
                    center: *center,
                    radius: *radius,
                    color: *color,
                    brightness: luminance(*color),
                }),
                _ => None,
            });
        let sun = scene.sky.sun.as_ref().map(|sun| {
            let cos_half_angle = (sun.size_degrees.to_radians() / 2.0).cos();
            let color = DVec3::from(sun.color);
            Sun {
                power: luminance(color) / std::f64::consts::PI,
                direction: DVec3::from(sun.direction).normalize(),
                cos_half_angle,
                radiance: color / cone_solid_angle(cos_half_angle),
                glow: color * sun.glow,
            }
        });
        Self {
            lamps: lamps.collect(),
            planes: (0..shapes.len()).filter(|&i| shapes[i].bounds().is_none()).collect(),
            bvh: Bvh::new(&shapes),
            shapes,
            materials,
            sun,
            zenith: DVec3::from(scene.sky.zenith),
            horizon: DVec3::from(scene.sky.horizon),
            haze: scene.sky.haze_distance,
        }
    }

    /// How many shapes there are.
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// The nearest thing on the ray, and what it is made of.
    pub fn nearest(&self, ray: &Ray) -> Option<(Hit, &Material, usize)> {
        let mut best = self.bvh.nearest(&self.shapes, ray, f64::INFINITY);
        for &plane in &self.planes {
            let furthest = best.map_or(f64::INFINITY, |(_, hit)| hit.distance);
            if let Some(hit) = self.shapes[plane].hit(ray, furthest) {
                best = Some((plane, hit));
            }
        }
        best.map(|(shape, hit)| (hit, &self.materials[shape], shape))
    }

    /// Whether anything but the light itself stands between the ray's start and the light.
    pub fn in_shadow(&self, origin: DVec3, light: &LightSample) -> bool {
        let ray = Ray {
            origin,
            direction: light.direction,
        };
        self.planes
            .iter()
            .any(|&plane| self.shapes[plane].hit(&ray, light.distance).is_some())
            || self.bvh.blocked(&self.shapes, &ray, light.distance, light.shape)
    }

    /// Light from the sky in this direction, the sun's disc aside.
    pub fn sky(&self, direction: DVec3) -> DVec3 {
        let up = direction.y.max(0.0);
        let mut light = self.horizon.lerp(self.zenith, 1.0 - (1.0 - up).powi(4));
        if let Some(sun) = &self.sun {
            light += sun.glow * direction.dot(sun.direction).max(0.0).powi(24);
        }
        light
    }

    /// Light from the sun's disc in this direction.
    pub fn sun(&self, direction: DVec3) -> DVec3 {
        match &self.sun {
            Some(sun) if direction.dot(sun.direction) >= sun.cos_half_angle => sun.radiance,
            _ => DVec3::ZERO,
        }
    }

    /// `light` seen through `distance` of air.
    pub fn through_haze(&self, light: DVec3, direction: DVec3, distance: f64) -> DVec3 {
        match self.haze {
            Some(reach) => {
                let flat = DVec3::new(direction.x, 0.0, direction.z).normalize_or_zero();
                light.lerp(self.sky(flat), 1.0 - (-(distance / reach).powi(2)).exp())
            }
            None => light,
        }
    }

    /// Chooses a direction towards a light as seen from `point`: a lamp with a chance that grows with what it gives there.
    pub fn light(&self, point: DVec3, normal: DVec3, choice: f64, pair: (f64, f64)) -> Option<LightSample> {
        let sun_power = self.sun_power(normal);
        let total = sun_power + self.lamps.iter().map(|lamp| lamp.power(point, normal)).sum::<f64>();
        if total <= 0.0 {
            return None;
        }
        let mut left = choice * total;
        if left < sun_power {
            let sun = self.sun.as_ref()?;
            return Some(LightSample {
                direction: cone_direction(sun.direction, sun.cos_half_angle, pair),
                radiance: sun.radiance,
                density: sun_power / total / cone_solid_angle(sun.cos_half_angle),
                distance: f64::INFINITY,
                shape: None,
            });
        }
        left -= sun_power;
        let chosen = self.lamps.iter().find(|lamp| {
            left -= lamp.power(point, normal);
            left < 0.0
        })?;
        let offset = chosen.center - point;
        let cos_half_angle = chosen.cos_half_angle(offset)?;
        Some(LightSample {
            direction: cone_direction(offset.normalize(), cos_half_angle, pair),
            radiance: chosen.color,
            density: chosen.power(point, normal) / total / cone_solid_angle(cos_half_angle),
            // To the tangent: whatever is nearer than the lamp's surface is nearer than this or inside the lamp.
            distance: offset.length() * cos_half_angle,
            shape: Some(chosen.shape),
        })
    }

    /// The density with which [`World::light`] chooses the direction that leads from `point` to this light (none: the
    /// sun); 0 for what it never chooses.
    pub fn light_density(&self, point: DVec3, normal: DVec3, shape: Option<usize>) -> f64 {
        let sun_power = self.sun_power(normal);
        let (power, cos_half_angle) = match shape {
            None => (sun_power, self.sun.as_ref().map(|sun| sun.cos_half_angle)),
            Some(shape) => match self.lamps.iter().find(|lamp| lamp.shape == shape) {
                Some(lamp) => (lamp.power(point, normal), lamp.cos_half_angle(lamp.center - point)),
                None => return 0.0,
            },
        };
        let total = sun_power + self.lamps.iter().map(|lamp| lamp.power(point, normal)).sum::<f64>();
        cos_half_angle
            .filter(|_| total > 0.0)
            .map_or(0.0, |cos| power / total / cone_solid_angle(cos))
    }

    fn sun_power(&self, normal: DVec3) -> f64 {
        self.sun
            .as_ref()
            .filter(|sun| sun.direction.dot(normal) > -0.2)
            .map_or(0.0, |sun| sun.power)
    }
}

impl Lamp {
    /// About what it gives at `point`, to choose by.
    fn power(&self, point: DVec3, normal: DVec3) -> f64 {
        let offset = self.center - point;
        let above = offset.dot(normal) + self.radius;
        if above <= 0.0 {
            0.0
        } else {
            self.brightness * self.radius * self.radius / offset.length_squared()
        }
    }

    /// Of the cone that it fills, seen over `offset`; none from inside.
    fn cos_half_angle(&self, offset: DVec3) -> Option<f64> {
        let sin_squared = self.radius * self.radius / offset.length_squared();
        (sin_squared < 1.0).then(|| (1.0 - sin_squared).sqrt())
    }
}

impl From<&scene::Material> for Material {
    fn from(material: &scene::Material) -> Self {
        match material {
            scene::Material::Diffuse { color, checker } => Self::Diffuse {
                color: DVec3::from(*color),
                checker: checker.as_ref().map(|c| (DVec3::from(c.color), c.size)),
            },
            scene::Material::Plastic { color, roughness } => Self::Plastic {
                color: DVec3::from(*color),
                roughness: *roughness,
            },
            scene::Material::Metal { color, roughness } => Self::Metal {
                color: DVec3::from(*color),
                roughness: *roughness,
            },
            scene::Material::Glass { index, color } => Self::Glass {
                index: *index,
                color: DVec3::from(*color),
            },
            scene::Material::Light { color } => Self::Light {
                color: DVec3::from(*color),
            },
        }
    }
}

/// The balls of a spiral.
fn balls(spiral: &Spiral) -> impl Iterator<Item = (Shape, Material)> {
    // The angle that never repeats: no two seeds of a sunflower are in line.
    let golden_angle = std::f64::consts::PI * (3.0 - 5f64.sqrt());
    (0..spiral.count).map(move |index| {
        let random = |what: u32| unit(index, hash(spiral.seed ^ hash(what)));
        let place = f64::from(index + spiral.skip) + 0.5;
        let part = f64::from(index) / f64::from(spiral.count.saturating_sub(1).max(1));
        let (sin, cos) = (golden_angle * place).sin_cos();
        let reach = spiral.spacing * place.sqrt() * 0.55;
        let radius = (spiral.radius[0] + (spiral.radius[1] - spiral.radius[0]) * part)
            * (1.0 + spiral.variation * (2.0 * random(1) - 1.0));
        let center = DVec3::from(spiral.center) + DVec3::new(reach * cos, radius, reach * sin);
        (
            Shape::Sphere { center, radius },
            ball_material(spiral, part, random(2), random(3)),
        )
    })
}

fn ball_material(spiral: &Spiral, part: f64, kind: f64, shade: f64) -> Material {
    let at = (part + (shade - 0.5) * 0.12).clamp(0.0, 1.0) * (spiral.colors.len() - 1) as f64;
    let from = (at as usize).min(spiral.colors.len() - 1);
    let to = (from + 1).min(spiral.colors.len() - 1);
    let color = DVec3::from(spiral.colors[from]).lerp(DVec3::from(spiral.colors[to]), at - from as f64);
    let mix = &spiral.mix;
    let mut left = kind * (mix.plastic + mix.metal + mix.glass + mix.light);
    left -= mix.plastic;
    if left < 0.0 {
        return Material::Plastic { color, roughness: 0.0 };
    }
    left -= mix.metal;
    if left < 0.0 {
        return Material::Metal {
            color: color.lerp(DVec3::splat(0.9), 0.35),
            roughness: 0.12 + 0.25 * shade,
        };
    }
    left -= mix.glass;
    if left < 0.0 {
        return Material::Glass {
            index: 1.5,
            color: color.lerp(DVec3::ONE, 0.75),
        };
    }
    Material::Light {
        color: color * mix.light_power,
    }
}
