//! The closed loop: each connection sends its next request when the last reply is whole, for a set time.
//!
//! So the figures are those of N clients that wait for their answers; a hub that stalls is asked less in that time,
//! and the stall shows in the longest latencies. One thread, no locks: the tasks share through a `RefCell`.

use crate::{
    histogram::Histogram,
    http1::{Connection, Reply},
};
use anyhow::{Context, Result, bail, ensure};
use std::{
    cell::RefCell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

/// Makes requests and looks at replies.
pub trait Source {
    /// Replaces `request` by the next one.
    fn write_next(&mut self, request: &mut Vec<u8>);
    /// Whether the reply is what was asked for.
    fn accepts(&mut self, reply: &Reply<'_>) -> bool;
}

/// How long and how wide.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub connections: usize,
    /// Driven first and not counted.
    pub warm_up: Duration,
    pub measured: Duration,
}

/// What was measured.
#[derive(Debug)]
pub struct Driven {
    pub latencies: Histogram,
    /// The same by the time of the reply, a slice each [`SLICE`].
    pub slices: Vec<Histogram>,
    /// Accepted replies a second.
    pub rate: f64,
}

/// The resolution of latency over time.
pub const SLICE: Duration = Duration::from_millis(250);

/// Drives `source` against the hub. Any refusal or broken connection is an error: a figure that counts refusals as
/// work, or leaves them out, says nothing.
pub async fn drive<S: Source + 'static>(
    address: SocketAddr,
    extent: Extent,
    source: S,
) -> Result<(Driven, S)> {
    let mut connections = Vec::new();
    for _ in 0..extent.connections {
        connections.push(Connection::open(address).await.context("connecting to the hub")?);
    }
    let from = Instant::now() + extent.warm_up;
    let until = from + extent.measured;
    let slices = extent.measured.as_nanos().div_ceil(SLICE.as_nanos()) as usize;
    let shared = Rc::new(RefCell::new(Shared { source, slices: vec![Histogram::default(); slices] }));
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|connection| local.spawn_local(send_until(connection, Rc::clone(&shared), from, until)))
        .collect();
    local
        .run_until(async {
            for task in tasks {
                task.await??;
            }
            anyhow::Ok(())
        })
        .await?;
    drop(local);
    let Shared { source, slices } = Rc::into_inner(shared).context("a task still runs")?.into_inner();
    let mut latencies = Histogram::default();
    slices.iter().for_each(|slice| latencies.add(slice));
    ensure!(latencies.count() > 0, "not one reply in {:?}", extent.measured);
    let rate = latencies.count() as f64 / extent.measured.as_secs_f64();
    Ok((Driven { latencies, slices, rate }, source))
}

struct Shared<S> {
    source: S,
    slices: Vec<Histogram>,
}

async fn send_until<S: Source>(
    mut connection: Connection,
    shared: Rc<RefCell<Shared<S>>>,
    from: Instant,
    until: Instant,
) -> Result<()> {
    let mut request = Vec::with_capacity(2048);
    loop {
        shared.borrow_mut().source.write_next(&mut request);
        let sent = Instant::now();
        if sent >= until {
            return Ok(());
        }
        let refusal = connection
            .exchange(&request, |reply| {
                let accepted = shared.borrow_mut().source.accepts(reply);
                (!accepted).then(|| (reply.status, String::from_utf8_lossy(&reply.body).into_owned()))
            })
            .await
            .context("a connection to the hub broke")?;
        if let Some((status, body)) = refusal {
            bail!("the hub refused with {status}: {body}");
        }
        let done = Instant::now();
        if done >= from && done < until {
            let slice = ((done - from).as_nanos() / SLICE.as_nanos()) as usize;
            shared.borrow_mut().slices[slice].record(done - sent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    #[derive(Debug)]
    struct Pings {
        sent: u32,
        fail_at: u32,
    }

    impl Source for Pings {
        fn write_next(&mut self, request: &mut Vec<u8>) {
            self.sent += 1;
            request.clear();
            request.extend_from_slice(if self.sent == self.fail_at { b"fail" } else { b"ping" });
        }

        fn accepts(&mut self, reply: &Reply<'_>) -> bool {
            reply.status == 200
        }
    }

    /// Answers each `ping` with 200, anything else with 503.
    async fn pong() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = [0; 4];
                    while socket.read_exact(&mut request).await.is_ok() {
                        let status = if &request == b"ping" { 200 } else { 503 };
                        let reply = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                        socket.write_all(reply.as_bytes()).await.expect("a reader");
                    }
                });
            }
        });
        address
    }

    fn extent() -> Extent {
        Extent { connections: 4, warm_up: Duration::from_millis(50), measured: Duration::from_millis(300) }
    }

    #[tokio::test]
    async fn counts_what_was_answered_in_time() {
        let (driven, source) =
            drive(pong().await, extent(), Pings { sent: 0, fail_at: 0 }).await.expect("driven");
        let counted = driven.latencies.count();
        assert!(counted > 10 && counted < u64::from(source.sent), "{counted} of {}", source.sent);
        assert_eq!(driven.slices.len(), 2);
        assert!((driven.rate - counted as f64 / 0.3).abs() < 1e-6);
    }

    #[tokio::test]
    async fn a_refusal_is_an_error() {
        let error = drive(pong().await, extent(), Pings { sent: 0, fail_at: 20 }).await.expect_err("refused");
        assert!(error.to_string().contains("503"), "{error}");
    }
}
