//! Follows light backwards from the eye.

use glam::DVec3;

use crate::geometry::Ray;
use crate::sampler::Sampler;
use crate::scene::Scene;
use crate::shading::{
    LAMBERT, cosine_direction, facet, fresnel, gloss, heuristic, luminance, reflect, refract, schlick,
};
use crate::world::{Material, World};

/// Light that comes by more than one bounce is cut here: a rare bright path is a white dot and not a better picture.
const BRIGHTEST_INDIRECT: f64 = 1.5;
/// Light that a lamp or the sun sends to a matt surface by way of a mirror or glass is cut here. Such paths are found by
/// chance alone, and without this they are what the eye sees of the noise.
const BRIGHTEST_CAUSTIC: f64 = 0.4;
/// Refractive index of the clear coat of plastic.
const COAT: f64 = 1.5;
/// From this bounce on, dim paths end at random, and those that go on count for more.
const ROULETTE_FROM: u32 = 3;

/// A thin-lens camera for one picture size.
#[derive(Debug)]
pub struct Camera {
    from: DVec3,
    corner: DVec3,
    across: DVec3,
    down: DVec3,
    lens_x: DVec3,
    lens_y: DVec3,
}

impl Camera {
    /// The camera of a scene that has been checked, for its picture size.
    pub fn new(scene: &Scene) -> Self {
        let camera = &scene.camera;
        let from = DVec3::from(camera.from);
        let to = DVec3::from(camera.at) - from;
        let forward = to.normalize();
        let right = DVec3::Y.cross(forward).normalize();
        let up = forward.cross(right);
        let focus = camera.focus_distance.unwrap_or(to.length());
        let height = 2.0 * (camera.fov_degrees.to_radians() / 2.0).tan() * focus;
        let pixel = height / f64::from(scene.image.height);
        let width = pixel * f64::from(scene.image.width);
        Self {
            from,
            corner: forward * focus - right * (width / 2.0) + up * (height / 2.0),
            across: right * pixel,
            down: -up * pixel,
            lens_x: right * (camera.aperture / 2.0),
            lens_y: up * (camera.aperture / 2.0),
        }
    }

    /// A ray through pixel (x, y).
    pub fn ray(&self, x: u32, y: u32, sampler: &mut Sampler) -> Ray {
        let (jitter_x, jitter_y) = sampler.next_pair();
        let (u, v) = sampler.next_pair();
        let (sin, cos) = (std::f64::consts::TAU * v).sin_cos();
        let lens = (self.lens_x * cos + self.lens_y * sin) * u.sqrt();
        let through = self.corner + self.across * (f64::from(x) + jitter_x) + self.down * (f64::from(y) + jitter_y);
        Ray {
            origin: self.from + lens,
            direction: (through - lens).normalize(),
        }
    }
}

/// Where a path goes on.
struct Scatter {
    direction: DVec3,
    throughput: DVec3,
    /// With which density the direction was chosen; none when there was only one.
    density: Option<f64>,
}

/// The last bounce of a path.
struct Bounce {
    point: DVec3,
    normal: DVec3,
    density: Option<f64>,
}

impl Bounce {
    /// The share of a light that the path found by its own direction; the rest was found by asking for the light.
    fn share(&self, world: &World, light: Option<usize>) -> f64 {
        match self.density {
            Some(density) => heuristic(density, world.light_density(self.point, self.normal, light)),
            None => 1.0,
        }
    }
}

/// Light along `ray` towards its origin.
pub fn radiance(world: &World, ray: Ray, max_depth: u32, sampler: &mut Sampler) -> DVec3 {
    let mut ray = ray;
    let mut light = DVec3::ZERO;
    let mut throughput = DVec3::ONE;
    let mut bounce = Bounce {
        point: ray.origin,
        normal: DVec3::Y,
        density: None,
    };
    let mut scattered = false;
    let mut first_hit = None;
    for depth in 0..max_depth {
        let caustic = scattered && (bounce.density.is_none() || depth > 1);
        let Some((hit, material, shape)) = world.nearest(&ray) else {
            light += limit(throughput * world.sky(ray.direction), brightest(depth, false));
            let sun = world.sun(ray.direction);
            if sun != DVec3::ZERO {
                light += limit(throughput * sun * bounce.share(world, None), brightest(depth, caustic));
            }
            break;
        };
        if depth == 0 {
            first_hit = Some((ray.direction, hit.distance));
        }
        if let Material::Light { color } = material {
            light += limit(
                throughput * *color * bounce.share(world, Some(shape)),
                brightest(depth, caustic),
            );
            break;
        }
        let normal = if hit.normal.dot(ray.direction) > 0.0 {
            -hit.normal
        } else {
            hit.normal
        };
        let point = ray.at(hit.distance);
        let surface = Surface {
            point,
            normal,
            view: -ray.direction,
            leaving: normal != hit.normal,
            material,
        };
        let (direct, scatter) = surface.scatter(world, sampler);
        light += limit(throughput * direct, brightest(depth, false));
        let Some(next) = scatter else { break };
        throughput *= next.throughput;
        scattered |= next.density.is_some();
        bounce = Bounce {
            point,
            normal,
            density: next.density,
        };
        ray = Ray {
            origin: point,
            direction: next.direction,
        };
        if depth >= ROULETTE_FROM {
            let survive = throughput.max_element().clamp(0.05, 1.0);
            if sampler.next_one() >= survive {
                break;
            }
            throughput /= survive;
        }
    }
    match first_hit {
        Some((direction, distance)) => world.through_haze(light, direction, distance),
        None => light,
    }
}

fn brightest(depth: u32, caustic: bool) -> f64 {
    match depth {
        0 => f64::INFINITY,
        _ if caustic => BRIGHTEST_CAUSTIC,
        _ => BRIGHTEST_INDIRECT,
    }
}

fn limit(light: DVec3, brightest: f64) -> DVec3 {
    let bright = luminance(light);
    if bright > brightest {
        light * (brightest / bright)
    } else {
        light
    }
}

/// A point that a ray has come to.
struct Surface<'a> {
    point: DVec3,
    /// On the side that is looked at.
    normal: DVec3,
    /// Back to where the ray came from.
    view: DVec3,
    /// Whether the ray comes from inside the shape.
    leaving: bool,
    material: &'a Material,
}

impl Surface<'_> {
    /// Light that comes straight from a light, and where the path goes on. Always draws the same number of dimensions, so
    /// that the later ones stay stratified.
    fn scatter(&self, world: &World, sampler: &mut Sampler) -> (DVec3, Option<Scatter>) {
        let (choose_lobe, choose_light) = sampler.next_pair();
        let lobe = sampler.next_pair();
        let towards_light = sampler.next_pair();
        let scatter = match *self.material {
            Material::Light { .. } => None,
            Material::Glass { index, color } => self.through(index, color, choose_lobe),
            Material::Metal { color, roughness: 0.0 } => self.mirror(schlick(color, self.view.dot(self.normal))),
            Material::Metal { roughness, .. } => self.towards(self.reflect_at(facet(self.normal, roughness, lobe))),
            Material::Diffuse { .. } => self.towards(cosine_direction(self.normal, lobe)),
            Material::Plastic { roughness, .. } => {
                if choose_lobe >= self.coat_share() {
                    self.towards(cosine_direction(self.normal, lobe))
                } else if roughness == 0.0 {
                    self.mirror(DVec3::ONE)
                } else {
                    self.towards(self.reflect_at(facet(self.normal, roughness, lobe)))
                }
            }
        };
        (self.direct(world, choose_light, towards_light), scatter)
    }

    /// Light from one light, by the share that is found in this way.
    fn direct(&self, world: &World, choice: f64, pair: (f64, f64)) -> DVec3 {
        if matches!(
            self.material,
            Material::Glass { .. } | Material::Metal { roughness: 0.0, .. }
        ) {
            return DVec3::ZERO;
        }
        let Some(light) = world.light(self.point, self.normal, choice, pair) else {
            return DVec3::ZERO;
        };
        let (value, density) = self.evaluate(light.direction);
        if value == DVec3::ZERO || world.in_shadow(self.point, &light) {
            return DVec3::ZERO;
        }
        light.radiance * value * (heuristic(light.density, density) / light.density)
    }

    /// What comes back of light from `direction` (cosine included), and the density with which a path goes there. Only
    /// what has a density: mirrors reflect nothing from a direction that was chosen without them.
    fn evaluate(&self, direction: DVec3) -> (DVec3, f64) {
        let cos = direction.dot(self.normal);
        if cos <= 0.0 {
            return (DVec3::ZERO, 0.0);
        }
        let matt = cos * LAMBERT;
        match *self.material {
            Material::Diffuse { color, checker } => {
                let color = match checker {
                    Some((other, size)) if is_odd(self.point, size) => other,
                    _ => color,
                };
                (color * matt, matt)
            }
            Material::Metal { color, roughness } if roughness > 0.0 => {
                let gloss = gloss(self.normal, self.view, direction, roughness);
                (schlick(color, gloss.cos_half) * (gloss.value * cos), gloss.density)
            }
            Material::Plastic { color, roughness } => {
                let coat = self.coat_share();
                let (value, density) = (color * ((1.0 - coat) * matt), (1.0 - coat) * matt);
                if roughness == 0.0 {
                    return (value, density);
                }
                let gloss = gloss(self.normal, self.view, direction, roughness);
                let reflected = fresnel_coat(gloss.cos_half) * gloss.value * cos;
                (value + DVec3::splat(reflected), density + coat * gloss.density)
            }
            _ => (DVec3::ZERO, 0.0),
        }
    }

    /// The share of light that the clear coat of plastic keeps from what is below it.
    fn coat_share(&self) -> f64 {
        fresnel_coat(self.view.dot(self.normal))
    }

    fn reflect_at(&self, facet: DVec3) -> DVec3 {
        reflect(-self.view, facet)
    }

    fn towards(&self, direction: DVec3) -> Option<Scatter> {
        let (value, density) = self.evaluate(direction);
        (density > 0.0).then(|| Scatter {
            direction,
            throughput: value / density,
            density: Some(density),
        })
    }

    fn mirror(&self, throughput: DVec3) -> Option<Scatter> {
        Some(Scatter {
            direction: self.reflect_at(self.normal),
            throughput,
            density: None,
        })
    }

    fn through(&self, index: f64, color: DVec3, choice: f64) -> Option<Scatter> {
        let ratio = if self.leaving { index } else { 1.0 / index };
        let reflected = choice < fresnel(-self.view, self.normal, ratio);
        match refract(-self.view, self.normal, ratio).filter(|_| !reflected) {
            Some(direction) => {
                // Coloured once per pass through the solid: on the way in.
                let throughput = if self.leaving { DVec3::ONE } else { color };
                Some(Scatter {
                    direction,
                    throughput,
                    density: None,
                })
            }
            None => self.mirror(DVec3::ONE),
        }
    }
}

fn fresnel_coat(cos: f64) -> f64 {
    let cos = cos.clamp(0.0, 1.0);
    fresnel(DVec3::new((1.0 - cos * cos).sqrt(), -cos, 0.0), DVec3::Y, 1.0 / COAT)
}

fn is_odd(point: DVec3, size: f64) -> bool {
    // Off by a little, so that a floor at a whole multiple does not flicker between two squares.
    let cell = (point / size + DVec3::splat(1e-6)).floor();
    (cell.x + cell.y + cell.z).rem_euclid(2.0) >= 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(objects: &str, sky: &str, samples: u32) -> DVec3 {
        let scene = format!(
            r#"{{"image": {{"width": 1, "height": 1, "samples": {samples}, "max_depth": 64}},
                "camera": {{"from": [0, 0, -5], "at": [0, 0, 0], "fov_degrees": 1}},
                "sky": {sky},
                "materials": {{"white": {{"diffuse": {{"color": [1, 1, 1]}}}}, "grey": {{"diffuse": {{"color": [0.5, 0.5, 0.5]}}}},
                    "glass": {{"glass": {{"index": 1.5}}}}, "mirror": {{"metal": {{"color": [1, 1, 1]}}}},
                    "plastic": {{"plastic": {{"color": [1, 1, 1], "roughness": 0.0}}}},
                    "satin": {{"metal": {{"color": [1, 1, 1], "roughness": 0.3}}}},
                    "lamp": {{"light": {{"color": [1, 1, 1]}}}}}},
                "objects": {objects}}}"#
        );
        let scene = Scene::parse(&scene).unwrap();
        let (world, camera) = (World::new(&scene), Camera::new(&scene));
        let mut sum = DVec3::ZERO;
        for sample in 0..samples {
            let mut sampler = Sampler::new(0, 0, sample, samples);
            let ray = camera.ray(0, 0, &mut sampler);
            sum += radiance(&world, ray, scene.image.max_depth, &mut sampler);
        }
        sum / f64::from(samples)
    }

    const EVEN: &str = r#"{"zenith": [1, 1, 1], "horizon": [1, 1, 1]}"#;

    /// In an even white sky, what neither takes nor adds light cannot be seen.
    #[test]
    fn nothing_is_lost_or_won_in_a_white_furnace() {
        for material in ["white", "glass", "mirror", "plastic"] {
            let ball = format!(r#"[{{"sphere": {{"center": [0, 0, 0], "radius": 1, "material": "{material}"}}}}]"#);
            let light = mean(&ball, EVEN, 256).x;
            assert!((light - 1.0).abs() < 0.01, "{material}: {light}");
        }
        // A facet that hides another one loses what bounces between the two: a little, and never the other way.
        let satin = mean(
            r#"[{"sphere": {"center": [0, 0, 0], "radius": 1, "material": "satin"}}]"#,
            EVEN,
            256,
        )
        .x;
        assert!((0.97..=1.0).contains(&satin), "{satin}");
        let grey = mean(
            r#"[{"sphere": {"center": [0, 0, 0], "radius": 1, "material": "grey"}}]"#,
            EVEN,
            256,
        )
        .x;
        assert!((grey - 0.5).abs() < 0.01, "{grey}");
    }

    /// A wall that faces a sun of irradiance E is as bright as E × albedo / π, whatever the sun's size.
    #[test]
    fn a_sunlit_wall_has_the_brightness_that_physics_says() {
        for size in [0.5, 20.0] {
            let sky = format!(
                r#"{{"zenith": [0,0,0], "horizon": [0,0,0],
                "sun": {{"direction": [0, 0, -1], "color": [3, 3, 3], "size_degrees": {size}}}}}"#
            );
            let light = mean(
                r#"[{"plane": {"point": [0, 0, 0], "normal": [0, 0, -1], "material": "grey"}}]"#,
                &sky,
                256,
            )
            .x;
            let expected = 3.0 * 0.5 * LAMBERT;
            assert!((light / expected - 1.0).abs() < 0.02, "{light}, not {expected}");
        }
    }

    /// A rough mirror shows a lamp as bright on average whether the path finds the lamp or asks for it: here it can only
    /// do both, so the picture of a lamp in a nearly smooth mirror must be as bright as the lamp.
    #[test]
    fn a_lamp_is_as_bright_in_its_reflection() {
        let objects = r#"[{"plane": {"point": [0, 0, 0], "normal": [0, 0, -1], "material": "satin"}},
            {"sphere": {"center": [0, 0, -30], "radius": 24, "material": "lamp"}}]"#;
        let light = mean(objects, r#"{"zenith": [0,0,0], "horizon": [0,0,0]}"#, 1024).x;
        assert!((light - 1.0).abs() < 0.05, "{light}");
    }

    /// A lamp of radius r at distance d lights a wall that faces it by radiance × π (r / d)².
    #[test]
    fn a_lamp_lights_a_wall_by_its_solid_angle() {
        let objects = r#"[{"plane": {"point": [0, 0, 0], "normal": [0, 0, -1], "material": "grey"}},
            {"sphere": {"center": [0, 0, -10], "radius": 2, "material": "lamp"}}]"#;
        let light = mean(objects, r#"{"zenith": [0,0,0], "horizon": [0,0,0]}"#, 1024).x;
        let expected = 0.5 * (2.0f64 / 10.0).powi(2);
        assert!((light / expected - 1.0).abs() < 0.03, "{light}, not {expected}");
    }
}
