//! Callers that post records: each on a kept connection, one call after the other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What to post.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) addr: SocketAddr,
    pub(crate) token: String,
    /// Distinguishes the records of this run from those of any other.
    pub(crate) run: String,
    pub(crate) records: usize,
    pub(crate) a_call: usize,
    pub(crate) callers: usize,
    /// Records go round so many segments.
    pub(crate) segments: usize,
    /// The last fifth of the segments is exchanged for those behind them.
    pub(crate) shifted: bool,
    /// Calls a second over all callers; as fast as it goes where there is none.
    pub(crate) calls_a_second: Option<f64>,
}

impl Load {
    pub(crate) fn segment(&self, number: usize) -> usize {
        let segment = number % self.segments;
        let fifth = self.segments / 5;
        if self.shifted && segment >= self.segments - fifth { segment + fifth } else { segment }
    }

    /// Posts all records; returns when each call was begun, by its first record's number.
    pub(crate) fn run(&self) -> Vec<Option<Instant>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let next = Arc::new(AtomicUsize::new(0));
            let began = Instant::now();
            let callers = (0..self.callers)
                .map(|_| tokio::spawn(caller(self.clone(), Arc::clone(&next), began)));
            let mut begun = vec![None; self.records];
            for caller in callers.collect::<Vec<_>>() {
                for (number, at) in caller.await.expect("a caller ends well") {
                    begun[number] = Some(at);
                }
            }
            begun
        })
    }
}

async fn caller(load: Load, next: Arc<AtomicUsize>, began: Instant) -> Vec<(usize, Instant)> {
    let mut socket = tokio::net::TcpStream::connect(load.addr).await.expect("it listens");
    socket.set_nodelay(true).expect("no delay");
    let mut begun = Vec::new();
    let mut answer = Vec::with_capacity(64 * 1024);
    loop {
        let first = next.fetch_add(load.a_call, Ordering::Relaxed);
        if first >= load.records {
            return begun;
        }
        if let Some(rate) = load.calls_a_second {
            let at = began + Duration::from_secs_f64((first / load.a_call) as f64 / rate);
            tokio::time::sleep_until(at.into()).await;
        }
        let last = (first + load.a_call).min(load.records);
        let request = request(&load, first, last);
        begun.push((first, Instant::now()));
        socket.write_all(&request).await.expect("the request is sent");
        read_answer(&mut socket, &mut answer).await;
        assert!(answer.starts_with(b"HTTP/1.1 202"), "{}", String::from_utf8_lossy(&answer));
    }
}

fn request(load: &Load, first: usize, last: usize) -> Vec<u8> {
    let record = |number: usize| {
        format!(
            r#"{{"id":"{}-{number:07}","org_id":"acme","content":"This is the third time that our invoices are wrong, and nobody calls back. If it is not mended by Friday our lawyers will write to you, and we will tell the regulator.","source":"ZendeskSupport","created_at":"2026-06-27T11:58:00Z","source_url":"https://acme.example.com/tickets/{number}","segment":"s{}","levels":{{"escalation_level":"extreme","emotional_intensity_level":"high","sentiment_shift":"sentiment degraded"}}}}"#,
            load.run,
            load.segment(number)
        )
    };
    let records: Vec<String> = (first..last).map(record).collect();
    let body = format!(r#"{{"records":[{}]}}"#, records.join(","));
    format!(
        "POST /v1/records HTTP/1.1\r\nhost: belfry\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        load.token,
        body.len()
    )
    .into_bytes()
}

async fn read_answer(socket: &mut tokio::net::TcpStream, answer: &mut Vec<u8>) {
    answer.clear();
    let mut chunk = [0_u8; 16 * 1024];
    loop {
        let read = socket.read(&mut chunk).await.expect("an answer");
        assert!(read > 0, "the connection was closed");
        answer.extend_from_slice(&chunk[..read]);
        let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let length = head.split("content-length:").nth(1).and_then(|rest| {
            rest.split("\r\n").next().and_then(|number| number.trim().parse::<usize>().ok())
        });
        if answer.len() >= end + 4 + length.expect("a length") {
            return;
        }
    }
}
