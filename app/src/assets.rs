//! The names of the browser's files. With `hash-files` cargo-leptos puts a hash into each, so that they may be cached for ever.

/// URLs of the style sheet, the script and the WASM module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assets {
    pub css: String,
    pub js: String,
    pub wasm: String,
}

/// `output-name` in the workspace's `Cargo.toml`.
const NAME: &str = "evp";

impl Assets {
    /// As a build without hashes names them.
    pub fn plain() -> Self {
        Self::named("", "", "")
    }

    /// From the text of `hash.txt`, which cargo-leptos writes beside the server's binary: lines like `css: 1a2b`. A line that is
    /// missing means a file without a hash.
    pub fn from_hash_file(text: &str) -> Self {
        let hash = |kind: &str| {
            text.lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.trim() == kind)
                .map(|(_, hash)| format!(".{}", hash.trim()))
                .unwrap_or_default()
        };
        Self::named(&hash("css"), &hash("js"), &hash("wasm"))
    }

    fn named(css: &str, js: &str, wasm: &str) -> Self {
        Self {
            css: format!("/pkg/{NAME}{css}.css"),
            js: format!("/pkg/{NAME}{js}.js"),
            wasm: format!("/pkg/{NAME}{wasm}.wasm"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_become_part_of_the_names() {
        let assets = Assets::from_hash_file("js: abc\nwasm: def\ncss: 123\n");
        assert_eq!(
            (assets.css.as_str(), assets.js.as_str(), assets.wasm.as_str()),
            ("/pkg/evp.123.css", "/pkg/evp.abc.js", "/pkg/evp.def.wasm")
        );
    }

    #[test]
    fn without_a_hash_file_the_names_are_plain() {
        assert_eq!(Assets::from_hash_file(""), Assets::plain());
        assert_eq!(Assets::plain().css, "/pkg/evp.css");
    }
}
