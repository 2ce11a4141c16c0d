//! Belfry's figures: `cargo bench --bench delivery` prints the table, measured on the real program with
//! a TLS receiver, load and all on the machine that runs it. A word as argument (`throughput`, `latency`,
//! `hanging`, `memory`) measures only that part; `BELFRY_BENCH_QUICK=1` is a try with less of everything.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "a measurement that fails ends by panicking"
)]

mod load;
mod receiver;
mod service;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use load::Load;
use receiver::Receiver;
use serde_json::{Value, json};
use service::Service;

const ROUNDS: usize = 3;

fn main() {
    rustls::crypto::ring::default_provider().install_default().expect("the first provider");
    let parts: Vec<String> =
        std::env::args().skip(1).filter(|each| !each.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|each| each == part);
    println!("| figure | must | measured |\n| --- | --- | --- |");
    if wanted("throughput") {
        throughput();
    }
    if wanted("latency") {
        latency();
    }
    if wanted("hanging") {
        hanging();
    }
    if wanted("memory") {
        memory_idle();
        memory_pending();
    }
}

fn scaled(count: usize) -> usize {
    if std::env::var_os("BELFRY_BENCH_QUICK").is_some() { count / 10 } else { count }
}

fn run_name() -> String {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    format!("run{}", RUNS.fetch_add(1, Ordering::Relaxed))
}

fn load(service: &Service, records: usize, a_call: usize, segments: usize) -> Load {
    Load {
        addr: service.addr,
        token: service.token.clone(),
        run: run_name(),
        records,
        a_call,
        callers: 64,
        segments,
        shifted: false,
        calls_a_second: None,
    }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(300), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Records a second from the first call's start until the last one was received.
fn rate(receiver: &Receiver, load: &Load) -> f64 {
    receiver.reset(0);
    let began = Instant::now();
    load.run();
    wait_until("all are received", || receiver.count() >= load.records as u64);
    load.records as f64 / began.elapsed().as_secs_f64()
}

fn middle(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let all: Vec<String> = values.iter().map(|value| format!("{value:.2}")).collect();
    format!("{:.2} (of {})", values[values.len() / 2], all.join(", "))
}

/// Seconds that the machine's cores had nothing to do, or waited for a disk, since its start (proc(5)).
fn idle_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").expect("proc(5)");
    let line = stat.lines().next().expect("the line of all cores");
    let ticks =
        line.split_whitespace().skip(4).take(2).map(|n| n.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() / 100.0
}

fn throughput() {
    let receiver = Receiver::start();
    let data = tempfile::tempdir().expect("a directory");
    let dir = data.path().join("belfry");
    let service = Service::start(&dir, &receiver.ca_pem);
    let urls: Vec<String> = (0..100).map(|n| receiver.url(&format!("/d{n}"))).collect();
    service.automations(&urls, 1);
    let (mut single, mut hundred, mut spread, mut ratio) = (vec![], vec![], vec![], vec![]);
    // One run to warm up: connections, caches, the size of the database's log.
    rate(&receiver, &load(&service, scaled(10_000), 1, 1));
    let measure = |what: &str, a_call: usize, segments: usize| {
        let load = load(&service, scaled(60_000), a_call, segments);
        let (before, idle, began) = (service.cpu_seconds(), idle_seconds(), Instant::now());
        let rate = rate(&receiver, &load);
        let cpu_us = (service.cpu_seconds() - before) * 1e6 / load.records as f64;
        let idle = (idle_seconds() - idle) / began.elapsed().as_secs_f64();
        println!(
            "<!-- {what}: {rate:.0} records/s, {cpu_us:.0} µs of processor a record, {idle:.2} cores idle -->"
        );
        rate
    };
    for _ in 0..ROUNDS {
        single.push(measure("1 a call, 1 destination", 1, 1));
        spread.push(measure("1 a call, 100 destinations", 1, 100));
        hundred.push(measure("100 a call, 1 destination", 100, 1));
        ratio.push(spread[spread.len() - 1] / single[single.len() - 1]);
    }
    println!("| records/s, 1 a call, 64 callers, 1 destination | ≥ 8000 | {} |", middle(single));
    println!("| records/s, 100 a call | ≥ 15000 | {} |", middle(hundred));
    println!("| records/s, 1 a call, 100 destinations | | {} |", middle(spread));
    println!("| the same, against 1 destination in the same round | ≥ 0.80 | {} |", middle(ratio));
}

/// Milliseconds from the start of a call to the receipt of its record, sorted.
fn latencies(receiver: &Receiver, load: &Load, meant: impl Fn(usize) -> bool) -> Vec<f64> {
    receiver.reset(load.records);
    let begun = load.run();
    let meant: Vec<usize> = (0..load.records).filter(|number| meant(*number)).collect();
    wait_until("those meant are received", || {
        let first = receiver.arrivals.first.lock().expect("no panic");
        meant.iter().all(|number| first[*number].is_some())
    });
    let first = receiver.arrivals.first.lock().expect("no panic");
    let mut all: Vec<f64> = meant
        .iter()
        .filter_map(|number| Some(first[*number]?.duration_since(begun[*number]?)))
        .map(|each| each.as_secs_f64() * 1000.0)
        .collect();
    all.sort_by(f64::total_cmp);
    all
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

fn latency() {
    let receiver = Receiver::start();
    let data = tempfile::tempdir().expect("a directory");
    let service = Service::start(&data.path().join("belfry"), &receiver.ca_pem);
    service.automations(&[receiver.url("/d0")], 1);
    let mut load = load(&service, scaled(6_000), 1, 1);
    load.calls_a_second = Some(200.0);
    let (mut half, mut most) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        load.run = run_name();
        let all = latencies(&receiver, &load, |_| true);
        half.push(percentile(&all, 0.5));
        most.push(percentile(&all, 0.99));
    }
    println!("| ms from call to receipt at 200 records/s, p50 | ≤ 2 | {} |", middle(half));
    println!("| the same, p99 | ≤ 8 | {} |", middle(most));
}

fn hanging() {
    let receiver = Receiver::start();
    let data = tempfile::tempdir().expect("a directory");
    let service = Service::start(&data.path().join("belfry"), &receiver.ca_pem);
    let urls: Vec<String> = (0..120)
        .map(|n| receiver.url(&if n < 100 { format!("/d{n}") } else { format!("/hang{n}") }))
        .collect();
    service.automations(&urls, 1);
    let mut ratio = Vec::new();
    for _ in 0..ROUNDS {
        let p99 = |shifted: bool| {
            let mut load = load(&service, scaled(20_000), 1, 100);
            load.calls_a_second = Some(1000.0);
            load.shifted = shifted;
            percentile(&latencies(&receiver, &load, |number| number % 100 < 80), 0.99)
        };
        let (none, some) = (p99(false), p99(true));
        println!(
            "<!-- p99 in ms of 80 destinations: {none:.2} with none hanging, {some:.2} with 20 -->"
        );
        ratio.push(some / none);
    }
    println!(
        "| p99 of 80 destinations while 20 hang, against none, 1000 records/s | ≤ 1.25 | {} |",
        middle(ratio)
    );
}

fn memory_idle() {
    let receiver = Receiver::start();
    let data = tempfile::tempdir().expect("a directory");
    let mut service = Service::start(&data.path().join("belfry"), &receiver.ca_pem);
    let urls: Vec<String> = (0..100).map(|n| receiver.url(&format!("/d{n}"))).collect();
    service.automations(&urls, scaled(100).max(10));
    let made = service.memory_mib().1;
    service.kill();
    service.start_again();
    service.call("GET", "/readyz", &Value::Null);
    println!("<!-- the most while they were configured: {made:.0} MiB -->");
    let now = service.memory_mib().0;
    println!("| RSS in MiB, idle, {} destinations configured | ≤ 64 | {now:.1} |", scaled(10_000));
}

fn memory_pending() {
    let receiver = Receiver::start();
    let data = tempfile::tempdir().expect("a directory");
    let mut service = Service::start(&data.path().join("belfry"), &receiver.ca_pem);
    let urls: Vec<String> = (0..10).map(|n| receiver.url(&format!("/d{n}"))).collect();
    let ids = service.automations(&urls, 10);
    let post = |path: &str| {
        for id in &ids {
            service.call("POST", &format!("/v1/integrations/{id}/{path}"), &json!({}));
        }
    };
    post("pause");
    let load = load(&service, scaled(100_000), 100, 10);
    load.run();
    receiver.reset(0);
    post("resume");
    // What goes out until it is killed counts, too.
    service.kill();
    std::thread::sleep(Duration::from_millis(100));
    let before = receiver.count();
    let began = service.start_again();
    wait_until("the first is received", || receiver.count() > before);
    let first = began.elapsed().as_secs_f64();
    let pending = scaled(1_000_000) as u64;
    wait_until("a tenth is received", || receiver.count() >= pending / 10);
    let (now, most) = service.memory_mib();
    println!("| s from start to the first delivery, {pending} pending | ≤ 2 | {first:.2} |");
    println!(
        "| RSS in MiB, {pending} pending and going out, now / most | ≤ 128 | {now:.1} / {most:.1} |"
    );
    let began = Instant::now();
    let already = receiver.count();
    wait_until("all are received", || receiver.count() >= pending);
    let rate = (pending - already) as f64 / began.elapsed().as_secs_f64();
    println!("<!-- a backlog goes out at {rate:.0} deliveries/s -->");
}
