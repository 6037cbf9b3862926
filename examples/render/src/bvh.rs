//! A bounding volume hierarchy, so that a ray looks at a handful of shapes and not at all of them.

use glam::DVec3;

use crate::geometry::{Bounds, Hit, Ray, Shape};

/// Leaves hold at most this many shapes.
const LEAF: usize = 2;

/// Deep enough for 2^32 shapes halved at each level.
const STACK: usize = 64;

#[derive(Debug)]
struct Node {
    bounds: Bounds,
    /// Leaf: first entry of `order`. Branch: the second child (the first one follows its parent).
    index: u32,
    /// Shapes in a leaf, 0 in a branch.
    count: u32,
}

/// The hierarchy over the shapes that have bounds.
#[derive(Debug, Default)]
pub struct Bvh {
    nodes: Vec<Node>,
    order: Vec<u32>,
}

impl Bvh {
    /// Builds the hierarchy over `shapes`. Shapes without bounds (planes) are left out: test them one by one.
    pub fn new(shapes: &[Shape]) -> Self {
        let mut items: Vec<(u32, Bounds)> = shapes
            .iter()
            .zip(0..)
            .filter_map(|(shape, i)| Some((i, shape.bounds()?)))
            .collect();
        let mut bvh = Self::default();
        if !items.is_empty() {
            bvh.build(&mut items);
        }
        bvh
    }

    fn build(&mut self, items: &mut [(u32, Bounds)]) {
        let bounds = items
            .iter()
            .map(|item| item.1)
            .reduce(Bounds::union)
            .expect("never called without items");
        let at = self.nodes.len();
        if items.len() <= LEAF {
            self.nodes.push(Node {
                bounds,
                index: self.order.len() as u32,
                count: items.len() as u32,
            });
            self.order.extend(items.iter().map(|item| item.0));
            return;
        }
        let size = bounds.max - bounds.min;
        let axis = if size.x >= size.y && size.x >= size.z {
            0
        } else if size.y >= size.z {
            1
        } else {
            2
        };
        let middle = items.len() / 2;
        let key = |item: &(u32, Bounds)| (item.1.min + item.1.max)[axis];
        items.select_nth_unstable_by(middle, |a, b| key(a).total_cmp(&key(b)));
        self.nodes.push(Node {
            bounds,
            index: 0,
            count: 0,
        });
        let (left, right) = items.split_at_mut(middle);
        self.build(left);
        self.nodes[at].index = self.nodes.len() as u32;
        self.build(right);
    }

    /// The nearest hit before `furthest` and the index of the shape that was hit.
    pub fn nearest(&self, shapes: &[Shape], ray: &Ray, furthest: f64) -> Option<(usize, Hit)> {
        let mut best = None;
        let mut furthest = furthest;
        self.visit(ray, furthest, |shape| {
            if let Some(hit) = shapes[shape].hit(ray, furthest) {
                furthest = hit.distance;
                best = Some((shape, hit));
            }
            furthest
        });
        best
    }

    /// Whether anything lies on the ray before `furthest`, the shape `except` aside.
    pub fn blocked(&self, shapes: &[Shape], ray: &Ray, furthest: f64, except: Option<usize>) -> bool {
        let mut blocked = false;
        self.visit(ray, furthest, |shape| {
            if !blocked && Some(shape) != except && shapes[shape].hit(ray, furthest).is_some() {
                blocked = true;
            }
            // Nothing is nearer than nothing: this ends the walk.
            if blocked { 0.0 } else { furthest }
        });
        blocked
    }

    /// Calls `test` on each shape whose leaf the ray enters, near ones first. `test` says how far is still of interest.
    fn visit(&self, ray: &Ray, furthest: f64, mut test: impl FnMut(usize) -> f64) {
        let inverse: DVec3 = ray.direction.recip();
        let enter = |node: usize, furthest| self.nodes[node].bounds.enter(ray.origin, inverse, furthest);
        let mut furthest = furthest;
        let mut stack = [(0usize, 0.0f64); STACK];
        let mut depth = 0;
        if !self.nodes.is_empty() && enter(0, furthest).is_some() {
            depth = 1;
        }
        while depth > 0 {
            depth -= 1;
            let (at, entered) = stack[depth];
            if entered >= furthest {
                continue;
            }
            let node = &self.nodes[at];
            if node.count > 0 {
                let first = node.index as usize;
                for &shape in &self.order[first..first + node.count as usize] {
                    furthest = test(shape as usize);
                }
                continue;
            }
            let children = [at + 1, node.index as usize];
            let mut pushes = children.map(|child| enter(child, furthest).map(|distance| (child, distance)));
            if let [Some(left), Some(right)] = pushes
                && left.1 < right.1
            {
                pushes.swap(0, 1);
            }
            for push in pushes.into_iter().flatten() {
                stack[depth] = push;
                depth += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::unit;

    fn at(index: u32, pattern: u32, size: f64) -> DVec3 {
        DVec3::new(unit(index, pattern), unit(index, pattern + 1), unit(index, pattern + 2)) * size
    }

    #[test]
    fn finds_what_testing_every_shape_finds() {
        let mut shapes: Vec<Shape> = (0..300)
            .map(|i| Shape::Sphere {
                center: at(i, 10, 20.0),
                radius: 0.1 + unit(i, 20),
            })
            .collect();
        shapes.push(Shape::Plane {
            point: DVec3::ZERO,
            normal: DVec3::Y,
        });
        let bvh = Bvh::new(&shapes);
        let mut hits = 0;
        for i in 0..2_000 {
            let direction = (at(i, 40, 2.0) - DVec3::ONE).normalize();
            let ray = Ray {
                origin: at(i, 30, 20.0),
                direction,
            };
            let slow = shapes[..300]
                .iter()
                .enumerate()
                .filter_map(|(n, shape)| Some((n, shape.hit(&ray, f64::INFINITY)?.distance)))
                .min_by(|a, b| a.1.total_cmp(&b.1));
            let fast = bvh
                .nearest(&shapes, &ray, f64::INFINITY)
                .map(|(n, hit)| (n, hit.distance));
            assert_eq!(fast, slow, "ray {i}");
            assert_eq!(bvh.blocked(&shapes, &ray, f64::INFINITY, None), slow.is_some());
            if let Some((_, distance)) = slow {
                hits += 1;
                assert!(
                    !bvh.blocked(&shapes, &ray, distance - 1e-9, None),
                    "nothing is nearer than the nearest"
                );
            }
        }
        assert!(
            hits > 500,
            "the rays must hit something for this to mean anything: {hits}"
        );
    }

    #[test]
    fn nothing_to_hit_is_no_hit() {
        let ray = Ray {
            origin: DVec3::ZERO,
            direction: DVec3::Z,
        };
        assert!(Bvh::new(&[]).nearest(&[], &ray, f64::INFINITY).is_none());
    }
}
