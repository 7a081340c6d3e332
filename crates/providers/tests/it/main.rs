//! The clients against the stand-ins, over real HTTP.

mod namba_faults;
mod namba_pages;
mod namba_story;
mod nikita_story;
mod support;
