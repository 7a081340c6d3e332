//! The browser's entry: hands the islands of `app` to the page. Knows nothing else; everything that is shown comes from the server.

// The islands are exported by `app`; without a use of the crate the linker would drop them all.
pub use app::islands;

/// Called by the page's script once the module is loaded, before it wakes the islands one by one.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
