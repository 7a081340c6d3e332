//! `make bench`: the memory of a connection, and the page of a connector. The server is a process of its own; the load comes from this
//! one.
//!
//! Absolute times are noisy on a shared machine: compare within one run. What bounds a figure is printed beside it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for a developer's terminal")]

mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use platform::testing::TestDb;
use simulator::load::Work;
use simulator::system_clock;
use support::{CODE, load, serve};
use tokio_util::sync::CancellationToken;

/// Idle ones, for the memory of a connection.
const IDLE: usize = 2_000;
const PAGE_REQUESTS_PER_SECOND: u32 = 200;
const PAGE_SECONDS: u32 = 15;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let database = TestDb::new().await;
    let db = database.with_system_clock().await;
    let seeded = support::seed(&db, IDLE).await;
    db.close().await;
    let url = support::free_url();
    let server = serve(database.url(), &url).await;

    println!("Memory of a connection (RSS of the server's process)");
    let before = server.rss_kib();
    let stop = CancellationToken::new();
    let plan = load(&url, &seeded, 0, IDLE, Work::Idle, Duration::from_secs(600));
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let running = simulator::load::run(plan, system_clock(), stop.clone(), Some(ready));
    let measured = async {
        let connected = is_ready.await.unwrap_or(0);
        let after = server.rss_kib();
        println!("  0 connections           {before} KiB");
        println!("  {connected} idle connections   {after} KiB");
        println!("  each                    {} KiB   (aim: at most 30)", after.saturating_sub(before) / connected.max(1));
        stop.cancel();
    };
    let _ = tokio::join!(running, measured);
    drop(server);

    let url = support::free_url();
    let _server = serve(database.url(), &url).await;
    println!("\nThe page of a connector for sale, GET /q/{CODE}");
    let shown = support::for_sale(&url, &seeded).await;
    sizes(&url).await;
    page(&url).await;
    shown.shutdown().await;
}

/// Bytes on the wire, by the programs that a browser's peer would use.
async fn sizes(url: &str) {
    let html = reqwest::get(format!("{url}/q/{CODE}")).await.unwrap().bytes().await.unwrap();
    println!("  HTML, gzip              {} bytes   (aim: at most 20 480)", compressed("gzip", &["-9", "-c"], &html));
    let package = PathBuf::from(std::env::var("EVP_SITE_ROOT").unwrap_or_else(|_| "target/site".to_owned())).join("pkg");
    let files: Vec<PathBuf> =
        std::fs::read_dir(&package).map(|d| d.filter_map(|e| Some(e.ok()?.path())).collect()).unwrap_or_default();
    let of = |ending: &str, program: &str, arguments: &[&str]| -> usize {
        let wanted = files.iter().filter(|p| p.extension().is_some_and(|e| e == ending));
        wanted.map(|p| compressed(program, arguments, &std::fs::read(p).unwrap())).sum()
    };
    println!("  CSS, gzip               {} bytes   (aim: at most 15 360)", of("css", "gzip", &["-9", "-c"]));
    let (js, wasm) = (of("js", "brotli", &["-q", "11", "-c"]), of("wasm", "brotli", &["-q", "11", "-c"]));
    println!("  JS + WASM, brotli       {js} + {wasm} = {} bytes   (aim: at most 112 640)", js + wasm);
}

fn compressed(program: &str, arguments: &[&str], bytes: &[u8]) -> usize {
    use std::io::Write as _;
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, bytes) = (child.stdin.take().unwrap(), bytes.to_vec());
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout.len()
}

async fn page(url: &str) {
    let total = PAGE_REQUESTS_PER_SECOND * PAGE_SECONDS;
    let pages = support::pages(url, PAGE_REQUESTS_PER_SECOND, total, &CancellationToken::new()).await;
    println!(
        "  {PAGE_REQUESTS_PER_SECOND} requests/s for {PAGE_SECONDS} s    p50 {:?}, p99 {:?}, failed {}   (aim: p99 at most 10 ms)",
        pages.percentile(50),
        pages.percentile(99),
        pages.failed
    );
}
