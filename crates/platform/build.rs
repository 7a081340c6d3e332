//! Tells cargo what the macros of sqlx read, which they cannot say themselves.

fn main() {
    // `sqlx::migrate!` embeds the migrations.
    println!("cargo:rerun-if-changed=../../migrations");
    // A new value makes scripts/sqlx-prepare expand the query macros again.
    println!("cargo:rerun-if-env-changed=EVP_SQLX_PREPARE");
}
