//! Rays, shapes and where they meet. Lengths are in scene units.

use glam::DVec3;

/// Hits nearer than this are the surface that the ray just left.
pub const NEAREST: f64 = 1e-4;

/// A half-line. `direction` has length 1.
#[derive(Debug, Clone, Copy)]
pub struct Ray {
    /// Where it starts.
    pub origin: DVec3,
    /// Where it goes, of length 1.
    pub direction: DVec3,
}

impl Ray {
    /// The point `distance` units along the ray.
    pub fn at(&self, distance: f64) -> DVec3 {
        self.origin + self.direction * distance
    }
}

/// Where a ray meets a shape.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// Along the ray, in scene units.
    pub distance: f64,
    /// Outward normal of the shape, of length 1.
    pub normal: DVec3,
}

/// A shape in the scene.
#[derive(Debug, Clone)]
pub enum Shape {
    /// All points at `radius` from `center`.
    Sphere {
        /// The middle.
        center: DVec3,
        /// Above 0.
        radius: f64,
    },
    /// An endless plane.
    Plane {
        /// Any point of it.
        point: DVec3,
        /// Of length 1.
        normal: DVec3,
    },
    /// A box, turned about the vertical axis.
    Block {
        /// The middle.
        center: DVec3,
        /// Half the length of each side, above 0.
        half: DVec3,
        /// Sine and cosine of the turn about y.
        turn: (f64, f64),
    },
}

impl Shape {
    /// The nearest hit between [`NEAREST`] and `furthest`, if there is one.
    pub fn hit(&self, ray: &Ray, furthest: f64) -> Option<Hit> {
        match *self {
            Self::Sphere { center, radius } => hit_sphere(ray, center, radius, furthest),
            Self::Plane { point, normal } => hit_plane(ray, point, normal, furthest),
            Self::Block { center, half, turn } => hit_block(ray, center, half, turn, furthest),
        }
    }

    /// The smallest axis-aligned box around the shape; none for what has no end.
    pub fn bounds(&self) -> Option<Bounds> {
        match *self {
            Self::Sphere { center, radius } => Some(Bounds {
                min: center - DVec3::splat(radius),
                max: center + DVec3::splat(radius),
            }),
            Self::Plane { .. } => None,
            Self::Block {
                center,
                half,
                turn: (sin, cos),
            } => {
                let reach = DVec3::new(
                    half.x * cos.abs() + half.z * sin.abs(),
                    half.y,
                    half.x * sin.abs() + half.z * cos.abs(),
                );
                Some(Bounds {
                    min: center - reach,
                    max: center + reach,
                })
            }
        }
    }
}

fn hit_sphere(ray: &Ray, center: DVec3, radius: f64, furthest: f64) -> Option<Hit> {
    let to_center = center - ray.origin;
    let along = to_center.dot(ray.direction);
    // The distance of the line to the centre, not `|oc|² - r²`: it keeps its digits far from the sphere.
    let off_axis = to_center - ray.direction * along;
    let discriminant = radius * radius - off_axis.length_squared();
    if discriminant < 0.0 {
        return None;
    }
    let half_chord = discriminant.sqrt();
    let distance = [along - half_chord, along + half_chord]
        .into_iter()
        .find(|&t| t > NEAREST && t < furthest)?;
    Some(Hit {
        distance,
        normal: (ray.at(distance) - center) / radius,
    })
}

fn hit_plane(ray: &Ray, point: DVec3, normal: DVec3, furthest: f64) -> Option<Hit> {
    let slope = ray.direction.dot(normal);
    if slope.abs() < 1e-9 {
        return None;
    }
    let distance = (point - ray.origin).dot(normal) / slope;
    (distance > NEAREST && distance < furthest).then_some(Hit { distance, normal })
}

fn hit_block(ray: &Ray, center: DVec3, half: DVec3, turn: (f64, f64), furthest: f64) -> Option<Hit> {
    let origin = rotate_y(ray.origin - center, (-turn.0, turn.1));
    let inverse = rotate_y(ray.direction, (-turn.0, turn.1)).recip();
    let a = (-half - origin) * inverse;
    let b = (half - origin) * inverse;
    let (near, far) = (a.min(b), a.max(b));
    let (enter, leave) = (near.max_element(), far.min_element());
    if enter > leave {
        return None;
    }
    // Leaving counts from inside: glass blocks need both faces.
    let (distance, faces, outward) = if enter > NEAREST {
        (enter, near, -1.0)
    } else {
        (leave, far, 1.0)
    };
    if !(distance > NEAREST && distance < furthest) {
        return None;
    }
    let axis = if faces.x == distance {
        DVec3::X * inverse.x.signum()
    } else if faces.y == distance {
        DVec3::Y * inverse.y.signum()
    } else {
        DVec3::Z * inverse.z.signum()
    };
    Some(Hit {
        distance,
        normal: rotate_y(axis * outward, turn),
    })
}

/// `v` turned about the y axis by the angle with this sine and cosine.
pub fn rotate_y(v: DVec3, (sin, cos): (f64, f64)) -> DVec3 {
    DVec3::new(cos * v.x + sin * v.z, v.y, cos * v.z - sin * v.x)
}

/// An axis-aligned box.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Lowest corner.
    pub min: DVec3,
    /// Highest corner.
    pub max: DVec3,
}

impl Bounds {
    /// The smallest box around both.
    pub fn union(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// Where the ray enters, 0 from inside; none when it misses or enters beyond `furthest`. `inverse` is 1 / direction.
    pub fn enter(&self, origin: DVec3, inverse: DVec3, furthest: f64) -> Option<f64> {
        let a = (self.min - origin) * inverse;
        let b = (self.max - origin) * inverse;
        let enter = a.min(b).max_element().max(0.0);
        let leave = a.max(b).min_element();
        (enter <= leave && enter < furthest).then_some(enter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ray(origin: [f64; 3], direction: [f64; 3]) -> Ray {
        Ray {
            origin: DVec3::from(origin),
            direction: DVec3::from(direction).normalize(),
        }
    }

    #[test]
    fn sphere_is_hit_in_front_from_inside_and_never_behind() {
        let sphere = Shape::Sphere {
            center: DVec3::new(0.0, 0.0, 5.0),
            radius: 2.0,
        };
        let front = sphere.hit(&ray([0.0; 3], [0.0, 0.0, 1.0]), f64::INFINITY).unwrap();
        assert!((front.distance - 3.0).abs() < 1e-12);
        assert!(front.normal.abs_diff_eq(-DVec3::Z, 1e-12));
        let inside = sphere
            .hit(&ray([0.0, 0.0, 5.0], [0.0, 1.0, 0.0]), f64::INFINITY)
            .unwrap();
        assert!((inside.distance - 2.0).abs() < 1e-12);
        assert!(
            inside.normal.abs_diff_eq(DVec3::Y, 1e-12),
            "the normal points outward from inside too"
        );
        assert!(sphere.hit(&ray([0.0; 3], [0.0, 0.0, -1.0]), f64::INFINITY).is_none());
        assert!(
            sphere
                .hit(&ray([2.1, 0.0, 0.0], [0.0, 0.0, 1.0]), f64::INFINITY)
                .is_none()
        );
        assert!(
            sphere.hit(&ray([0.0; 3], [0.0, 0.0, 1.0]), 2.9).is_none(),
            "beyond what the caller looks for"
        );
    }

    #[test]
    fn plane_is_hit_from_both_sides_and_never_along() {
        let plane = Shape::Plane {
            point: DVec3::ZERO,
            normal: DVec3::Y,
        };
        let down = plane
            .hit(&ray([0.0, 2.0, 0.0], [0.0, -1.0, 0.0]), f64::INFINITY)
            .unwrap();
        assert!((down.distance - 2.0).abs() < 1e-12);
        assert!(
            plane
                .hit(&ray([0.0, -2.0, 0.0], [0.0, 1.0, 0.0]), f64::INFINITY)
                .is_some()
        );
        assert!(
            plane
                .hit(&ray([0.0, 2.0, 0.0], [1.0, 0.0, 0.0]), f64::INFINITY)
                .is_none()
        );
    }

    #[test]
    fn turned_block_shows_its_corner() {
        let quarter = std::f64::consts::FRAC_PI_4.sin_cos();
        let block = Shape::Block {
            center: DVec3::new(0.0, 0.0, 10.0),
            half: DVec3::ONE,
            turn: quarter,
        };
        let hit = block
            .hit(&ray([0.1, 0.0, 0.0], [0.0, 0.0, 1.0]), f64::INFINITY)
            .unwrap();
        assert!(
            (hit.distance - (10.0 - 2f64.sqrt() + 0.1)).abs() < 1e-9,
            "{}",
            hit.distance
        );
        assert!(
            hit.normal
                .abs_diff_eq(DVec3::new(0.5f64.sqrt(), 0.0, -0.5f64.sqrt()), 1e-9),
            "{}",
            hit.normal
        );
        let bounds = block.bounds().unwrap();
        assert!((bounds.max.x - 2f64.sqrt()).abs() < 1e-9);
        let inside = block
            .hit(&ray([0.0, 0.0, 10.0], [0.0, 1.0, 0.0]), f64::INFINITY)
            .unwrap();
        assert!((inside.distance - 1.0).abs() < 1e-9 && inside.normal.abs_diff_eq(DVec3::Y, 1e-9));
    }

    #[test]
    fn bounds_are_entered_at_their_near_face() {
        let bounds = Bounds {
            min: DVec3::splat(-1.0),
            max: DVec3::ONE,
        };
        let enter = |r: Ray, far| bounds.enter(r.origin, r.direction.recip(), far);
        assert_eq!(enter(ray([-3.0, 0.0, 0.0], [1.0, 0.0, 0.0]), f64::INFINITY), Some(2.0));
        assert_eq!(enter(ray([0.0; 3], [1.0, 0.0, 0.0]), f64::INFINITY), Some(0.0));
        assert_eq!(enter(ray([-3.0, 1.5, 0.0], [1.0, 0.0, 0.0]), f64::INFINITY), None);
        assert_eq!(enter(ray([-3.0, 0.0, 0.0], [1.0, 0.0, 0.0]), 1.5), None);
    }
}
