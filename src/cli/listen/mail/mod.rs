//! A mail server of one's own (RFC 5321): it takes mail, shows it, and refuses, delays and breaks off on
//! request. What it says stands in `conversation`; here are the sockets.

mod conversation;
mod seen;
mod show;

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::receiver::StartError;
use crate::cli::certificate::{Throwaway, server_config};
use crate::domain::limits::{
    MAILBOX_IDLE, MAILBOX_LINE_BYTES, RECEIVER_ALERTS, RECEIVER_CONNECTIONS, RECEIVER_HANDSHAKE,
};
use crate::domain::mail_server::Security;
use crate::domain::secret::Secret;
use conversation::{Conversation, Then};
pub use conversation::{MailTrouble, Refusal};
pub use seen::MailSeen;
pub use show::mail_lines;

/// Told of each mail, before it is answered.
pub type MailWatcher = Box<dyn FnMut(&MailSeen) + Send>;

/// What a mailbox is told.
pub struct MailOptions {
    /// Where it listens; port 0 lets the machine choose.
    pub listen: SocketAddr,
    /// Certificate chain and key as PEM; without them throwaway ones are made.
    pub certificate: Option<(String, String)>,
    /// How connections are secured.
    pub security: Security,
    /// Who must sign in, with which password.
    pub login: Option<(String, Secret)>,
    /// What goes wrong.
    pub trouble: MailTrouble,
    /// A file that a line is appended to for each mail.
    pub log: Option<PathBuf>,
    /// Told of each mail.
    pub watcher: Option<MailWatcher>,
}

impl Default for MailOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            certificate: None,
            security: Security::StartTls,
            login: None,
            trouble: MailTrouble::default(),
            log: None,
            watcher: None,
        }
    }
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct MailCounts {
    /// Mails that came whole.
    pub mails: u64,
    /// Those that were taken.
    pub taken: u64,
    /// Taken ones that had been taken before for the same address.
    pub duplicates: u64,
    /// Addresses that were refused or put off.
    pub refused: u64,
}

struct Shared {
    security: Security,
    login: Option<(String, Secret)>,
    trouble: MailTrouble,
    memory: Mutex<Memory>,
}

/// What is remembered of mails, the oldest forgotten first.
#[derive(Default)]
struct Memory {
    counts: MailCounts,
    /// How often each mail came, and whom it was taken for.
    mails: HashMap<String, (u32, Vec<String>)>,
    order: VecDeque<String>,
    /// Addresses that were put off once.
    greylisted: VecDeque<String>,
    log: Option<std::fs::File>,
    watcher: Option<MailWatcher>,
}

/// A mail server that listens until it is stopped or dropped.
pub struct Mailbox {
    address: SocketAddr,
    ca_pem: Option<String>,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Mailbox {
    /// Listens, and serves in tasks of the current runtime.
    ///
    /// # Errors
    /// It can't listen, or a file can't be used.
    pub async fn start(options: MailOptions) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { address: options.listen, source };
        let (ca_pem, chain, key) = match options.certificate {
            Some((chain, key)) => (None, chain, key),
            None => {
                let made = Throwaway::make(options.listen.ip())?;
                (Some(made.ca_pem), made.certificate_pem, made.key_pem)
            }
        };
        let acceptor = TlsAcceptor::from(server_config(&chain, &key)?);
        let log = options.log.map(|path| {
            let opened = std::fs::OpenOptions::new().create(true).append(true).open(&path);
            opened.map_err(|source| StartError::Log { path: path.display().to_string(), source })
        });
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let memory =
            Memory { log: log.transpose()?, watcher: options.watcher, ..Memory::default() };
        let shared = Arc::new(Shared {
            security: options.security,
            login: options.login,
            trouble: options.trouble,
            memory: Mutex::new(memory),
        });
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(listener, acceptor, Arc::clone(&shared), stopped));
        Ok(Self { address, ca_pem, shared, stop, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `localhost:2525`: the name that its certificate has.
    pub fn place(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// The throwaway authority's certificate, where it is one.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Ends all connections.
    pub async fn stop(self) -> MailCounts {
        // The task may have ended by itself.
        let _gone = self.stop.send(true);
        let _ended = self.task.await;
        self.shared.memory().counts
    }
}

impl Shared {
    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            taken = listener.accept(), if connections.len() < RECEIVER_CONNECTIONS => {
                match taken {
                    Ok((stream, _)) => {
                        connections.spawn(serve(stream, acceptor.clone(), Arc::clone(&shared)));
                    }
                    // Out of file descriptors, most likely: let a connection end first.
                    Err(error) => {
                        tracing::debug!(%error, "a connection could not be taken");
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
        }
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    // Errors of a connection are the other side's affair.
    if let Err(error) = serve_one(stream, acceptor, &shared).await {
        tracing::debug!(%error, "a mail connection ended");
    }
}

async fn serve_one(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
    shared: &Shared,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut conversation = Conversation::new(shared.security, shared.login.is_some());
    if shared.security != Security::Tls {
        if shared.security == Security::None {
            return converse(&mut stream, &mut conversation, shared, true).await.map(|_| ());
        }
        if converse(&mut stream, &mut conversation, shared, true).await? != Ended::ForTls {
            return Ok(());
        }
    }
    let handshake = tokio::time::timeout(RECEIVER_HANDSHAKE, acceptor.accept(stream)).await;
    let mut stream = handshake.map_err(|_| std::io::ErrorKind::TimedOut)??;
    conversation.secured();
    let greet = shared.security == Security::Tls;
    converse(&mut stream, &mut conversation, shared, greet).await?;
    stream.shutdown().await
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Closed,
    ForTls,
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    conversation: &mut Conversation,
    shared: &Shared,
    greet: bool,
) -> std::io::Result<Ended> {
    if greet {
        stream.write_all(b"220 localhost Belfry's mailbox\r\n").await?;
    }
    let mut buffer = Vec::new();
    loop {
        let Some(line) = line(stream, &mut buffer).await? else { return Ok(Ended::Closed) };
        let reply = shared.hear(conversation, &line);
        if let Then::Stall(span) = reply.then {
            tokio::time::sleep(span).await;
        }
        stream.write_all(reply.text.as_bytes()).await?;
        match reply.then {
            Then::Go | Then::Stall(_) => {}
            Then::Close => return Ok(Ended::Closed),
            // What came behind STARTTLS is thrown away (RFC 3207, section 4.2).
            Then::StartTls => return Ok(Ended::ForTls),
        }
    }
}

/// The next line without its end; nothing at the end of the stream.
async fn line<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let mut line: Vec<u8> = buffer.drain(..=end).collect();
            line.truncate(line.len().saturating_sub(1));
            if line.last() == Some(&b'\r') {
                line.truncate(line.len().saturating_sub(1));
            }
            return Ok(Some(line));
        }
        if buffer.len() > MAILBOX_LINE_BYTES {
            return Err(std::io::Error::other("a line has no end"));
        }
        let mut chunk = [0_u8; 4096];
        let count = tokio::time::timeout(MAILBOX_IDLE, stream.read(&mut chunk)).await;
        match count.map_err(|_| std::io::ErrorKind::TimedOut)?? {
            0 => return Ok(None),
            count => buffer.extend_from_slice(chunk.get(..count).unwrap_or_default()),
        }
    }
}

impl Shared {
    fn hear(&self, conversation: &mut Conversation, line: &[u8]) -> conversation::Reply {
        let mut memory = self.memory();
        let login = self.login.as_ref().map(|(name, secret)| (name.as_str(), secret.expose()));
        let reply = conversation.hear(line, &self.trouble, login, &mut memory.greylisted);
        memory.greylisted.truncate(RECEIVER_ALERTS);
        let Some(mail) = conversation.take() else {
            if reply.refused {
                memory.counts.refused += 1;
            }
            return reply;
        };
        let (seen, answer) = memory.judge(mail, &self.trouble);
        memory.tell(&seen);
        let then = match (self.trouble.stall, self.trouble.cut) {
            (_, true) => Then::Close,
            (Some(span), false) => Then::Stall(span),
            (None, false) => Then::Go,
        };
        let text = if self.trouble.cut { String::new() } else { answer };
        conversation::Reply { text, then, refused: false }
    }
}

impl Memory {
    /// Whether a mail is taken, and what is known of it.
    fn judge(&mut self, mail: conversation::Mail, trouble: &MailTrouble) -> (MailSeen, String) {
        let mut seen = MailSeen::read(mail);
        let id = seen.message_id.clone().unwrap_or_default();
        if !self.mails.contains_key(&id) {
            self.order.push_back(id.clone());
            if self.order.len() > RECEIVER_ALERTS
                && let Some(oldest) = self.order.pop_front()
            {
                self.mails.remove(&oldest);
            }
        }
        let (tries, taken) = self.mails.entry(id).or_default();
        *tries = tries.saturating_add(1);
        seen.attempt = *tries;
        let fails = trouble.fail_first.is_none_or(|first| *tries <= first);
        let status = match (trouble.status, trouble.fail_first) {
            (Some(status), _) if fails => status,
            (None, Some(_)) if fails => 451,
            _ => 250,
        };
        seen.answer = status;
        self.counts.mails += 1;
        if status == 250 {
            seen.duplicate = seen.to.iter().any(|to| taken.contains(to));
            taken.extend(seen.to.iter().cloned());
            self.counts.taken += 1;
            self.counts.duplicates += u64::from(seen.duplicate);
        }
        let words = match status {
            250 => "2.0.0 taken",
            400..=499 => "4.3.0 try again later",
            _ => "5.7.1 not this one",
        };
        (seen, format!("{status} {words}\r\n"))
    }

    fn tell(&mut self, seen: &MailSeen) {
        if let Some(log) = &mut self.log {
            let line = seen.line();
            if let Err(error) = log.write_all(line.as_bytes()) {
                tracing::error!(%error, "a mail can't be written to the log");
            }
        }
        if let Some(watcher) = &mut self.watcher {
            watcher(seen);
        }
    }
}
