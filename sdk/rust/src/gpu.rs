//! GPU models and the codes that stand for them on chain.
//!
//! Codes are never reused; 0 means "none" (of a node) or "any" (of a job).

/// A model in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuModel {
    /// Code on chain.
    pub code: u16,
    /// Name in job specs: lower case, no blanks.
    pub name: &'static str,
    /// Parts that a driver's product name has, all of them and in any case.
    product: &'static [&'static str],
}

/// Every model, the more specific product names before those that they contain.
pub const CATALOGUE: &[GpuModel] = &[
    model(1, "b200", &["B200"]),
    model(2, "h200", &["H200"]),
    model(3, "h100", &["H100"]),
    model(4, "a100", &["A100"]),
    model(5, "l40s", &["L40S"]),
    model(6, "l40", &["L40"]),
    model(7, "l4", &["L4"]),
    model(8, "a40", &["A40"]),
    model(9, "a10", &["A10"]),
    model(10, "v100", &["V100"]),
    model(11, "t4", &["T4"]),
    model(12, "rtx-pro-6000", &["RTX PRO 6000"]),
    model(13, "rtx-6000-ada", &["RTX 6000 Ada"]),
    model(14, "rtx-a6000", &["RTX A6000"]),
    model(15, "rtx-5090", &["RTX 5090"]),
    model(16, "rtx-4090", &["RTX 4090"]),
    model(17, "rtx-3090", &["RTX 3090"]),
    model(18, "mi300x", &["MI300X"]),
    model(19, "mi250x", &["MI250X"]),
    model(20, "gh200", &["GH200"]),
    model(21, "gb200", &["GB200"]),
];

const fn model(code: u16, name: &'static str, product: &'static [&'static str]) -> GpuModel {
    GpuModel { code, name, product }
}

/// The model called `name` in job specs, in any case.
pub fn by_name(name: &str) -> Option<&'static GpuModel> {
    CATALOGUE.iter().find(|model| model.name.eq_ignore_ascii_case(name))
}

/// The model with `code`.
pub fn by_code(code: u16) -> Option<&'static GpuModel> {
    CATALOGUE.iter().find(|model| model.code == code)
}

/// The name of `code` for people: `none` for 0, `model 99` for one that this version does not know.
pub fn label(code: u16) -> String {
    match by_code(code) {
        Some(model) => model.name.to_owned(),
        None if code == 0 => "none".to_owned(),
        None => format!("model {code}"),
    }
}

/// The model that a driver calls `product`, such as `NVIDIA H100 80GB HBM3`.
pub fn by_product(product: &str) -> Option<&'static GpuModel> {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric())
            .map(str::to_ascii_lowercase)
            .collect()
    };
    let product = words(product);
    CATALOGUE.iter().find(|model| {
        model.product.iter().all(|part| {
            let part = words(part);
            product.windows(part.len()).any(|window| window == part)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_unique() {
        for (i, model) in CATALOGUE.iter().enumerate() {
            assert!(
                model.code != 0
                    && CATALOGUE[..i]
                        .iter()
                        .all(|m| m.code != model.code && m.name != model.name)
            );
            assert_eq!(by_name(&model.name.to_uppercase()), Some(model));
        }
    }

    #[test]
    fn product_names_are_matched_by_whole_words() {
        let name = |product| by_product(product).map(|model| model.name);
        assert_eq!(name("NVIDIA H100 80GB HBM3"), Some("h100"));
        assert_eq!(name("NVIDIA L40S"), Some("l40s"));
        assert_eq!(name("NVIDIA A100-SXM4-80GB"), Some("a100"));
        assert_eq!(name("NVIDIA GeForce RTX 4090"), Some("rtx-4090"));
        assert_eq!(name("NVIDIA GH200 480GB"), Some("gh200"));
        assert_eq!(name("Voodoo 2"), None);
    }
}
