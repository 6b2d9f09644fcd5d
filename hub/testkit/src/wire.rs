//! A bare TCP connection, for requests that no client would send and streams that need not be read to their end.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::waiting::within;

/// See the module.
pub struct Wire(TcpStream);

impl Wire {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        Wire(TcpStream::connect(address).await.expect("the hub listens"))
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("the connection is open");
    }

    /// Sends bytes to a hub that may hang up meanwhile.
    pub async fn send_anyway(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Tells the hub that nothing more comes.
    pub async fn close_writing(&mut self) {
        let _ = self.0.shutdown().await;
    }

    /// The status and headers of a reply.
    pub async fn head(&mut self) -> String {
        let mut head = Vec::new();
        let read = async {
            while !head.ends_with(b"\r\n\r\n") {
                match self.0.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
        };
        within("a reply", read).await;
        String::from_utf8(head).expect("headers are text")
    }

    /// Everything up to the end of the connection.
    pub async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        // A reset counts as an end.
        let _ = within("the end of the connection", self.0.read_to_end(&mut rest)).await;
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// The status of a reply whose body is not read: 0 if the connection ended without one.
pub fn status_of(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}
