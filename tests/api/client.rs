//! A client that shows exactly what comes back, and can send what no proper client would.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(each, _)| each.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a refusal, which must have the form that all refusals have.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{self:?}");
        let code = problem["code"].as_str().expect("a code");
        assert_eq!(problem["type"], format!("urn:belfry:problem:{code}"));
        code.to_owned()
    }

    /// The pointers of a refusal's errors.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let problem = self.json();
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|each| each["pointer"].as_str().unwrap().to_owned()).collect()
    }
}

/// Sends these bytes on a connection of their own, and reads until the end.
pub(crate) fn exchange(addr: SocketAddr, request: &[u8]) -> Answer {
    let mut socket = connect(addr);
    // A server that refuses early may close before all is sent.
    let _refused_early = socket.write_all(request);
    read_answer(&mut socket)
}

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(addr).expect("it listens");
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    socket
}

/// One answer, by its length.
pub(crate) fn read_answer(socket: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        let mut chunk = [0; 4096];
        let count = socket.read(&mut chunk).expect("an answer in time");
        assert_ne!(count, 0, "it was closed: {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&chunk[..count]);
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).expect("a head of text");
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").expect("a header"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut answer = Answer { status, headers, body: String::new() };
    let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        let mut chunk = [0; 4096];
        let count = socket.read(&mut chunk).expect("the body in time");
        assert_ne!(count, 0, "the body was cut");
        body.extend_from_slice(&chunk[..count]);
    }
    answer.body = String::from_utf8(body).expect("a body of text");
    answer
}
