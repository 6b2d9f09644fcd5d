//! What belongs to the running request without being passed from hand to hand: where it came from, for the audit log,
//! and its id, for the log. Both go along to the threads of the database.

use std::net::{IpAddr, SocketAddr};

use tracing::{Instrument, Span};

tokio::task_local! {
    static PEER: Option<IpAddr>;
}

/// Runs a request as one that came from `peer` and has this id.
pub async fn serve<F: Future>(peer: Option<SocketAddr>, id: &str, work: F) -> F::Output {
    // An error's span, so that the id stands in the lines whatever level is logged.
    let span = tracing::error_span!("request", id);
    PEER.scope(peer.map(|peer| peer.ip().to_canonical()), work.instrument(span)).await
}

/// Where the running request came from; nothing for the hub's own work.
pub fn peer() -> Option<IpAddr> {
    PEER.try_with(|peer| *peer).ok().flatten()
}

/// Work that goes on in a task of its own and belongs to this request all the same.
pub fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
    PEER.scope(peer(), work.instrument(Span::current()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_origin_goes_along_to_other_tasks() {
        assert_eq!(peer(), None);
        let from: SocketAddr = "[::ffff:192.168.0.7]:9".parse().expect("address");
        let seen = serve(Some(from), "1", async { tokio::spawn(carry(async { peer() })).await });
        assert_eq!(seen.await.expect("no panic"), Some("192.168.0.7".parse().expect("address")));
        assert_eq!(peer(), None);
    }
}
