//! A mail server in some mood, over TLS from its start, and for its worst moods by hand: no library would
//! say such things.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::kinds::{Mood, SECRET};
use crate::receiver::Identity;

#[derive(Debug, Default, Clone)]
pub(crate) struct Kept {
    pub(crate) connections: usize,
    pub(crate) mails: usize,
}

/// Stops when it is dropped.
pub(crate) struct Mailbox {
    pub(crate) addr: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    thread: Option<(tokio::sync::oneshot::Sender<()>, std::thread::JoinHandle<()>)>,
}

impl Mailbox {
    pub(crate) fn start(identity: Identity, mood: Mood) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let known = Arc::clone(&kept);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, identity, mood, known) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { addr, kept, thread: Some((stop, thread)) }
    }

    pub(crate) fn kept(&self) -> Kept {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            drop(stop);
            drop(thread.join());
        }
    }
}

async fn accept(listener: TcpListener, identity: Identity, mood: Mood, kept: Arc<Mutex<Kept>>) {
    let acceptor = TlsAcceptor::from(identity.server_config(&[]));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        kept.lock().unwrap().connections += 1;
        let (acceptor, kept) = (acceptor.clone(), Arc::clone(&kept));
        tokio::spawn(async move {
            // Whatever the client does to us is no failure of the server.
            drop(serve(stream, acceptor, mood, &kept).await);
        });
    }
}

type Tls = TlsStream<TcpStream>;

async fn serve(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    mood: Mood,
    kept: &Mutex<Kept>,
) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    match mood {
        Mood::Hangs => {
            while stream.read(&mut [0; 4096]).await? > 0 {}
            return Ok(());
        }
        Mood::Drips => {
            let mut beat = tokio::time::interval(Duration::from_millis(5));
            for byte in b"220-and more\r\n".iter().cycle() {
                beat.tick().await;
                stream.write_all(&[*byte]).await?;
                stream.flush().await?;
            }
        }
        Mood::Closes => return stream.shutdown().await,
        Mood::SpeaksNonsense => {
            stream.write_all(format!("nonsense {SECRET}\r\n").as_bytes()).await?;
            return stream.shutdown().await;
        }
        Mood::FloodsItsHead => loop {
            stream.write_all(&[b'x'; 4096]).await?;
        },
        Mood::Takes
        | Mood::TakesAndFloods
        | Mood::IsUnwell
        | Mood::RefusesThisOne
        | Mood::Echoes => {}
    }
    stream.write_all(b"220 mood\r\n").await?;
    converse(&mut stream, mood, kept).await
}

async fn converse(stream: &mut Tls, mood: Mood, kept: &Mutex<Kept>) -> std::io::Result<()> {
    let mut heard = Vec::new();
    let mut in_mail = false;
    loop {
        let Some(line) = line(stream, &mut heard).await? else { return Ok(()) };
        if in_mail && line != "." {
            continue;
        }
        let said = if in_mail {
            in_mail = false;
            kept.lock().unwrap().mails += 1;
            let more = if mood == Mood::TakesAndFloods { 2000 } else { 0 };
            format!("{}250 taken\r\n", "250-and more\r\n".repeat(more))
        } else {
            match (line.split(' ').next().unwrap_or_default(), mood) {
                ("EHLO", _) => "250-mood\r\n250 AUTH PLAIN\r\n".to_owned(),
                ("AUTH", Mood::Echoes) => {
                    // What it decodes to, as well as what came.
                    use base64::Engine as _;
                    let coded = line.rsplit(' ').next().unwrap_or_default();
                    let plain = base64::engine::general_purpose::STANDARD.decode(coded).unwrap();
                    let plain = String::from_utf8_lossy(&plain).replace('\0', " ");
                    format!("535 {line} is {plain}\r\n")
                }
                ("AUTH", _) => "235 welcome\r\n".to_owned(),
                ("MAIL", Mood::IsUnwell) => "421 not now\r\n".to_owned(),
                ("RCPT", Mood::RefusesThisOne) => "450 not this one\r\n".to_owned(),
                ("DATA", _) => {
                    in_mail = true;
                    "354 go ahead\r\n".to_owned()
                }
                ("QUIT", _) => return stream.shutdown().await,
                _ => "250 yes\r\n".to_owned(),
            }
        };
        stream.write_all(said.as_bytes()).await?;
        stream.flush().await?;
    }
}

async fn line(stream: &mut Tls, heard: &mut Vec<u8>) -> std::io::Result<Option<String>> {
    loop {
        if let Some(end) = heard.windows(2).position(|two| two == b"\r\n") {
            let line = String::from_utf8_lossy(&heard[..end]).into_owned();
            heard.drain(..end + 2);
            return Ok(Some(line));
        }
        if stream.read_buf(heard).await? == 0 {
            return Ok(None);
        }
    }
}
