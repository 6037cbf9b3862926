//! What a scene must obey to be rendered.

use super::{Color, MAX_SAMPLES, MAX_SIDE, MAX_SPIRAL, Material, Mix, Object, Scene, SceneError, Spiral};

impl Scene {
    /// Reads a scene file and checks every value in it.
    ///
    /// # Errors
    ///
    /// [`SceneError`] says where the file is wrong.
    pub fn parse(json: &str) -> Result<Self, SceneError> {
        let scene: Self = serde_json::from_str(json)?;
        scene.check()?;
        Ok(scene)
    }

    /// Checks every value. To be called again after a change.
    ///
    /// # Errors
    ///
    /// [`SceneError::Value`] for the first value that cannot be rendered.
    pub fn check(&self) -> Result<(), SceneError> {
        let image = &self.image;
        check(
            "image.width",
            (1..=MAX_SIDE).contains(&image.width),
            format!("must be 1 to {MAX_SIDE} pixels"),
        )?;
        check(
            "image.height",
            (1..=MAX_SIDE).contains(&image.height),
            format!("must be 1 to {MAX_SIDE} pixels"),
        )?;
        check(
            "image.samples",
            (1..=MAX_SAMPLES).contains(&image.samples),
            format!("must be 1 to {MAX_SAMPLES}"),
        )?;
        check(
            "image.max_depth",
            (1..=64).contains(&image.max_depth),
            "must be 1 to 64",
        )?;
        positive("image.exposure", image.exposure)?;

        let camera = &self.camera;
        check(
            "camera.fov_degrees",
            camera.fov_degrees > 0.0 && camera.fov_degrees < 180.0,
            "must be between 0 and 180",
        )?;
        check("camera.aperture", camera.aperture >= 0.0, "must not be negative")?;
        positive("camera.focus_distance", camera.focus_distance.unwrap_or(1.0))?;
        let view = [0, 1, 2].map(|i| camera.at[i] - camera.from[i]);
        check(
            "camera.at",
            view[0] != 0.0 || view[2] != 0.0,
            "must not be `from`, nor straight above or below it",
        )?;

        color("sky.zenith", self.sky.zenith)?;
        color("sky.horizon", self.sky.horizon)?;
        positive("sky.haze_distance", self.sky.haze_distance.unwrap_or(1.0))?;
        if let Some(sun) = &self.sky.sun {
            check("sky.sun.direction", sun.direction != [0.0; 3], "must not be zero")?;
            color("sky.sun.color", sun.color)?;
            check(
                "sky.sun.size_degrees",
                sun.size_degrees > 0.0 && sun.size_degrees <= 90.0,
                "must be above 0, at most 90",
            )?;
            check("sky.sun.glow", sun.glow >= 0.0, "must not be negative")?;
        }
        for (name, material) in &self.materials {
            material.check(&format!("materials.{name}"))?;
        }
        check("objects", !self.objects.is_empty(), "is empty: there is nothing to see")?;
        for (index, object) in self.objects.iter().enumerate() {
            self.check_object(&format!("objects[{index}]"), object)?;
        }
        Ok(())
    }

    fn check_object(&self, at: &str, object: &Object) -> Result<(), SceneError> {
        let material = match object {
            Object::Sphere { radius, material, .. } => {
                positive(&format!("{at}.radius"), *radius)?;
                material
            }
            Object::Plane { normal, material, .. } => {
                check(&format!("{at}.normal"), *normal != [0.0; 3], "must not be zero")?;
                material
            }
            Object::Box { size, material, .. } => {
                for side in size {
                    positive(&format!("{at}.size"), *side)?;
                }
                material
            }
            Object::Spiral(spiral) => return spiral.check(at),
        };
        check(&format!("{at}.material"), self.materials.contains_key(material), {
            let known: Vec<&str> = self.materials.keys().map(String::as_str).collect();
            format!("{material:?} is not in `materials`, which has {}", known.join(", "))
        })
    }
}

impl Material {
    fn check(&self, at: &str) -> Result<(), SceneError> {
        let roughness = match self {
            Self::Diffuse {
                color: reflected,
                checker,
            } => {
                share(&format!("{at}.color"), *reflected)?;
                if let Some(checker) = checker {
                    share(&format!("{at}.checker.color"), checker.color)?;
                    positive(&format!("{at}.checker.size"), checker.size)?;
                }
                0.0
            }
            Self::Plastic { color, roughness } | Self::Metal { color, roughness } => {
                share(&format!("{at}.color"), *color)?;
                *roughness
            }
            Self::Glass { index, color } => {
                check(&format!("{at}.index"), (1.0..=4.0).contains(index), "must be 1 to 4")?;
                share(&format!("{at}.color"), *color)?;
                0.0
            }
            Self::Light { color: radiance } => {
                color(&format!("{at}.color"), *radiance)?;
                0.0
            }
        };
        check(
            &format!("{at}.roughness"),
            (0.0..=1.0).contains(&roughness),
            "must be 0 to 1",
        )
    }
}

impl Spiral {
    fn check(&self, at: &str) -> Result<(), SceneError> {
        check(
            &format!("{at}.count"),
            (1..=MAX_SPIRAL).contains(&self.count),
            format!("must be 1 to {MAX_SPIRAL}"),
        )?;
        check(
            &format!("{at}.skip"),
            self.skip <= MAX_SPIRAL,
            format!("must be at most {MAX_SPIRAL}"),
        )?;
        positive(&format!("{at}.spacing"), self.spacing)?;
        positive(&format!("{at}.radius"), self.radius[0])?;
        positive(&format!("{at}.radius"), self.radius[1])?;
        check(
            &format!("{at}.variation"),
            (0.0..1.0).contains(&self.variation),
            "must be 0 to less than 1",
        )?;
        check(
            &format!("{at}.colors"),
            !self.colors.is_empty(),
            "needs at least one color",
        )?;
        for reflected in &self.colors {
            share(&format!("{at}.colors"), *reflected)?;
        }
        let Mix {
            plastic,
            metal,
            glass,
            light,
            light_power,
        } = self.mix;
        let parts = [plastic, metal, glass, light];
        check(
            &format!("{at}.mix"),
            parts.iter().all(|part| *part >= 0.0),
            "must not be negative",
        )?;
        check(
            &format!("{at}.mix"),
            parts.iter().sum::<f64>() > 0.0,
            "must name at least one material",
        )?;
        positive(&format!("{at}.mix.light_power"), light_power)
    }
}

fn check(at: &str, right: bool, problem: impl Into<String>) -> Result<(), SceneError> {
    if right {
        Ok(())
    } else {
        Err(SceneError::Value {
            at: at.to_owned(),
            problem: problem.into(),
        })
    }
}

fn positive(at: &str, value: f64) -> Result<(), SceneError> {
    check(at, value > 0.0, "must be above 0")
}

fn color(at: &str, value: Color) -> Result<(), SceneError> {
    check(at, value.iter().all(|part| *part >= 0.0), "must not be negative")
}

/// More light may not come back than went in.
fn share(at: &str, value: Color) -> Result<(), SceneError> {
    check(
        at,
        value.iter().all(|part| (0.0..=1.0).contains(part)),
        "each part must be 0 to 1",
    )
}
