//! How surfaces scatter light: pure functions of directions and random numbers in `[0, 1)`.

use std::f64::consts::{PI, TAU};

use glam::DVec3;

/// Two directions that with `normal` make a right-handed frame (Duff et al. 2017).
pub fn tangents(normal: DVec3) -> (DVec3, DVec3) {
    normal.any_orthonormal_pair()
}

/// A direction about `normal` with a density proportional to the cosine.
pub fn cosine_direction(normal: DVec3, (u, v): (f64, f64)) -> DVec3 {
    let radius = u.sqrt();
    let (sin, cos) = (TAU * v).sin_cos();
    let (x, y) = tangents(normal);
    (x * (radius * cos) + y * (radius * sin) + normal * (1.0 - u).max(0.0).sqrt()).normalize()
}

/// A direction within the cone about `axis` whose half-angle has this cosine, uniform in solid angle.
pub fn cone_direction(axis: DVec3, cos_half_angle: f64, (u, v): (f64, f64)) -> DVec3 {
    let cos = 1.0 - u * (1.0 - cos_half_angle);
    let sin = (1.0 - cos * cos).max(0.0).sqrt();
    let (sin_turn, cos_turn) = (TAU * v).sin_cos();
    let (x, y) = tangents(axis);
    (x * (sin * cos_turn) + y * (sin * sin_turn) + axis * cos).normalize()
}

/// Solid angle of that cone, in steradians.
pub fn cone_solid_angle(cos_half_angle: f64) -> f64 {
    TAU * (1.0 - cos_half_angle)
}

/// The normal of a rough mirror's facet (GGX distribution, `roughness` squared as its width).
pub fn facet(normal: DVec3, roughness: f64, (u, v): (f64, f64)) -> DVec3 {
    if roughness <= 0.0 {
        return normal;
    }
    let width = roughness * roughness;
    let tan_squared = width * width * u / (1.0 - u).max(1e-9);
    cone_direction_at(normal, 1.0 / (1.0 + tan_squared).sqrt(), v)
}

fn cone_direction_at(axis: DVec3, cos: f64, turn: f64) -> DVec3 {
    let sin = (1.0 - cos * cos).max(0.0).sqrt();
    let (sin_turn, cos_turn) = (TAU * turn).sin_cos();
    let (x, y) = tangents(axis);
    (x * (sin * cos_turn) + y * (sin * sin_turn) + axis * cos).normalize()
}

/// How a rough mirror scatters from one direction into another; Fresnel's share aside.
#[derive(Debug, Clone, Copy)]
pub struct Gloss {
    /// Reflected share per steradian.
    pub value: f64,
    /// With which density a reflection at a random [`facet`] takes that direction, per steradian.
    pub density: f64,
    /// Cosine between the facet that does it and either direction.
    pub cos_half: f64,
}

/// A rough mirror (`roughness` above 0) seen along `view` and lit along `light`, both leaving the surface.
pub fn gloss(normal: DVec3, view: DVec3, light: DVec3, roughness: f64) -> Gloss {
    let half = (view + light).normalize_or_zero();
    let (cos_view, cos_light) = (normal.dot(view), normal.dot(light));
    let (cos_normal, cos_half) = (normal.dot(half), view.dot(half));
    if cos_view <= 0.0 || cos_light <= 0.0 || cos_normal <= 0.0 || cos_half <= 0.0 {
        return Gloss {
            value: 0.0,
            density: 0.0,
            cos_half: 0.0,
        };
    }
    let width = (roughness * roughness).powi(2);
    let facets = width / (PI * (cos_normal * cos_normal * (width - 1.0) + 1.0).powi(2));
    // Facets hide each other towards grazing angles (Smith).
    let seen = |cos: f64| 2.0 * cos / (cos + (width + (1.0 - width) * cos * cos).sqrt());
    Gloss {
        value: facets * seen(cos_view) * seen(cos_light) / (4.0 * cos_view * cos_light),
        density: facets * cos_normal / (4.0 * cos_half),
        cos_half,
    }
}

/// Share of a light found in one of two ways, by the densities of this way and the other (power heuristic, Veach 1997).
pub fn heuristic(this: f64, other: f64) -> f64 {
    let (this, other) = (this * this, other * other);
    if this > 0.0 { this / (this + other) } else { 0.0 }
}

/// `direction` mirrored at a surface.
pub fn reflect(direction: DVec3, normal: DVec3) -> DVec3 {
    direction - normal * (2.0 * direction.dot(normal))
}

/// `direction` bent into a medium (`ratio` = index before / index behind); none when all of it is reflected. `normal` is
/// on the side that the ray comes from.
pub fn refract(direction: DVec3, normal: DVec3, ratio: f64) -> Option<DVec3> {
    let cos = -direction.dot(normal);
    let sin_squared = ratio * ratio * (1.0 - cos * cos);
    (sin_squared <= 1.0).then(|| (direction * ratio + normal * (ratio * cos - (1.0 - sin_squared).sqrt())).normalize())
}

/// Share of light that a clear surface reflects (exact Fresnel equations, unpolarised).
pub fn fresnel(direction: DVec3, normal: DVec3, ratio: f64) -> f64 {
    let cos = (-direction.dot(normal)).clamp(0.0, 1.0);
    let sin_squared = ratio * ratio * (1.0 - cos * cos);
    if sin_squared >= 1.0 {
        return 1.0;
    }
    let cos_behind = (1.0 - sin_squared).sqrt();
    let parallel = (cos - ratio * cos_behind) / (cos + ratio * cos_behind);
    let perpendicular = (ratio * cos - cos_behind) / (ratio * cos + cos_behind);
    f64::midpoint(parallel * parallel, perpendicular * perpendicular)
}

/// Share that a coloured mirror reflects towards grazing angles (Schlick's approximation).
pub fn schlick(color: DVec3, cos: f64) -> DVec3 {
    color + (DVec3::ONE - color) * (1.0 - cos.clamp(0.0, 1.0)).powi(5)
}

/// Reflected share of a matt surface per steradian.
pub const LAMBERT: f64 = 1.0 / PI;

/// From linear light of any brightness to a display byte: filmic curve (Narkowicz's fit of ACES), then sRGB.
pub fn tone_map(light: DVec3) -> [u8; 3] {
    light.to_array().map(|x| {
        let x = x.max(0.0);
        let mapped = (x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)).clamp(0.0, 1.0);
        let encoded = if mapped <= 0.003_130_8 {
            12.92 * mapped
        } else {
            1.055 * mapped.powf(1.0 / 2.4) - 0.055
        };
        (encoded * 255.0).round() as u8
    })
}

/// Brightness of a colour.
pub fn luminance(color: DVec3) -> f64 {
    color.dot(DVec3::new(0.2126, 0.7152, 0.0722))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::unit;

    const N: u32 = 20_000;

    fn pairs() -> impl Iterator<Item = (f64, f64)> {
        (0..N).map(|i| (unit(i, 1), unit(i, 2)))
    }

    #[test]
    fn cosine_directions_have_the_right_mean() {
        let normal = DVec3::new(1.0, 2.0, -0.5).normalize();
        let mean = pairs().map(|p| cosine_direction(normal, p)).sum::<DVec3>() / f64::from(N);
        assert!(mean.abs_diff_eq(normal * (2.0 / 3.0), 0.01), "{mean}");
        assert!(pairs().all(|p| cosine_direction(normal, p).dot(normal) >= 0.0));
    }

    #[test]
    fn cone_directions_stay_in_the_cone_and_fill_it() {
        let axis = DVec3::new(-1.0, 0.2, 3.0).normalize();
        let limit = 0.8;
        assert!(pairs().all(|p| cone_direction(axis, limit, p).dot(axis) >= limit - 1e-9));
        let mean = pairs().map(|p| cone_direction(axis, limit, p).dot(axis)).sum::<f64>() / f64::from(N);
        assert!(
            (mean - 0.9).abs() < 0.002,
            "uniform in solid angle is uniform in the cosine: {mean}"
        );
        assert!((cone_solid_angle(-1.0) - 4.0 * PI).abs() < 1e-12);
    }

    #[test]
    fn refraction_obeys_snell_and_ends_at_the_critical_angle() {
        let down = DVec3::new(0.6, -0.8, 0.0);
        let bent = refract(down, DVec3::Y, 1.0 / 1.5).unwrap();
        assert!((bent.x - 0.6 / 1.5).abs() < 1e-12 && bent.y < 0.0);
        assert!(refract(down, DVec3::Y, 1.5).is_some());
        assert!(refract(DVec3::new(0.8, -0.6, 0.0), DVec3::Y, 1.5).is_none());
        assert_eq!(fresnel(DVec3::new(0.8, -0.6, 0.0), DVec3::Y, 1.5), 1.0);
    }

    #[test]
    fn fresnel_is_four_percent_head_on_and_all_at_grazing() {
        assert!((fresnel(-DVec3::Y, DVec3::Y, 1.0 / 1.5) - 0.04).abs() < 1e-12);
        assert!(fresnel(DVec3::new(1.0, -1e-6, 0.0).normalize(), DVec3::Y, 1.0 / 1.5) > 0.999);
        assert!(schlick(DVec3::splat(0.5), 1.0).abs_diff_eq(DVec3::splat(0.5), 1e-12));
        assert!(schlick(DVec3::splat(0.5), 0.0).abs_diff_eq(DVec3::ONE, 1e-12));
    }

    #[test]
    fn reflection_keeps_length_and_tangent() {
        let out = reflect(DVec3::new(0.6, -0.8, 0.0), DVec3::Y);
        assert!(out.abs_diff_eq(DVec3::new(0.6, 0.8, 0.0), 1e-12));
    }

    #[test]
    fn facets_of_a_mirror_are_its_normal_and_roughness_spreads_them() {
        assert_eq!(facet(DVec3::Y, 0.0, (0.7, 0.3)), DVec3::Y);
        let spread = |r| pairs().map(|p| facet(DVec3::Y, r, p).y).sum::<f64>() / f64::from(N);
        assert!(spread(0.1) > 0.99 && spread(0.9) < spread(0.5) && spread(0.5) < spread(0.1));
    }

    #[test]
    fn gloss_has_the_density_that_facets_are_drawn_with() {
        let view = DVec3::new(0.5, 0.8, 0.1).normalize();
        for roughness in [0.3, 0.6] {
            // Integrating the density over the hemisphere gives the share of draws that leave the surface.
            let uniform = pairs().map(|p| cone_direction(DVec3::Y, 0.0, p));
            let integral = uniform
                .map(|d| gloss(DVec3::Y, view, d, roughness).density * TAU)
                .sum::<f64>()
                / f64::from(N);
            let leaving = pairs()
                .filter(|&p| reflect(-view, facet(DVec3::Y, roughness, p)).y > 0.0)
                .count();
            let leaving = leaving as f64 / f64::from(N);
            assert!(
                (integral - leaving).abs() < 0.06,
                "{roughness}: {integral}, not {leaving}"
            );
        }
    }

    #[test]
    fn two_ways_share_a_light_between_them() {
        assert_eq!(heuristic(3.0, 0.0), 1.0);
        assert_eq!(heuristic(0.0, 0.0), 0.0);
        assert!((heuristic(0.3, 0.7) + heuristic(0.7, 0.3) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn tone_mapping_rises_from_black_to_white() {
        assert_eq!(tone_map(DVec3::ZERO), [0, 0, 0]);
        assert_eq!(tone_map(DVec3::splat(1e6)), [255, 255, 255]);
        assert_eq!(
            tone_map(DVec3::new(-1.0, f64::NAN, 0.0)),
            [0, 0, 0],
            "bad light is dark, never a panic"
        );
        let bytes: Vec<u8> = (0..100)
            .map(|i| tone_map(DVec3::splat(f64::from(i) * 0.05))[0])
            .collect();
        assert!(bytes.is_sorted());
    }
}
