//! Names for tests: answers handed to the library directly, and a name server on a UDP port for
//! whatever asks one.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use belfry::channel::egress::{Lookup, LookupError};
use futures_util::future::BoxFuture;

/// What a name server says.
#[derive(Debug, Clone)]
pub enum Answer {
    /// These addresses.
    Is(Vec<IpAddr>),
    /// Another name, with that name's addresses in the same answer.
    Alias(&'static str, Vec<IpAddr>),
    /// No such name.
    Unknown,
    /// The name is there, without addresses.
    Empty,
    /// SERVFAIL.
    Broken,
    /// Nothing, ever.
    Silent,
    /// This address to questions for IPv4, nothing to those for IPv6.
    DeafToIpv6(IpAddr),
}

impl Answer {
    pub fn is(addresses: &[&str]) -> Self {
        Self::Is(addresses.iter().map(|each| each.parse().unwrap()).collect())
    }
}

/// Answers in turn, the last one for ever; it also remembers what was asked.
#[derive(Default)]
pub struct Names {
    answers: Mutex<HashMap<String, Vec<Answer>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    pub fn new(answers: &[(&str, &[Answer])]) -> Arc<Self> {
        let answers =
            answers.iter().map(|(name, list)| ((*name).to_owned(), list.to_vec())).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: Mutex::default() })
    }

    /// The names that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn next(&self, name: &str) -> Answer {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        match answers.get_mut(name) {
            None => Answer::Unknown,
            Some(list) if list.len() > 1 => list.remove(0),
            Some(list) => list[0].clone(),
        }
    }
}

impl Lookup for Names {
    fn lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, LookupError>> {
        Box::pin(async move {
            match self.next(host) {
                Answer::Is(found) | Answer::Alias(_, found) => Ok(found),
                Answer::DeafToIpv6(v4) => Ok(vec![v4]),
                Answer::Unknown => Err(LookupError::NotFound(host.to_owned())),
                Answer::Empty => Err(LookupError::NoAddress(host.to_owned())),
                Answer::Broken => Err(LookupError::Failed {
                    host: host.to_owned(),
                    cause: "Server Failure".to_owned(),
                }),
                Answer::Silent => std::future::pending().await,
            }
        })
    }
}

/// A name server on 127.0.0.1; it ends when it is dropped.
pub struct NameServer {
    pub addr: SocketAddr,
    pub names: Arc<Names>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl NameServer {
    pub fn start(answers: &[(&str, &[Answer])]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let addr = socket.local_addr().unwrap();
        let names = Names::new(answers);
        let stop = Arc::new(AtomicBool::new(false));
        let (kept, stopped) = (Arc::clone(&names), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut packet = [0; 1500];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut packet) else { continue };
                if let Some(answer) = answer(&kept, &packet[..length]) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self { addr, names, stop, thread: Some(thread) }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

fn answer(names: &Names, query: &[u8]) -> Option<Vec<u8>> {
    let (name, end) = read_name(query, 12)?;
    let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
    let (code, records) = match names.next(&name) {
        Answer::Silent => return None,
        Answer::DeafToIpv6(_) if kind == AAAA => return None,
        Answer::DeafToIpv6(v4) => (0, addresses(&[0xc0, 12], kind, &[v4])),
        Answer::Unknown => (3, Vec::new()),
        Answer::Broken => (2, Vec::new()),
        Answer::Empty => (0, Vec::new()),
        Answer::Is(found) => (0, addresses(&[0xc0, 12], kind, &found)),
        Answer::Alias(other, found) => {
            let other = write_name(other);
            let mut records = vec![record(&[0xc0, 12], CNAME, &other)];
            records.extend(addresses(&other, kind, &found));
            (0, records)
        }
    };
    let count = u16::try_from(records.len()).unwrap().to_be_bytes();
    let mut bytes = query[..2].to_vec();
    bytes.extend([0x81, 0x80 | code, 0, 1, count[0], count[1], 0, 0, 0, 0]);
    bytes.extend(&query[12..end + 4]);
    bytes.extend(records.concat());
    Some(bytes)
}

fn addresses(name: &[u8], kind: u16, found: &[IpAddr]) -> Vec<Vec<u8>> {
    found
        .iter()
        .filter_map(|address| match (address, kind) {
            (IpAddr::V4(v4), A) => Some(record(name, A, &v4.octets())),
            (IpAddr::V6(v6), AAAA) => Some(record(name, AAAA, &v6.octets())),
            _ => None,
        })
        .collect()
}

fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = name.to_vec();
    bytes.extend(kind.to_be_bytes());
    // Class IN, to be forgotten at once.
    bytes.extend([0, 1, 0, 0, 0, 0]);
    bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(data);
    bytes
}

fn write_name(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn read_name(packet: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = packet.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
}
