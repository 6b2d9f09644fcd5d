//! As much of HTTP/1.1 as it takes to read a hub's replies on a kept connection, at a cost that leaves the two
//! cores to the hub: requests are bytes that were built before, a reply is its status line, its length and its body.

use std::{borrow::Cow, io, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A reply that ends within the bytes it was read from.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    pub status: u16,
    /// Borrowed unless it came in chunks.
    pub body: Cow<'a, [u8]>,
    /// How many of the bytes belong to this reply.
    pub used: usize,
    /// The hub closes the connection after it.
    pub closes: bool,
}

/// Not a reply of HTTP/1.1 that this program understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an HTTP/1.1 reply: {0}")]
pub struct Malformed(&'static str);

/// Nothing the hub sends in one piece is larger.
const REPLY_LIMIT: usize = 32 << 20;

/// Reads one reply from the beginning of `bytes`; `None` if it goes on beyond them.
pub fn parse_reply(bytes: &[u8]) -> Result<Option<Reply<'_>>, Malformed> {
    let Some(head_end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let body_at = head_end + 4;
    let mut lines = bytes[..head_end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let status = parse_status(lines.next().unwrap_or_default())?;
    let (mut length, mut chunked, mut closes) = (None, false, false);
    for line in lines {
        let colon =
            line.iter().position(|byte| *byte == b':').ok_or(Malformed("a header without a colon"))?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            length = Some(parse_number(value, 10).ok_or(Malformed("the length is not a number"))?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            chunked = value.eq_ignore_ascii_case(b"chunked");
        } else if name.eq_ignore_ascii_case(b"connection") {
            closes = value.eq_ignore_ascii_case(b"close");
        }
    }
    let rest = &bytes[body_at..];
    if chunked {
        return Ok(join_chunks(rest)?.map(|(body, used)| Reply {
            status,
            body: Cow::Owned(body),
            used: body_at + used,
            closes,
        }));
    }
    let length = match length {
        Some(length) => length,
        None if status == 204 || status == 304 => 0,
        None => return Err(Malformed("neither a length nor chunks")),
    };
    let whole = rest.get(..length);
    Ok(whole.map(|body| Reply { status, body: Cow::Borrowed(body), used: body_at + length, closes }))
}

/// A kept connection to the hub.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(16 << 10) })
    }

    /// Whether the hub has closed the connection meanwhile, as it does with idle ones.
    pub fn is_closed(&self) -> bool {
        // Between requests there is nothing to read; what there is would be the end.
        !matches!(self.stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends a request and hands its whole reply to `read`. An error means that the connection is of no more use.
    pub async fn exchange<T>(&mut self, request: &[u8], read: impl FnOnce(&Reply<'_>) -> T) -> io::Result<T> {
        self.received.clear();
        self.stream.write_all(request).await?;
        loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let invalid = |error: Malformed| io::Error::new(io::ErrorKind::InvalidData, error);
            if let Some(reply) = parse_reply(&self.received).map_err(invalid)? {
                if reply.used != self.received.len() {
                    return Err(invalid(Malformed("bytes after the reply")));
                }
                if reply.closes {
                    self.stream.shutdown().await?;
                }
                return Ok(read(&reply));
            }
            if self.received.len() > REPLY_LIMIT {
                return Err(invalid(Malformed("an endless reply")));
            }
        }
    }
}

fn parse_status(line: &[u8]) -> Result<u16, Malformed> {
    let rest = line.strip_prefix(b"HTTP/1.1 ").ok_or(Malformed("the first line"))?;
    let digits = rest.get(..3).ok_or(Malformed("the status"))?;
    let status = parse_number(digits, 10).and_then(|status| u16::try_from(status).ok());
    status.filter(|status| (200..600).contains(status)).ok_or(Malformed("the status"))
}

/// The joined chunks and where they end, trailers included.
fn join_chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Malformed> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line) = line_at(bytes, at) else { return Ok(None) };
        let size_end = line.iter().position(|byte| *byte == b';').unwrap_or(line.len());
        let size = parse_number(line[..size_end].trim_ascii(), 16).ok_or(Malformed("the size of a chunk"))?;
        at += line.len() + 2;
        if size == 0 {
            loop {
                let Some(trailer) = line_at(bytes, at) else { return Ok(None) };
                at += trailer.len() + 2;
                if trailer.is_empty() {
                    return Ok(Some((body, at)));
                }
            }
        }
        let Some(chunk) = bytes.get(at..at + size + 2) else { return Ok(None) };
        if !chunk.ends_with(b"\r\n") {
            return Err(Malformed("the end of a chunk"));
        }
        body.extend_from_slice(&chunk[..size]);
        at += size + 2;
    }
}

/// The line that begins at `at`, without its end; `None` if it goes on beyond the bytes.
fn line_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    Some(&rest[..rest.windows(2).position(|two| two == b"\r\n")?])
}

/// At most the reply limit, so that sums of it cannot overflow.
fn parse_number(digits: &[u8], radix: u32) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok()?;
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    usize::from_str_radix(text, radix).ok().filter(|number| plain && *number <= REPLY_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WITH_LENGTH: &[u8] =
        b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\ncontent-length: 11\r\n\r\n{\"a\":\"\xea\xb0\x80\"}";
    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: Close\r\n\r\n\
        5;ext=1\r\nhello\r\nA\r\n, chunks\r\n\r\n0\r\ntrailer: x\r\n\r\n";

    #[test]
    fn reply_with_a_length() {
        let reply = parse_reply(WITH_LENGTH).expect("well formed").expect("whole");
        assert_eq!((reply.status, &*reply.body, reply.closes), (201, "{\"a\":\"가\"}".as_bytes(), false));
        assert_eq!(reply.used, WITH_LENGTH.len());
    }

    #[test]
    fn reply_in_chunks() {
        let reply = parse_reply(CHUNKED).expect("well formed").expect("whole");
        assert_eq!((reply.status, &*reply.body, reply.closes), (200, &b"hello, chunks\r\n"[..], true));
        assert_eq!(reply.used, CHUNKED.len());
    }

    #[test]
    fn every_beginning_is_unfinished() {
        for whole in [WITH_LENGTH, CHUNKED] {
            for end in 0..whole.len() {
                assert_eq!(parse_reply(&whole[..end]), Ok(None), "cut at {end}");
            }
        }
    }

    #[test]
    fn no_content_has_no_body() {
        let reply = parse_reply(b"HTTP/1.1 204 No Content\r\n\r\n").expect("well formed").expect("whole");
        assert!(reply.body.is_empty());
    }

    #[test]
    fn what_follows_is_left() {
        let two = [WITH_LENGTH, CHUNKED].concat();
        let first = parse_reply(&two).expect("well formed").expect("whole");
        let second = parse_reply(&two[first.used..]).expect("well formed").expect("whole");
        assert_eq!((first.status, second.status), (201, 200));
    }

    #[test]
    fn malformed_replies() {
        for bytes in [
            &b"HTTP/2 200\r\n\r\n"[..],
            b"HTTP/1.1 99 Low\r\n\r\n",
            b"HTTP/1.1 2x0 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabcd\r\n",
        ] {
            assert!(parse_reply(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }

    proptest! {
        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(parse_reply(&bytes));
            let chunked = [&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"[..], &bytes].concat();
            drop(parse_reply(&chunked));
        }
    }

    /// The same replies over a socket, in every way of cutting them in two.
    #[tokio::test]
    async fn exchange_over_a_socket() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a client");
            socket.set_nodelay(true).expect("a socket");
            for cut in 1..WITH_LENGTH.len() {
                let mut request = [0; 4];
                socket.read_exact(&mut request).await.expect("a request");
                socket.write_all(&WITH_LENGTH[..cut]).await.expect("a reader");
                tokio::task::yield_now().await;
                socket.write_all(&WITH_LENGTH[cut..]).await.expect("a reader");
            }
        });
        let mut connection = Connection::open(address).await.expect("connected");
        for _ in 1..WITH_LENGTH.len() {
            let body = connection.exchange(b"ping", |reply| reply.body.to_vec()).await.expect("a reply");
            assert_eq!(body.len(), 11);
        }
        server.await.expect("served");
        assert!(connection.exchange(b"ping", |_| ()).await.is_err());
    }
}
