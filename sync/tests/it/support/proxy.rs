//! A proxy between a run and its bucket that breaks what it is told to break, request by request.

use std::{
    io::{self, BufReader, Read, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// What is done to one request.
#[derive(Debug, Clone)]
pub enum Fault {
    None,
    /// Answered by the proxy, with this body.
    Status(u16, &'static str),
    /// Taken and never answered, as long as the other side waits.
    Silence,
    /// The connection is closed without an answer; the server never saw the request.
    Refuse,
    /// The server does it, but its answer is lost.
    LoseAnswer,
    /// Half of the answer arrives.
    CutAnswer,
    /// A byte of the answer's body is another one.
    FlipAnswer,
    /// The answer comes in small pieces with pauses.
    SlowAnswer,
}

/// What a script sees.
#[derive(Debug)]
pub struct Request<'r> {
    /// Counted from zero over all connections.
    pub number: usize,
    pub method: &'r str,
    pub path: &'r str,
    /// A whole file is asked for whose name says what it must hold. Nothing says it of the config, of a part or of a
    /// list, which TLS guards outside of tests.
    pub is_whole_file: bool,
}

pub struct Proxy {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    seen: Arc<AtomicUsize>,
}

type Script = dyn Fn(&Request<'_>) -> Fault + Send + Sync;

impl Proxy {
    pub fn start(server: SocketAddr, script: impl Fn(&Request<'_>) -> Fault + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (ended, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let script: Arc<Script> = Arc::new(script);
        let (over, counter) = (Arc::clone(&ended), Arc::clone(&seen));
        thread::spawn(move || {
            for client in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (script, counter) = (Arc::clone(&script), Arc::clone(&counter));
                // A broken connection is what this is for.
                thread::spawn(move || client.and_then(|client| serve(&client, server, &*script, &counter)));
            }
        });
        Self { address, ended, seen }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests so far.
    pub fn seen(&self) -> usize {
        self.seen.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// One request per connection: the answer says that it is the last.
fn serve(client: &TcpStream, server: SocketAddr, script: &Script, counter: &AtomicUsize) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let (head, length) = read_head(&mut reader)?;
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_whole_file = method == "GET"
        && !path.contains("list-type")
        && !path.contains("/config?")
        && !head.to_ascii_lowercase().contains("\nrange:");
    let number = counter.fetch_add(1, Ordering::Relaxed);
    let fault = script(&Request { number, method, path, is_whole_file });
    let mut body = vec![0; length];
    match fault {
        Fault::Refuse => return client.shutdown(Shutdown::Both),
        Fault::Silence => {
            // Until the other side has had enough.
            return io::copy(&mut reader, &mut io::sink()).map(|_| ());
        }
        Fault::Status(..)
        | Fault::None
        | Fault::LoseAnswer
        | Fault::CutAnswer
        | Fault::FlipAnswer
        | Fault::SlowAnswer => reader.read_exact(&mut body)?,
    }
    if let Fault::Status(status, text) = fault {
        let length = text.len();
        let answer = format!(
            "HTTP/1.1 {status} Broken\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
        );
        return (&mut &*client).write_all(answer.as_bytes());
    }
    let answer = ask(server, &head, &body)?;
    let body_at = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    let mut client = client;
    match fault {
        Fault::None | Fault::Status(..) | Fault::Silence | Fault::Refuse => client.write_all(&answer),
        Fault::LoseAnswer => client.shutdown(Shutdown::Both),
        Fault::CutAnswer => client.write_all(&answer[..body_at + (answer.len() - body_at) / 2]),
        Fault::FlipAnswer => {
            let mut answer = answer;
            let middle = body_at + (answer.len() - body_at) / 2;
            if let Some(byte) = answer.get_mut(middle) {
                *byte ^= 1;
            }
            client.write_all(&answer)
        }
        Fault::SlowAnswer => answer.chunks(answer.len().div_ceil(8).max(1)).try_for_each(|piece| {
            thread::sleep(Duration::from_millis(60));
            client.write_all(piece)
        }),
    }
}

fn read_head(reader: &mut impl io::BufRead) -> io::Result<(String, usize)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let lower = line.to_ascii_lowercase();
        if let Some(text) = lower.strip_prefix("content-length:") {
            length = text.trim().parse().map_err(io::Error::other)?;
        }
        if line == "\r\n" {
            return Ok((head, length));
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
}

/// The signature covers the host's name as the client gave it, which stays as it is.
fn ask(server: SocketAddr, head: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(server)?;
    server.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())?;
    server.write_all(body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    Ok(answer)
}
