//! Just enough HTTP/2 to be rude in it: frames by hand, no header compression that needs a table.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{LogKeeper, Seen};

/// What an HTTP/2 receiver does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// 200, without a body.
    Answers,
    /// GOAWAY without an error, refusing the request: libraries send it again by themselves.
    GoesAway,
    /// REFUSED_STREAM: libraries send it again by themselves.
    Refuses,
    /// RST_STREAM with INTERNAL_ERROR.
    Resets,
    /// Answers the first request of each connection, then reads nothing and says nothing any more.
    GoesDark,
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// Each request counts when its stream is opened; its headers stay compressed and are not read.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    manners: &Manners,
    log: &LogKeeper,
    connection: usize,
) -> std::io::Result<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    stream.flush().await?;
    let mut served = 0;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let (kind, flags) = (head[3], head[4]);
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await?;
        if kind == HEADERS {
            log.note(|log| {
                log.requests.push(Seen {
                    connection,
                    method: "h2".to_owned(),
                    target: String::new(),
                    headers: Vec::new(),
                    body: Vec::new(),
                });
            });
            match manners {
                Manners::GoesAway => {
                    // Last stream 0: this one was not looked at.
                    stream.write_all(&frame(GOAWAY, 0, 0, &[0; 8])).await?;
                }
                Manners::Refuses => stream.write_all(&reset(id, 7)).await?,
                Manners::Resets => stream.write_all(&reset(id, 2)).await?,
                Manners::Answers | Manners::GoesDark => {}
            }
        }
        let whole = (kind == DATA || kind == HEADERS) && flags & END_STREAM != 0;
        if whole && matches!(manners, Manners::Answers | Manners::GoesDark) {
            if *manners == Manners::GoesDark && served == 1 {
                std::future::pending::<()>().await;
            }
            served += 1;
            // 0x88 is `:status: 200` in the static table.
            let answer = frame(HEADERS, END_STREAM | END_HEADERS, id, &[0x88]);
            stream.write_all(&answer).await?;
        }
        if kind == SETTINGS && flags & ACK == 0 {
            stream.write_all(&frame(SETTINGS, ACK, 0, &[])).await?;
        }
        if kind == PING && flags & ACK == 0 {
            stream.write_all(&frame(PING, ACK, 0, &payload)).await?;
        }
        stream.flush().await?;
    }
}

fn reset(id: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, id, &code.to_be_bytes())
}

fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(id.to_be_bytes());
    bytes.extend(payload);
    bytes
}
