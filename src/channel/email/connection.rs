//! A connection to the mail server: to an address that the policy allows, secured as the settings say, and
//! bounded in what the server may say. From there on `lettre` speaks the protocol.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::settings::SmtpSettings;
use crate::channel::egress::{Egress, NoAddress};
use crate::channel::https::{Mask, cause, lookup_kind};
use crate::channel::tls;
use crate::domain::delivery::Phases;
use crate::domain::limits::{FAULT_DETAIL_CHARS, SMTP_REPLY_BYTES, SMTP_WORDS_CHARS};
use crate::domain::mail_server::Security;
use crate::domain::outcome::{Fault, FaultKind};

/// A session with the server, ready for a mail.
pub(super) struct Connection {
    pub(super) smtp: AsyncSmtpConnection,
    pub(super) peer: SocketAddr,
    /// When it was last used.
    pub(super) used_at: Instant,
}

/// How far an attempt has come, for the words of a timeout.
pub(super) type Reached = std::cell::Cell<&'static str>;

/// What is needed to connect.
pub(super) struct Dial<'a> {
    pub(super) settings: &'a SmtpSettings,
    pub(super) egress: &'a Egress,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) mask: &'a Mask,
    pub(super) reached: &'a Reached,
}

impl Dial<'_> {
    /// Connects, secures the connection and signs in.
    pub(super) async fn connect(&self, phases: &mut Phases) -> Result<Connection, Fault> {
        let (mut stream, peer) = self.dial(phases).await?;
        let hello = ClientId::Domain(self.settings.hello_name.clone());
        let begun = Instant::now();
        let stream: Box<dyn AsyncTokioStream> = match self.settings.security {
            Security::None => Box::new(Line::new(stream, peer, b"")),
            Security::Tls => {
                let stream = self.secure(stream, peer).await?;
                phases.tls = Some(begun.elapsed());
                Box::new(Line::new(stream, peer, b""))
            }
            Security::StartTls => {
                self.ask_for_tls(&mut stream).await?;
                let begun = Instant::now();
                let stream = self.secure(stream, peer).await?;
                phases.tls = Some(begun.elapsed());
                // The server has greeted already, and lettre waits for that first.
                Box::new(Line::new(stream, peer, b"220 secured\r\n"))
            }
        };
        self.reached.set("greeting");
        let connected = AsyncSmtpConnection::connect_with_transport(stream, &hello).await;
        let mut smtp = connected.map_err(|error| self.fault(&error))?;
        if let Some(login) = &self.settings.login {
            self.reached.set("the login");
            let credentials =
                Credentials::new(login.username.clone(), login.password.expose().to_owned());
            let signed_in = smtp.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
            signed_in.map_err(|error| self.login_fault(&error))?;
        }
        Ok(Connection { smtp, peer, used_at: Instant::now() })
    }

    async fn dial(&self, phases: &mut Phases) -> Result<(TcpStream, SocketAddr), Fault> {
        let SmtpSettings { host, port, .. } = self.settings;
        self.reached.set("looking its name up");
        let begun = Instant::now();
        let found = self.egress.addresses(host, *port).await;
        phases.resolve = Some(begun.elapsed());
        let addresses = found.map_err(|error| match error {
            NoAddress::Denied(denied) => self.told(FaultKind::EgressDenied, &denied.to_string()),
            NoAddress::Lookup(error) => self.told(lookup_kind(&error), &error.to_string()),
        })?;
        self.reached.set("connecting");
        let begun = Instant::now();
        // One that drops packets must leave time for the next.
        let share = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let share = self.settings.timeout / share;
        let mut last = None;
        for address in &addresses {
            match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    phases.connect = Some(begun.elapsed());
                    // What is written is a whole line each time, and waited for.
                    let _only_slower = stream.set_nodelay(true);
                    return Ok((stream, *address));
                }
                Ok(Err(error)) => last = Some(error),
                Err(_) => last = Some(io::ErrorKind::TimedOut.into()),
            }
        }
        let places: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let places = places.join(", ");
        let error = last.unwrap_or_else(|| io::Error::other("there is no address"));
        let (kind, detail) = if error.kind() == io::ErrorKind::ConnectionRefused {
            (FaultKind::Refused, format!("no mail server listens at {places}"))
        } else if error.kind() == io::ErrorKind::TimedOut {
            let words = "no answer; a firewall may be dropping packets";
            (FaultKind::Timeout, format!("connecting at {places}: {words}"))
        } else {
            (FaultKind::Connect, format!("{error} at {places}"))
        };
        Err(self.told(kind, &detail))
    }

    async fn secure(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Fault> {
        self.reached.set("the TLS handshake");
        let name = match &self.settings.host {
            url::Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| {
                self.told(FaultKind::Tls, "smtp.host can stand in no certificate: correct it")
            })?,
            url::Host::Ipv4(v4) => ServerName::IpAddress((*v4).into()),
            url::Host::Ipv6(v6) => ServerName::IpAddress((*v6).into()),
        };
        let secured = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        secured.map_err(|error| {
            let rustls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            let detail = match rustls {
                // Plain words of SMTP where TLS should begin are what a port of STARTTLS says.
                Some(rustls::Error::InvalidMessage(_))
                    if self.settings.security == Security::Tls =>
                {
                    "what answers there is no TLS: is it a port for smtp.tls = \"starttls\"?"
                        .to_owned()
                }
                Some(error) => tls::words(error),
                None => format!("the connection ended in the TLS handshake at {peer}"),
            };
            self.told(FaultKind::Tls, &detail)
        })
    }

    /// The part of the conversation before TLS (RFC 3207). Nothing that was said in it counts afterwards.
    async fn ask_for_tls(&self, stream: &mut TcpStream) -> Result<(), Fault> {
        self.reached.set("greeting");
        self.expect(stream, 220).await?;
        stream
            .write_all(format!("EHLO {}\r\n", self.settings.hello_name).as_bytes())
            .await
            .map_err(|error| self.broken(&error))?;
        let offered = self.expect(stream, 250).await?;
        let offers = offered.lines().skip(1).filter_map(|line| line.get(4..));
        if !offers.into_iter().any(|word| word.trim().eq_ignore_ascii_case("STARTTLS")) {
            return Err(self.told(
                FaultKind::Tls,
                "the server offers no STARTTLS, and nothing is sent without TLS: set smtp.tls = \"tls\" with \
                 its port, or \"none\" if everybody on the way may read the alerts",
            ));
        }
        stream.write_all(b"STARTTLS\r\n").await.map_err(|error| self.broken(&error))?;
        self.reached.set("STARTTLS");
        self.expect(stream, 220).await?;
        Ok(())
    }

    /// A whole reply of that code, and nothing behind it: what stood there would be taken for said in TLS.
    async fn expect(&self, stream: &mut TcpStream, code: u16) -> Result<String, Fault> {
        let mut reply = Vec::new();
        let mut chunk = [0_u8; 1024];
        loop {
            let count = stream.read(&mut chunk).await.map_err(|error| self.broken(&error))?;
            if count == 0 {
                return Err(self.broken(&io::ErrorKind::UnexpectedEof.into()));
            }
            reply.extend_from_slice(chunk.get(..count).unwrap_or_default());
            if let Some(end) = end_of_reply(&reply) {
                if reply.len() > end {
                    let words = "the server spoke out of turn before TLS: nothing is sent";
                    return Err(self.told(FaultKind::BadResponse, words));
                }
                break;
            }
            if reply.len() > SMTP_REPLY_BYTES {
                return Err(self.told(FaultKind::BadResponse, "its reply has no end"));
            }
        }
        let reply = String::from_utf8_lossy(&reply).into_owned();
        match reply.get(..3).and_then(|digits| digits.parse::<u16>().ok()) {
            Some(found) if found == code => Ok(reply),
            Some(found) => {
                let words = reply.lines().next_back().and_then(|line| line.get(4..));
                let words = words.unwrap_or_default();
                Err(self.told(FaultKind::Rejected, &format!("it answered {found} {words}")))
            }
            None => Err(self.told(FaultKind::BadResponse, "what answers there is no mail server")),
        }
    }

    fn login_fault(&self, error: &lettre::transport::smtp::Error) -> Fault {
        if let Some(code) = error.status() {
            let words = self.words(error);
            let detail = format!(
                "the login was refused ({code} {words}): check smtp.username and the password"
            );
            return self.told(FaultKind::Rejected, &detail);
        }
        if error.is_client() {
            let words = "the server takes no login by PLAIN or LOGIN: leave smtp.username out, or have it \
                         offer one of them";
            return self.told(FaultKind::Rejected, words);
        }
        self.fault(error)
    }

    /// What an error of the protocol is, where it is no answer to a mail.
    pub(super) fn fault(&self, error: &lettre::transport::smtp::Error) -> Fault {
        if let Some(code) = error.status() {
            let detail = format!("it answered {code} {}", self.words(error));
            return self.told(FaultKind::Rejected, detail.trim_end());
        }
        let source = std::error::Error::source(error);
        if let Some(error) = source.and_then(|source| source.downcast_ref::<io::Error>()) {
            return self.broken(error);
        }
        if error.is_response() {
            let at = self.reached.get();
            let detail = format!("its reply to {at} was not understood, or the connection ended");
            return self.told(FaultKind::BadResponse, &detail);
        }
        self.told(FaultKind::Internal, &error.to_string())
    }

    /// The server's own words beside a code, in one harmless line.
    pub(super) fn words(&self, error: &lettre::transport::smtp::Error) -> String {
        let source = std::error::Error::source(error);
        self.clean(&source.map(ToString::to_string).unwrap_or_default())
    }

    /// A server's words in one harmless line.
    pub(super) fn clean(&self, words: &str) -> String {
        cause(words.trim(), self.mask, SMTP_WORDS_CHARS)
    }

    fn broken(&self, error: &io::Error) -> Fault {
        let at = self.reached.get();
        if error.kind() == io::ErrorKind::InvalidData {
            return self.told(FaultKind::BadResponse, &format!("at {at}: {error}"));
        }
        self.told(FaultKind::Reset, &format!("the connection ended at {at}"))
    }

    /// A fault whose detail holds nothing that must not be seen.
    pub(super) fn told(&self, kind: FaultKind, detail: &str) -> Fault {
        Fault { kind, detail: cause(detail, self.mask, FAULT_DETAIL_CHARS) }
    }
}

/// Where a reply ends, which may have several lines: behind the first whose code no `-` follows
/// (RFC 5321, section 4.2.1).
fn end_of_reply(bytes: &[u8]) -> Option<usize> {
    let mut begin = 0;
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        let line = bytes.get(begin..at).unwrap_or_default();
        if line.get(3) != Some(&b'-') {
            return Some(at + 1);
        }
        begin = at + 1;
    }
    None
}

/// A stream that ends where the server talks on and on between two of our lines, which `lettre` would
/// collect for as long as it comes. It may begin with words of ours.
struct Line<S> {
    inner: S,
    peer: SocketAddr,
    first: &'static [u8],
    left: usize,
}

impl<S> Line<S> {
    fn new(inner: S, peer: SocketAddr, first: &'static [u8]) -> Self {
        Self { inner, peer, first, left: SMTP_REPLY_BYTES }
    }
}

impl<S> fmt::Debug for Line<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({})", self.peer)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for Line<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let count = self.first.len().min(buffer.remaining());
            let (now, later) = self.first.split_at(count);
            buffer.put_slice(now);
            self.first = later;
            return Poll::Ready(Ok(()));
        }
        if self.left == 0 {
            let words = "its reply has no end";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, words)));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        let count = buffer.filled().len().saturating_sub(before);
        self.left = self.left.saturating_sub(count);
        let is_over = matches!(polled, Poll::Ready(Ok(()))) && count == 0;
        // What `lettre` makes of an end is an answer that it does not understand.
        if is_over && buffer.remaining() > 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.left = SMTP_REPLY_BYTES;
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::end_of_reply;

    #[test]
    fn a_reply_ends_with_its_last_line() {
        for (bytes, end) in [
            ("220 hello\r\n", Some(11)),
            ("220 hello", None),
            ("250-a\r\n250-b\r\n", None),
            ("250-a\r\n250 b\r\n", Some(14)),
            ("250-a\r\n250 b\r\nMORE", Some(14)),
            ("\n", Some(1)),
            ("", None),
        ] {
            assert_eq!(end_of_reply(bytes.as_bytes()), end, "{bytes:?}");
        }
    }
}
