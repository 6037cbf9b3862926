//! The name of a container image, by digest.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// Longest name, as registries have it.
const LONGEST: usize = 255;

/// An image by digest: `docker.io/library/debian@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    name: String,
    digest: String,
}

/// Text that names no image by digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// There is no digest.
    #[error(
        "the image `{0}` has no digest: write `name@sha256:…`, since a tag may mean another image tomorrow \
         (`docker image inspect --format '{{{{index .RepoDigests 0}}}}' {0}` prints it)"
    )]
    Tag(String),
    /// A tag beside the digest.
    #[error("the image `{0}` has a tag and a digest: leave the tag out, the digest alone decides")]
    Both(String),
    /// The digest is none.
    #[error("the image `{0}` has a digest that is none: `sha256:` and 64 lower-case hexadecimal digits")]
    Digest(String),
    /// The name is none.
    #[error("`{0}` is no image name: write `registry/path/name@sha256:…` in lower case, at most 255 characters")]
    Name(String),
}

impl ImageRef {
    /// The name, such as `docker.io/library/debian`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest, such as `sha256:…`.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.digest)
    }
}

impl FromStr for ImageRef {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        let Some((name, digest)) = text.split_once('@') else {
            return Err(ImageError::Tag(text.to_owned()));
        };
        let digits = digest.strip_prefix("sha256:").unwrap_or_default();
        let hexadecimal = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        if digits.len() != 64 || !digits.chars().all(hexadecimal) {
            return Err(ImageError::Digest(text.to_owned()));
        }
        // A colon before the last slash is a registry's port, one after it a tag.
        let (registry, last) = match name.rsplit_once('/') {
            Some((registry, last)) => (Some(registry), last),
            None => (None, name),
        };
        if last.contains(':') {
            return Err(ImageError::Both(text.to_owned()));
        }
        let plain = |part: &str, also: &[char]| {
            let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            part.starts_with(inner)
                && part.ends_with(inner)
                && part.chars().all(|c| inner(c) || also.contains(&c))
                && !part.contains("..")
        };
        let mut parts = registry.into_iter().flat_map(|registry| registry.split('/'));
        let host = parts.next().is_none_or(|host| plain(host, &['.', '_', '-', ':']));
        let named = host && parts.chain([last]).all(|part| plain(part, &['.', '_', '-']));
        if !named || name.len() > LONGEST {
            return Err(ImageError::Name(text.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            digest: digest.to_owned(),
        })
    }
}

impl Serialize for ImageRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ImageRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> String {
        format!("sha256:{}", "ab".repeat(32))
    }

    #[test]
    fn an_image_by_digest_reads_back() {
        for name in [
            "debian",
            "docker.io/library/debian",
            "registry.example:5000/team/cuda-12.4_x",
        ] {
            let text = format!("{name}@{}", digest());
            let image: ImageRef = text.parse().expect("an image");
            assert_eq!((image.name(), image.digest()), (name, digest().as_str()));
            assert_eq!(image.to_string(), text);
        }
    }

    #[test]
    fn a_tag_is_refused_with_what_to_write_instead() {
        for text in ["debian", "debian:12", "registry.example:5000/debian:latest"] {
            let error = text.parse::<ImageRef>().expect_err("a tag");
            assert_eq!(error, ImageError::Tag(text.to_owned()));
            assert!(error.to_string().contains("name@sha256:"), "{error}");
        }
        let both = format!("debian:12@{}", digest());
        assert_eq!(both.parse::<ImageRef>(), Err(ImageError::Both(both)));
    }

    #[test]
    fn what_is_no_name_or_digest_is_refused() {
        for name in [
            "",
            "Debian",
            "a//b",
            "/a",
            "a/",
            "-a",
            "a b",
            "../a",
            "a/..",
            "a\nb",
            "--privileged",
        ] {
            let text = format!("{name}@{}", digest());
            assert_eq!(text.parse::<ImageRef>(), Err(ImageError::Name(text.clone())), "{name}");
        }
        for digest in [
            "sha256:",
            "sha256:ab",
            "md5:ab",
            &digest().to_uppercase(),
            &format!("{}0", digest()),
        ] {
            let text = format!("debian@{digest}");
            assert_eq!(
                text.parse::<ImageRef>(),
                Err(ImageError::Digest(text.clone())),
                "{digest}"
            );
        }
    }
}
