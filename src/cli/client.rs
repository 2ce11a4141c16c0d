//! The API as the command line speaks to it: one service, one token, errors as sentences.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;
use url::{Host, Url};

use super::error::CliError;
use super::paint::plain;
use crate::domain::limits::{API_ANSWER_BYTES, API_PAUSE, API_TIMEOUT, API_TRIES};
use crate::domain::secret::Secret;

/// Where the service is that is spoken to when nothing else is said.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:8787";

/// Which service, and as whom. The token comes from the environment variable `BELFRY_TOKEN` or from a
/// file, never from an argument: those are seen by everybody on the machine.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServerArgs {
    /// Address of the service [env: BELFRY_SERVER] [default: http://127.0.0.1:8787].
    #[arg(long, value_name = "URL", global = true)]
    pub server: Option<String>,

    /// File with the API token; without it the environment variable BELFRY_TOKEN is used.
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<PathBuf>,

    /// Certificate authority (PEM) that signed the service's certificate, where it is a private one.
    #[arg(long, value_name = "FILE", global = true)]
    pub server_ca: Option<PathBuf>,
}

/// Why a call did not work.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Arguments or variables are wrong.
    #[error("{0}")]
    Misuse(String),
    /// A file can't be read.
    #[error("{path} can't be read")]
    File {
        /// Which.
        path: String,
        /// The machine's answer.
        source: std::io::Error,
    },
    /// The client itself could not be made.
    #[error("no connection can be made")]
    Client(#[source] reqwest::Error),
    /// The service was not reached, or broke off.
    #[error("{server} can't be reached: is `belfry serve` running there?")]
    Unreachable {
        /// Where it should be.
        server: String,
        /// What happened.
        source: reqwest::Error,
    },
    /// The service answered something that it never should.
    #[error("{server} did not answer like Belfry: {what}")]
    Strange {
        /// Where.
        server: String,
        /// What was strange.
        what: String,
    },
    /// The service refused, and said why.
    #[error("{0}")]
    Refused(Problem),
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Misuse(_) => Self::misuse(error),
            ClientError::File { .. }
            | ClientError::Client(_)
            | ClientError::Unreachable { .. }
            | ClientError::Strange { .. }
            | ClientError::Refused(_) => Self::failed(error),
        }
    }
}

/// A refusal in the service's words (RFC 9457).
#[derive(Debug, Clone, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What is wrong, in general.
    #[serde(default)]
    pub title: String,
    /// What is wrong here, and what to change.
    #[serde(default)]
    pub detail: String,
    /// What is wrong with single fields.
    #[serde(default)]
    pub errors: Vec<FieldProblem>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, Deserialize)]
pub struct FieldProblem {
    /// Where: a JSON pointer.
    #[serde(default)]
    pub pointer: String,
    /// What is wrong.
    #[serde(default)]
    pub detail: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sentence = plain(if self.detail.is_empty() { &self.title } else { &self.detail });
        if sentence.is_empty() {
            sentence = "the service refused".to_owned();
        }
        write!(f, "{sentence} (status {})", self.status)?;
        for error in &self.errors {
            let pointer = if error.pointer.is_empty() { "/" } else { &error.pointer };
            write!(f, "\n  {}: {}", plain(pointer), plain(&error.detail))?;
        }
        Ok(())
    }
}

/// One service, spoken to as one caller.
pub struct Client {
    http: reqwest::Client,
    server: Url,
    token: Option<Secret>,
}

impl Client {
    /// From arguments and environment.
    pub fn new(args: &ServerArgs) -> Result<Self, ClientError> {
        let server = match (&args.server, std::env::var("BELFRY_SERVER")) {
            (Some(server), _) => server.clone(),
            (None, Ok(server)) if !server.is_empty() => server,
            (None, _) => DEFAULT_SERVER.to_owned(),
        };
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .map_err(|source| ClientError::File { path: path.display().to_string(), source })
        };
        let token = match &args.token_file {
            Some(path) => Some(read(path)?.trim().to_owned()),
            None => std::env::var("BELFRY_TOKEN").ok().filter(|token| !token.is_empty()),
        };
        let ca_pem = args.server_ca.as_ref().map(read).transpose()?;
        Self::to(&server, token.map(Secret::new), ca_pem.as_deref())
    }

    /// To this service, with this token.
    pub fn to(
        server: &str,
        token: Option<Secret>,
        ca_pem: Option<&str>,
    ) -> Result<Self, ClientError> {
        let server = parse_server(server)?;
        // A provider may be installed already, by the service in the same process: as good as ours.
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::trace!("a TLS provider was installed before");
        }
        let mut builder = reqwest::Client::builder()
            .timeout(API_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("belfry/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&server) {
            builder = builder.no_proxy();
        }
        if server.scheme() == "http" {
            // Without TLS no authority is asked, so that a machine without any can use the command.
            builder = builder.tls_certs_only([]);
        } else if let Some(pem) = ca_pem {
            let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
                .map_err(ClientError::Client)?;
            builder = builder.tls_certs_only(certificates);
        }
        let http = builder.build().map_err(ClientError::Client)?;
        Ok(Self { http, server, token })
    }

    /// GET; `query` is already encoded.
    pub async fn read(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, ClientError> {
        self.call(Method::GET, path, query, None).await
    }

    /// POST with a JSON body, or without one.
    pub async fn post(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Value, ClientError> {
        self.call(Method::POST, path, query, body).await
    }

    /// POST with a JSON body on what was seen: If-Match.
    pub async fn post_if_match(
        &self,
        path: &str,
        body: Vec<u8>,
        etag: &str,
    ) -> Result<Value, ClientError> {
        let seen =
            HeaderValue::from_str(etag).map_err(|_| self.strange("its ETag can't be sent back"))?;
        self.call_with(Method::POST, path, &[], Some(body), Some(seen)).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<Value, ClientError> {
        self.call_with(method, path, query, body, None).await
    }

    /// Makes a call, and makes it again a bounded number of times where the service asks for a pause
    /// (429 and 503). That is safe for every call: nothing of a refused one was done.
    async fn call_with(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Vec<u8>>,
        seen: Option<HeaderValue>,
    ) -> Result<Value, ClientError> {
        let mut url = self.server.clone();
        url.set_path(&format!("{}{path}", self.server.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let body = body.map(bytes::Bytes::from);
        let mut tries = 1;
        loop {
            let mut request = self.request(method.clone(), url.clone(), body.clone())?;
            if let Some(seen) = &seen {
                request = request.header(IF_MATCH, seen);
            }
            let response = request.send().await.map_err(|e| self.unreachable(e))?;
            let status = response.status();
            let pause = match (status.as_u16(), pause(response.headers().get(RETRY_AFTER))) {
                (429 | 503, Some(pause)) if tries < API_TRIES => Some(pause),
                _ => None,
            };
            if let Some(pause) = pause {
                tracing::info!(?pause, status = status.as_u16(), "the service asks for a pause");
                tries += 1;
                tokio::time::sleep(pause).await;
                continue;
            }
            let bytes = self.bytes(response).await?;
            return if status.is_success() {
                self.value(&bytes)
            } else {
                Err(self.refusal(status.as_u16(), &bytes))
            };
        }
    }

    fn request(
        &self,
        method: Method,
        url: Url,
        body: Option<bytes::Bytes>,
    ) -> Result<reqwest::RequestBuilder, ClientError> {
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| ClientError::Misuse("the token holds a line break or such".into()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        Ok(request)
    }

    async fn bytes(&self, mut response: reqwest::Response) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.unreachable(e))? {
            if bytes.len() + chunk.len() > API_ANSWER_BYTES {
                return Err(self.strange("its answer is too large"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn value(&self, bytes: &[u8]) -> Result<Value, ClientError> {
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(bytes).map_err(|_| self.strange("its answer is not JSON"))
    }

    fn refusal(&self, status: u16, bytes: &[u8]) -> ClientError {
        match serde_json::from_slice::<Problem>(bytes) {
            Ok(mut problem) => {
                problem.status = status;
                if status == 401 && self.token.is_none() {
                    let hint = " Set BELFRY_TOKEN, or give --token-file.";
                    problem.detail.push_str(hint);
                }
                ClientError::Refused(problem)
            }
            Err(_) => self.strange(&format!("status {status}")),
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> ClientError {
        ClientError::Unreachable { server: self.shown(), source: error.without_url() }
    }

    /// The service answered something that it never should.
    pub fn strange(&self, what: &str) -> ClientError {
        ClientError::Strange { server: self.shown(), what: what.to_owned() }
    }

    fn shown(&self) -> String {
        self.server.as_str().trim_end_matches('/').to_owned()
    }
}

fn parse_server(text: &str) -> Result<Url, ClientError> {
    let wrong = |why: &str| {
        let mut sentence = format!("`{}` is not the address of a service: ", plain(text));
        // Writing into a String can't fail.
        let _infallible = write!(sentence, "{why}, as in {DEFAULT_SERVER}");
        ClientError::Misuse(sentence)
    };
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it begins with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The text is not repeated: it may hold a password.
        let why = "the address of the service must not hold a user name or password";
        return Err(ClientError::Misuse(why.to_owned()));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// How long to wait before the call is made again; seconds only, as Belfry gives them.
fn pause(value: Option<&HeaderValue>) -> Option<Duration> {
    let seconds: u64 = value?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(API_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_address_is_refused_without_its_password() {
        for (text, part) in [
            ("127.0.0.1:8787", "is not the address of a service"),
            ("ftp://host", "begins with http:// or https://"),
            ("http://", "empty host"),
            ("https://me:hunter2@host/", "must not hold a user name"),
        ] {
            let told = parse_server(text).unwrap_err().to_string();
            assert!(told.contains(part), "{text}: {told}");
            assert!(!told.contains("hunter2"));
        }
    }

    #[test]
    fn a_problem_is_told_as_sentences() {
        let problem: Problem = serde_json::from_str(
            r#"{"type":"x","title":"Bad","status":400,"detail":"Two fields\nare wrong.",
                "errors":[{"pointer":"/name","detail":"it is empty"}]}"#,
        )
        .unwrap();
        assert_eq!(problem.to_string(), "Two fields are wrong. (status 400)\n  /name: it is empty");
    }
}
