//! What the hub and its engine child say to each other: JSON behind a length (u32, little endian), over stdin and stdout.

use std::io::{self, Read};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::engine::{GenEvent, GenRequest};

/// Longest frame in bytes, without its length. More is taken for a broken stream.
pub const MAX_FRAME: usize = 4 << 20;

/// Hub to child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum ToChild {
    Generate { id: u64, request: GenRequest },
    Cancel { id: u64 },
    Ping,
}

/// Child to hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
pub enum FromChild {
    /// The model is loaded; requests may come.
    Hello {
        hello: Hello,
    },
    /// The model cannot be loaded; the child ends after this.
    LoadFailed {
        why: String,
    },
    Event {
        id: u64,
        event: GenEvent,
    },
    /// Answer to `Ping`. `stuck_ms`: how long the engine thread has been in one step.
    Pong {
        stuck_ms: u64,
    },
    /// Sent with each `Pong`: what the engine itself counts.
    Status {
        running: u32,
        waiting: u32,
    },
}

/// What the child runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub model: String,
    pub languages: Vec<String>,
    /// `cpu`, `vulkan`, `cuda` or `scripted`.
    pub backend: String,
    /// Tokens of context shared by all running requests.
    pub context: u32,
    /// Requests that can run at the same time.
    pub slots: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes is longer than allowed")]
    TooLong(usize),
    #[error("a frame is not understood")]
    Malformed(#[from] serde_json::Error),
    #[error("the stream broke")]
    Io(#[from] io::Error),
}

/// The bytes of one frame, length first.
pub fn encode(frame: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, frame)?;
    let length = bytes.len() - 4;
    let head =
        u32::try_from(length).ok().filter(|_| length <= MAX_FRAME).ok_or(FrameError::TooLong(length))?;
    bytes[..4].copy_from_slice(&head.to_le_bytes());
    Ok(bytes)
}

/// Reads one frame; `None` at the end of the stream. Not cancel-safe.
pub async fn read<T: DeserializeOwned>(
    input: &mut (impl AsyncRead + Unpin),
) -> Result<Option<T>, FrameError> {
    let mut head = [0; 4];
    match input.read_exact(&mut head).await {
        Ok(_) => {}
        Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(err) => return Err(err.into()),
    }
    let mut body = vec![0; checked_length(head)?];
    input.read_exact(&mut body).await?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Reads one frame, blocking; `None` at the end of the stream.
pub fn read_blocking<T: DeserializeOwned>(input: &mut impl Read) -> Result<Option<T>, FrameError> {
    let mut head = [0; 4];
    match input.read_exact(&mut head) {
        Ok(()) => {}
        Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(err) => return Err(err.into()),
    }
    let mut body = vec![0; checked_length(head)?];
    input.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

fn checked_length(head: [u8; 4]) -> Result<usize, FrameError> {
    let length = u32::from_le_bytes(head) as usize;
    if length > MAX_FRAME { Err(FrameError::TooLong(length)) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::{Lane, Segment};

    fn generate(own: &str) -> ToChild {
        let request = GenRequest {
            shared: vec![Segment { key: "rules".into(), text: "Be kind.".into() }],
            own: own.into(),
            schema: Some(serde_json::json!({ "type": "boolean" })),
            lane: Lane::Lesson,
            class: None,
            pupil: None,
            deadline: Duration::from_millis(2500),
            max_tokens: 8,
        };
        ToChild::Generate { id: 7, request }
    }

    #[tokio::test]
    async fn a_frame_comes_back_as_it_went() {
        let frame = generate("안녕 \u{202e}\0");
        let bytes = encode(&frame).expect("fits");
        assert_eq!(read_blocking::<ToChild>(&mut bytes.as_slice()).expect("reads"), Some(frame.clone()));
        assert_eq!(read::<ToChild>(&mut bytes.as_slice()).await.expect("reads"), Some(frame));
        assert_eq!(read_blocking::<ToChild>(&mut [].as_slice()).expect("ends"), None);
    }

    #[test]
    fn refuses_long_broken_and_cut_frames() {
        assert!(matches!(encode(&generate(&"x".repeat(MAX_FRAME))), Err(FrameError::TooLong(_))));
        let huge = u32::MAX.to_le_bytes();
        assert!(matches!(read_blocking::<ToChild>(&mut huge.as_slice()), Err(FrameError::TooLong(_))));
        let nonsense = [2, 0, 0, 0, b'{', b'x'];
        assert!(matches!(read_blocking::<ToChild>(&mut nonsense.as_slice()), Err(FrameError::Malformed(_))));
        let cut = &encode(&ToChild::Ping).expect("fits")[..9];
        assert!(matches!(read_blocking::<ToChild>(&mut &*cut), Err(FrameError::Io(_))));
    }
}
