//! A WebSocket without a charger behind it: for handshakes and frames that no charger would send.

use std::collections::VecDeque;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use ocpp::Frame;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use crate::client::{basic_auth, websocket_config};

const PATIENCE: Duration = Duration::from_secs(15);
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// A handshake, header by header.
#[derive(Debug, Clone)]
pub struct RawRequest {
    url: String,
    headers: Vec<(String, String)>,
}

impl RawRequest {
    /// The whole URL, `ws://127.0.0.1:3000/ocpp/CP-1`. Its path is sent as it is.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Vec::new() }
    }

    /// One name, or several with commas.
    pub fn subprotocol(self, names: &str) -> Self {
        self.header("Sec-WebSocket-Protocol", names)
    }

    pub fn basic(self, user: &str, password: &str) -> Self {
        let value = basic_auth(user, password);
        self.header("Authorization", &value)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RawError {
    #[error("the URL must be ws://HOST[:PORT]/PATH: {0}")]
    BadUrl(String),
    #[error("no connection: {0}")]
    Io(#[from] std::io::Error),
    #[error("the handshake was refused with HTTP {status}: {body}")]
    Refused { status: u16, body: String },
    #[error("the answer is no HTTP response")]
    NoHttp,
    #[error("nothing came within {PATIENCE:?}")]
    TimedOut,
    #[error("the socket broke: {0}")]
    Socket(String),
    #[error("the socket was closed: {0:?}")]
    Closed(RawFrame),
}

/// What comes over the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawFrame {
    Text(String),
    Binary(Vec<u8>),
    Ping,
    Pong,
    /// With the close code, or `None` if the connection just ended.
    Closed {
        code: Option<u16>,
        reason: String,
    },
}

#[derive(Debug)]
pub struct RawClient {
    socket: WebSocketStream<TcpStream>,
    selected_protocol: Option<String>,
    /// Frames that came while an answer was awaited.
    waiting: VecDeque<RawFrame>,
    next_id: u64,
}

impl RawClient {
    pub async fn connect(request: RawRequest) -> Result<Self, RawError> {
        match tokio::time::timeout(PATIENCE, Self::handshake(request)).await {
            Ok(result) => result,
            Err(_) => Err(RawError::TimedOut),
        }
    }

    async fn handshake(request: RawRequest) -> Result<Self, RawError> {
        let rest = request.url.strip_prefix("ws://").ok_or_else(|| RawError::BadUrl(request.url.clone()))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut head = format!(
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dmlydHVhbC1jaGFyZ2VyIQ==\r\n"
        );
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut read = Vec::new();
        let end = loop {
            if let Some(end) = find(&read, b"\r\n\r\n") {
                break end;
            }
            if read.len() > MAX_RESPONSE_BYTES || stream.read_buf(&mut read).await? == 0 {
                return Err(RawError::NoHttp);
            }
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let rest = read.split_off(end + 4);
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(RawError::NoHttp)?;
        let header = |wanted: &str| {
            let fields = head.lines().filter_map(|line| line.split_once(':'));
            fields.clone().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
        };
        if status != 101 {
            let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = rest;
            while body.len() < length.min(MAX_RESPONSE_BYTES) && stream.read_buf(&mut body).await? > 0 {}
            return Err(RawError::Refused { status, body: String::from_utf8_lossy(&body).into_owned() });
        }
        let selected_protocol = header("sec-websocket-protocol");
        let socket = WebSocketStream::from_partially_read(
            stream,
            rest,
            Role::Client,
            Some(websocket_config().max_write_buffer_size(usize::MAX)),
        )
        .await;
        Ok(Self { socket, selected_protocol, waiting: VecDeque::new(), next_id: 1 })
    }

    /// The subprotocol that the server chose.
    pub fn selected_protocol(&self) -> Option<&str> {
        self.selected_protocol.as_deref()
    }

    pub async fn send(&mut self, text: impl Into<String>) -> Result<(), RawError> {
        self.message(Message::text(text.into())).await
    }

    pub async fn send_binary(&mut self, bytes: Vec<u8>) -> Result<(), RawError> {
        self.message(Message::binary(bytes)).await
    }

    pub async fn ping(&mut self) -> Result<(), RawError> {
        self.message(Message::Ping(Vec::new().into())).await
    }

    pub async fn close(&mut self, code: u16, reason: &str) -> Result<(), RawError> {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.to_owned().into() };
        self.message(Message::Close(Some(frame))).await
    }

    async fn message(&mut self, message: Message) -> Result<(), RawError> {
        match tokio::time::timeout(PATIENCE, self.socket.send(message)).await {
            Ok(sent) => sent.map_err(|error| RawError::Socket(error.to_string())),
            Err(_) => Err(RawError::TimedOut),
        }
    }

    /// Writes bytes below the WebSocket: broken headers, unmasked frames.
    pub async fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), RawError> {
        self.socket.get_mut().write_all(bytes).await.map_err(RawError::Io)
    }

    /// The next frame, whatever it is; the end of the connection is one too.
    pub async fn frame(&mut self) -> Result<RawFrame, RawError> {
        if let Some(frame) = self.waiting.pop_front() {
            return Ok(frame);
        }
        self.receive().await
    }

    /// The next text. Pings are passed over (the library answers them).
    pub async fn text(&mut self) -> Result<String, RawError> {
        loop {
            match self.frame().await? {
                RawFrame::Text(text) => return Ok(text),
                closed @ RawFrame::Closed { .. } => return Err(RawError::Closed(closed)),
                _ => {}
            }
        }
    }

    /// Waits for the end of the connection: the close code, if there was one.
    pub async fn closed(&mut self) -> Result<Option<u16>, RawError> {
        loop {
            if let RawFrame::Closed { code, .. } = self.frame().await? {
                return Ok(code);
            }
        }
    }

    async fn receive(&mut self) -> Result<RawFrame, RawError> {
        let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.map_err(|_| RawError::TimedOut)?;
        Ok(match message {
            Some(Ok(Message::Text(text))) => RawFrame::Text(text.as_str().to_owned()),
            Some(Ok(Message::Binary(bytes))) => RawFrame::Binary(bytes.to_vec()),
            Some(Ok(Message::Ping(_))) => RawFrame::Ping,
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => RawFrame::Pong,
            Some(Ok(Message::Close(close))) => {
                // The answer to a close frame goes out with the next read; then the connection is over.
                let _ = tokio::time::timeout(PATIENCE, self.socket.next()).await;
                let (code, reason) =
                    close.map_or((None, String::new()), |close| (Some(close.code.into()), close.reason.to_string()));
                RawFrame::Closed { code, reason }
            }
            Some(Err(error)) => RawFrame::Closed { code: None, reason: error.to_string() },
            None => RawFrame::Closed { code: None, reason: String::new() },
        })
    }

    /// Sends a CALL with an id of its own and waits for its answer, which is returned as the whole frame. What comes in between
    /// is kept for [`Self::frame`].
    pub async fn call(&mut self, action: &str, payload: &str) -> Result<String, RawError> {
        let id = format!("raw-{}", self.next_id);
        self.next_id += 1;
        self.send(format!(r#"[2,"{id}","{action}",{payload}]"#)).await?;
        self.answer(&id).await
    }

    /// Waits for the answer to this id.
    pub async fn answer(&mut self, id: &str) -> Result<String, RawError> {
        let mut passed = VecDeque::new();
        let result = loop {
            match self.frame().await {
                Ok(RawFrame::Text(text)) => {
                    let is_answer = match Frame::parse(&text) {
                        Ok(Frame::Call { .. }) | Err(_) => false,
                        Ok(frame) => frame.id() == id,
                    };
                    if is_answer {
                        break Ok(text);
                    }
                    passed.push_back(RawFrame::Text(text));
                }
                Ok(closed @ RawFrame::Closed { .. }) => break Err(RawError::Closed(closed)),
                Ok(other) => passed.push_back(other),
                Err(error) => break Err(error),
            }
        };
        passed.append(&mut self.waiting);
        self.waiting = passed;
        result
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
